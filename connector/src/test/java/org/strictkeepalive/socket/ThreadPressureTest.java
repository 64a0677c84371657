package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.OperatorLines;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.SmallServer;
import org.strictkeepalive.testkit.Transport;

/** Slow clients hold all threads of a server that has plenty of descriptors. */
@Timeout(120)
class ThreadPressureTest {
    private static final int THREADS = SmallServer.THREADS;
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final String SLOW_POST = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nabc";

    /** More slow clients than threads. */
    private static void slowPosts(SmallServer small) throws Exception {
        List<RawClient> slow = new ArrayList<>();
        for (int i = 0; i < 2 * THREADS; i++) {
            slow.add(small.connect());
        }
        for (RawClient client : slow) {
            client.send(SLOW_POST);
        }
        await().atMost(LONG).until(() -> small.blocked.get() >= THREADS / 2);
    }

    private static RawClient.Answer visit(SmallServer small, int patience) throws IOException {
        RawClient visitor = small.connect();
        visitor.socket().setSoTimeout(patience);
        return visitor.get();
    }

    private static KeepAlivePolicy defaults() {
        return KeepAlivePolicy.builder().build();
    }

    @Test
    void plainJettyServesNobody() throws Exception {
        try (SmallServer small = new SmallServer(Transport.CLEAR, null, false)) {
            slowPosts(small);
            assertThrows(SocketTimeoutException.class, () -> visit(small, 8_000));
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void theirThreadsAreFreedAndIdleConnectionsStay(Transport transport) throws Exception {
        try (SmallServer small = new SmallServer(transport, defaults(), false)) {
            List<RawClient> idle = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                RawClient client = small.connect();
                client.get();
                idle.add(client);
            }
            String log = OperatorLines.captured(() -> {
                slowPosts(small);
                await().atMost(LONG).until(() -> small.monitor().getLevel().isAtLeast(PressureLevel.HIGH));
                assertTrue(small.monitor().getThreadPressure() > 0.5);
                assertEquals(200, visit(small, 60_000).status());
            });
            assertTrue(log.contains("Thread pressure"), log);
            assertTrue(log.contains("clientBody="), log);
            // The first response on each of them has not said close, and none was evicted.
            for (RawClient client : idle) {
                assertEquals(200, client.get().status());
            }
            await().atMost(LONG).until(() -> small.monitor().getStatistics().getClosed(CloseReason.DATA_RATE) > 0);
            assertEquals(0, small.monitor().getStatistics().getClosed(CloseReason.EVICTED));
            assertEquals(0, small.monitor().getStatistics().getClosed(CloseReason.PRESSURE));
            await().atMost(LONG).until(() -> small.monitor().getLevel() == PressureLevel.NORMAL);
        }
    }

    @Test
    void anApplicationThatBlocksIsNoPressure() throws Exception {
        try (SmallServer small = new SmallServer(Transport.CLEAR, defaults(), false)) {
            small.fillPool();
            for (int i = 0; i < 20; i++) {
                assertEquals(0, small.monitor().getThreadPressure());
                assertEquals(PressureLevel.NORMAL, small.monitor().getLevel());
                Thread.sleep(50);
            }
            assertEquals(0, small.monitor().getStatistics().getClosed());
        }
    }
}
