package org.strictkeepalive.internal.server;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.channels.Pipe;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.Jetty;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.testkit.FakeConnector;

class AcceptGateTest {
    private final AcceptGate gate = new AcceptGate();
    private final Server server = new Server();

    private FakeConnector connector(int acceptors) {
        return new FakeConnector(server, acceptors, new HttpConnectionFactory());
    }

    private FakeConnector started(int acceptors) throws Exception {
        FakeConnector connector = connector(acceptors);
        server.start();
        return connector;
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    @Test
    void whatAcceptsIsPausedAndResumed() throws Exception {
        FakeConnector connector = started(1);
        gate.pause(connector);
        assertFalse(connector.isAccepting());
        assertTrue(gate.isPaused());
        gate.resume();
        assertTrue(connector.isAccepting());
        assertFalse(gate.isPaused());
        assertEquals(List.of(false, true), connector.switches);
    }

    @Test
    void aUnixDomainConnectorThatWouldLoseItsSocketIsNotPaused(@TempDir Path directory) throws Exception {
        UnixDomainServerConnector connector = new UnixDomainServerConnector(server) {};
        connector.setUnixDomainPath(directory.resolve("test.sock"));
        server.addConnector(connector);
        server.start();
        gate.pause(connector);
        assertEquals(AcceptGate.losesItsSocket(connector.getClass(), Jetty.VERSION), connector.isAccepting());
        gate.resume();
        assertTrue(connector.isAccepting());
        assertFalse(gate.isPaused());
        assertTrue(((SelectableChannel) connector.getTransport()).isOpen());
    }

    @Test
    void onlyOldJettysLoseTheSocketOfAUnixDomainConnector() {
        assertTrue(AcceptGate.losesItsSocket(UnixDomainServerConnector.class, "12.0.16"));
        assertTrue(AcceptGate.losesItsSocket(UnixDomainServerConnector.class, "12.1.12"));
        assertFalse(AcceptGate.losesItsSocket(UnixDomainServerConnector.class, "12.1.14"));
        assertFalse(AcceptGate.losesItsSocket(UnixDomainServerConnector.class, "12.2.0"));
        assertFalse(AcceptGate.losesItsSocket(ServerConnector.class, "12.0.16"));
    }

    @Test
    void pausingAndResumingAgainSwitchesNothing() throws Exception {
        FakeConnector connector = started(1);
        gate.pause(connector);
        gate.pause(connector);
        gate.pause(connector);
        gate.resume();
        gate.resume();
        assertEquals(List.of(false, true), connector.switches);
    }

    @Test
    void aConnectorThatSomebodyElsePausedStaysPaused() throws Exception {
        FakeConnector connector = started(1);
        connector.setAccepting(false);
        gate.pause(connector);
        assertFalse(gate.isPaused());
        gate.resume();
        gate.release(connector);
        assertFalse(connector.isAccepting());
        assertEquals(List.of(false), connector.switches);
    }

    @Test
    void aConnectorThatSomebodyElseResumedIsPausedAgainAndResumedOnce() throws Exception {
        FakeConnector connector = started(1);
        gate.pause(connector);
        connector.setAccepting(true);
        gate.pause(connector);
        assertFalse(connector.isAccepting());
        gate.resume();
        assertTrue(connector.isAccepting());
        assertFalse(gate.isPaused());
    }

    @Test
    void resumingActsOnNoOtherConnector() throws Exception {
        FakeConnector mine = connector(1);
        FakeConnector other = started(1);
        other.setAccepting(false);
        gate.pause(mine);
        gate.pause(other);
        gate.resume();
        assertTrue(mine.isAccepting());
        assertFalse(other.isAccepting());
    }

    @Test
    void aConnectorThatStopsIsReleasedSinceItsFlagOutlivesTheStop() throws Exception {
        FakeConnector connector = started(1);
        gate.pause(connector);
        server.stop();
        gate.release(connector);
        assertFalse(gate.isPaused());
        server.start();
        assertTrue(connector.isAccepting());
    }

    @Test
    void aConnectorThatWasNotPausedHereIsNotReleased() throws Exception {
        FakeConnector connector = started(1);
        gate.release(connector);
        assertEquals(List.of(), connector.switches);
    }

    @Test
    void aConnectorThatDoesNotRunIsNotPaused() {
        FakeConnector connector = connector(1);
        gate.pause(connector);
        assertFalse(gate.isPaused());
        assertEquals(List.of(), connector.switches);
    }

    @Test
    void withoutAcceptorsResumingWaitsForTheOldSelectionKey() throws Exception {
        FakeConnector connector = started(0);
        Pipe pipe = Pipe.open();
        try (Selector selector = Selector.open();
                Pipe.SourceChannel channel = pipe.source();
                Pipe.SinkChannel ignored = pipe.sink()) {
            channel.configureBlocking(false);
            connector.transport = channel;
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
            gate.pause(connector);
            key.cancel();
            gate.resume();
            assertTrue(gate.isPaused(), "the key is cancelled but still registered");
            assertFalse(connector.isAccepting());
            selector.selectNow();
            gate.resume();
            assertFalse(gate.isPaused());
            assertTrue(connector.isAccepting());
        }
    }

    @Test
    void withoutAcceptorsWhatIsNotRegisteredIsNotPaused() throws Exception {
        FakeConnector connector = started(0);
        Pipe pipe = Pipe.open();
        try (Pipe.SourceChannel channel = pipe.source();
                Pipe.SinkChannel ignored = pipe.sink()) {
            connector.transport = channel;
            gate.pause(connector);
            assertFalse(gate.isPaused());
            assertEquals(List.of(), connector.switches);
        }
    }

    @Test
    void oneConnectorThatHasToWaitDoesNotHoldUpAnother() throws Exception {
        FakeConnector waits = connector(0);
        FakeConnector ready = started(1);
        Pipe pipe = Pipe.open();
        try (Selector selector = Selector.open();
                Pipe.SourceChannel channel = pipe.source();
                Pipe.SinkChannel ignored = pipe.sink()) {
            channel.configureBlocking(false);
            waits.transport = channel;
            channel.register(selector, SelectionKey.OP_READ);
            gate.pause(waits);
            gate.pause(ready);
            gate.resume();
            assertFalse(waits.isAccepting());
            assertTrue(ready.isAccepting());
            assertTrue(gate.isPaused());
        }
    }

    @Test
    void aListeningSocketWithoutAcceptorsSurvivesPausesInQuickSuccession() throws Exception {
        ServerConnector connector = new ServerConnector(server, 0, 1, new HttpConnectionFactory());
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.start();
        for (int i = 0; i < 50; i++) {
            gate.pause(connector);
            gate.resume();
            await().pollInterval(Duration.ofMillis(1))
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> {
                        gate.resume();
                        return !gate.isPaused();
                    });
            assertTrue(((ServerSocketChannel) connector.getTransport()).isOpen());
            assertTrue(connector.isAccepting());
        }
    }

    /** With one acceptor and a reserve of 16. */
    @ParameterizedTest
    @CsvSource({
        "HIGH, 200, 17, true, true, false",
        "CRITICAL, 200, 16, false, false, true",
        "CRITICAL, 200, 16, false, true, false", // nothing can go: visitors may use the reserve
        "CRITICAL, 200, 5, false, true, false",
        "CRITICAL, 200, 4, false, true, true", // all but the last few
        "CRITICAL, 200, 0, false, true, true",
        "CRITICAL, 200, 900, true, true, true", // as many as maxConnections allows
        "CRITICAL, 0, 1, false, false, false", // nobody would end the pause
        "CRITICAL, 0, 0, false, true, true",
    })
    void theReservePausesOnlyWhereSomethingIsAboutToGo(
            PressureLevel level, int open, long free, boolean full, boolean stuck, boolean shut) {
        Pressure pressure = new Pressure(level, 1, 1, 1000 - free, 1000, 16, open, 0, 0, Verdict.NONE);
        assertEquals(shut, AcceptGate.isShut(pressure, full, stuck, 1));
    }
}
