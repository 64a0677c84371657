package org.strictkeepalive.internal.jetty;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import javax.net.ssl.SSLContext;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.server.NegotiatingServerConnection;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.testkit.FakeChannel;
import org.strictkeepalive.testkit.GovernorFixture;
import org.strictkeepalive.testkit.MemoryEndPoint;

/** What Jetty tells a connector's governor, in the orders in which it may. */
class ConnectorGovernorTest extends GovernorFixture {
    private ConnectorGovernor governed() throws Exception {
        return Inside.governor(start(b -> b), connector);
    }

    private Connection handshake(EndPoint endPoint) throws Exception {
        Connection connection = new NegotiatingServerConnection(
                connector, endPoint, SSLContext.getDefault().createSSLEngine(), List.of(), "http/1.1") {};
        endPoint.setConnection(connection);
        return connection;
    }

    private void assertNothingIsOpen(long opened) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        assertEquals(0, statistics.getOpen());
        assertEquals(0, monitor.getOpenConnections());
        assertEquals(opened, statistics.getOpened());
        assertEquals(opened, statistics.getClosed(CloseReason.HANDSHAKE));
    }

    @Test
    void aHandshakeIsCountedUntilItsEnd() throws Exception {
        ConnectorGovernor governed = governed();
        MemoryEndPoint endPoint = new MemoryEndPoint(scheduler);
        Connection handshake = handshake(endPoint);
        governed.onOpened(handshake);
        governed.onOpened(handshake);
        assertEquals(1, monitor.getOpenConnections());
        endPoint.close();
        governed.onClosed(handshake);
        assertNothingIsOpen(1);
    }

    /** Jetty tells of the close on another thread than of the open, and may do so before. */
    @Test
    void aHandshakeThatIsClosedBeforeItIsOpenedIsNotLeftOpen() throws Exception {
        ConnectorGovernor governed = governed();
        MemoryEndPoint endPoint = new MemoryEndPoint(scheduler);
        Connection handshake = handshake(endPoint);
        endPoint.close();
        governed.onClosed(handshake);
        governed.onOpened(handshake);
        assertNothingIsOpen(1);
    }

    /** Jetty tells first that it was accepted, then that the accept failed. */
    @Test
    void anAcceptWhoseEndPointCannotBeMadeIsCountedDownOnce() throws Exception {
        SelectorManager.AcceptListener accepts = governed().accepts();
        FakeChannel failing = new FakeChannel();
        accepts.onAccepting(failing);
        accepts.onAccepting(new FakeChannel());
        accepts.onAccepted(failing);
        accepts.onAcceptFailed(failing, new IllegalStateException("no endpoint"));
        monitor.sample();
        assertEquals(1, governor.pressure().open());
    }

    @Test
    void anAcceptThatFailsBeforeItsEndPointIsMadeIsCountedDown() throws Exception {
        SelectorManager.AcceptListener accepts = governed().accepts();
        FakeChannel failing = new FakeChannel();
        accepts.onAccepting(failing);
        monitor.sample();
        assertEquals(1, governor.pressure().open());
        accepts.onAcceptFailed(failing, new IllegalStateException("not registered"));
        monitor.sample();
        assertEquals(0, governor.pressure().open());
    }
}
