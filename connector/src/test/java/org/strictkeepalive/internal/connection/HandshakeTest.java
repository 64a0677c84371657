package org.strictkeepalive.internal.connection;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.VirtualGovernor;

/** Who a handshake waits for, in virtual time. The socket is a real one, whose unread bytes count. */
class HandshakeTest {
    private static final long MS = 1_000_000L;
    private static final long STEP = 10 * MS;

    private final VirtualGovernor governor = new VirtualGovernor(Long.MAX_VALUE - 500 * MS); // nanoTime may wrap
    private long bytesIn;
    private SocketChannel client;
    private SocketChannel server;
    private MemoryEndPoint endPoint;
    private Handshake handshake;

    @BeforeEach
    void connect() throws IOException {
        try (ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            client = SocketChannel.open(listener.getLocalAddress());
            server = listener.accept();
        }
        server.configureBlocking(false);
        endPoint = onSocket();
        endPoint.setConnection(new AbstractConnection(endPoint, Runnable::run) {
            @Override
            public void onFillable() {}

            @Override
            public long getBytesIn() {
                return bytesIn;
            }
        });
        handshake = new Handshake(governor, endPoint);
        governor.pressure = critical(1);
    }

    private MemoryEndPoint onSocket() {
        return new MemoryEndPoint(new FakeScheduler()) {
            @Override
            public Object getTransport() {
                return server;
            }
        };
    }

    private static Pressure critical(double squeeze) {
        return new Pressure(PressureLevel.CRITICAL, 1, squeeze, 100, 100, 10, 1, 0, 0, Verdict.NONE);
    }

    @AfterEach
    void close() throws IOException {
        client.close();
        server.close();
    }

    private void waitForClient() {
        assertTrue(endPoint.tryFillInterested(Callback.NOOP));
    }

    private void send(int bytes) throws IOException {
        client.write(ByteBuffer.allocate(bytes));
        await().until(() -> Sockets.hasUnread(endPoint));
    }

    /** As relief does. */
    private void look() {
        handshake.look(new Tick(governor.now, governor.pressure));
    }

    private boolean isComingAfter(long millis) {
        for (long end = governor.now + millis * MS; governor.now - end < 0; ) {
            governor.now += STEP;
            look();
            handshake.isComing(governor.now);
        }
        return handshake.isComing(governor.now);
    }

    @Test
    void silentClientIsNotWaitedForAtCritical() {
        waitForClient();
        assertFalse(isComingAfter(0));
        assertTrue(handshake.evict(handshake.since(), governor.now));
        assertEquals(CloseReason.EVICTED, handshake.reason());
        assertFalse(endPoint.isOpen());
    }

    @Test
    void whatTheServerHasNotReadYetIsNotSilence() throws IOException {
        waitForClient();
        send(400);
        assertTrue(isComingAfter(5000));
        assertFalse(handshake.evict(handshake.since(), governor.now));
        assertTrue(endPoint.isOpen());
    }

    @Test
    void bytesThatComeBehindTheLookKeepItToo() throws IOException {
        waitForClient();
        assertFalse(isComingAfter(0));
        send(1);
        assertFalse(handshake.evict(handshake.since(), governor.now));
        assertTrue(endPoint.isOpen());
    }

    @Test
    void timeThatTheServerNeedsIsNotTheClients() {
        governor.pressure = critical(0);
        bytesIn = 400;
        assertTrue(isComingAfter(3000), "the server works on the ClientHello");
        waitForClient();
        assertTrue(isComingAfter(900), "the client has its second all the same");
        assertFalse(isComingAfter(200));
        assertTrue(handshake.evict(handshake.since(), governor.now));
    }

    @Test
    void clientThatTakesNothingOfTheHandshakeIsNotWaitedFor() throws IOException {
        governor.pressure = critical(0);
        bytesIn = 400;
        send(400);
        assertTrue(isComingAfter(500));
        endPoint.write(Callback.NOOP, ByteBuffer.allocate(2 * MemoryEndPoint.OUTPUT));
        assertTrue(endPoint.isWritePending());
        assertFalse(isComingAfter(1100));
        assertTrue(handshake.evict(handshake.since(), governor.now));
    }

    @Test
    void shrunkTimeoutCountsTheClientsTimeOnly() {
        bytesIn = 400;
        isComingAfter(3000);
        waitForClient();
        isComingAfter(900);
        assertTrue(endPoint.isOpen());
        isComingAfter(200);
        assertFalse(endPoint.isOpen());
        assertEquals(CloseReason.SHORTENED, handshake.reason());
    }

    @Test
    void noHandshakeTakesLongerThanItsTimeout() {
        bytesIn = 400;
        isComingAfter(9900);
        assertTrue(endPoint.isOpen());
        isComingAfter(200);
        assertFalse(endPoint.isOpen());
        assertEquals(CloseReason.HANDSHAKE, handshake.reason());
        assertEquals(1, governor.told);
    }

    /** The timer and relief may still hold it, and its socket has another connection. */
    @Test
    void oneThatIsOverClosesNothing() {
        waitForClient();
        handshake.over();
        isComingAfter(10_000);
        assertFalse(handshake.evict(handshake.since(), governor.now));
        assertTrue(endPoint.isOpen());
        assertEquals(0, governor.told);
    }

    @Test
    void successorInheritsTheClientsTimeOnly() {
        bytesIn = 400;
        long accepted = governor.now;
        isComingAfter(3000);
        assertEquals(governor.now + 5 * MS, handshake.sinceAtEnd(governor.now + 5 * MS));
        assertEquals(accepted, handshake.openedAt());
    }

    @Test
    void firstRequestIsWaitedForInTheSameWay() throws Exception {
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults())) {
            endPoint = onSocket();
            ConnectionGuard guard = memory.open(endPoint);
            long now = memory.scheduler.now + 5000 * MS;
            assertFalse(guard.isComing(now));
            send(100);
            assertTrue(guard.isComing(now));
            assertFalse(guard.isComing(now + 5000 * MS));
            server.read(ByteBuffer.allocate(100));
            assertFalse(guard.isComing(now));
        }
    }

    @Test
    void itIsTheServersTurnUntilWhatHasComeIsHandled() throws IOException {
        assertTrue(Sockets.isServersTurn(endPoint)); // It works, and waits for nothing.
        waitForClient();
        assertFalse(Sockets.isServersTurn(endPoint));
        send(1);
        assertTrue(Sockets.isServersTurn(endPoint));
    }

    @Test
    void closedSocketHasNothingUnread() throws IOException {
        server.close();
        assertFalse(Sockets.hasUnread(endPoint));
        assertFalse(Sockets.hasUnread(new MemoryEndPoint(new FakeScheduler())));
    }
}
