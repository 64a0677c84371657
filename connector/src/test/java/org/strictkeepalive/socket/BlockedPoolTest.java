package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.io.Connection;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAliveListener;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.time.TaskThreadTest;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.SmallServer;
import org.strictkeepalive.testkit.Transport;

/** No close waits for the application's threads: the pool has none left, or rejects what it is given. */
@Timeout(120)
class BlockedPoolTest {
    private static final int THREADS = SmallServer.THREADS;
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final String SLOW_POST = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nabc";

    private static KeepAlivePolicy policy(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return settings.apply(KeepAlivePolicy.builder()).build();
    }

    private static SmallServer strict(Transport transport, UnaryOperator<KeepAlivePolicy.Builder> settings)
            throws Exception {
        return new SmallServer(transport, policy(settings), false);
    }

    // ---- Closes

    @ParameterizedTest
    @EnumSource(Transport.class)
    void idleConnectionsAreFreedWhileEveryThreadIsBusyAndNothingQueuesForIt(Transport transport) throws Exception {
        try (SmallServer small = strict(
                transport,
                b -> b.keepAliveTimeout(Duration.ofSeconds(2))
                        .requestHeaderTimeout(Duration.ofSeconds(2))
                        .lingerTimeout(Duration.ofMillis(500)))) {
            List<RawClient> idle = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                RawClient client = small.connect();
                client.get();
                if (i % 2 == 0) {
                    client.send("GET / HT");
                }
                idle.add(client);
            }
            small.fillPool();
            int others = small.clients.size() - idle.size();
            long before = small.pool.executed.get();
            await().atMost(LONG).until(() -> small.open() <= others);
            // They never close, so that each has lingered.
            long tasks = small.pool.executed.get() - before;
            assertTrue(tasks <= 4L * small.clients.size(), tasks + " tasks for " + small.clients.size());
            assertTrue(small.pool.getQueueSize() <= 4 * small.clients.size(), "" + small.pool.getQueueSize());
            await().atMost(LONG)
                    .untilAsserted(() -> assertTrue(
                            small.monitor().getOpenConnections() <= others,
                            "counted, though Jetty can't tell yet: " + small.monitor()));
            assertEquals(0, small.monitor().getProbeFailureCount());
        }
    }

    @Test
    void lingeringTlsConnectionsAreHandedOnOnce() throws Exception {
        try (SmallServer small = strict(Transport.TLS, b -> b.lingerTimeout(Duration.ofMinutes(1)))) {
            for (int i = 0; i < 30; i++) {
                small.connect()
                        .send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                        .read();
            }
            small.fillPool();
            int others = small.clients.size() - 30;
            long before = small.pool.executed.get();
            small.monitor().addPressureSource(() -> 0.95); // the linger is over, and each is looked at at each tick
            Thread.sleep(3000);
            long tasks = small.pool.executed.get() - before;
            assertTrue(tasks <= 4L * small.clients.size(), tasks + " tasks for " + small.clients.size());
            await().atMost(LONG).until(() -> small.open() <= others);
        }
    }

    // ---- Slow clients

    private static long millisOfAVisitor(SmallServer small) throws IOException {
        long begun = System.nanoTime();
        RawClient visitor = small.connect();
        visitor.socket().setSoTimeout(20_000);
        assertEquals(200, visitor.get().status());
        return (System.nanoTime() - begun) / 1_000_000;
    }

    /** More slow clients than threads. */
    private static List<RawClient> slowPosts(SmallServer small) throws Exception {
        List<RawClient> slow = new ArrayList<>();
        for (int i = 0; i < 2 * THREADS; i++) {
            slow.add(small.connectSocket().send(SLOW_POST));
        }
        await().atMost(LONG).until(() -> small.blocked.get() >= THREADS / 2);
        return slow;
    }

    private static void reset(List<RawClient> clients) throws IOException {
        for (RawClient client : clients) {
            client.socket().setSoLinger(true, 0);
            client.close();
        }
    }

    /** Null for plain Jetty. */
    @ParameterizedTest
    @ValueSource(strings = {"plain", "off", "on"})
    void readersOfClientsThatResetWakeUp(String mode) throws Exception {
        KeepAlivePolicy policy = switch (mode) {
            case "off" -> policy(b -> b.minDataRate(0));
            case "on" -> policy(b -> b.dataRateGrace(Duration.ofSeconds(1)));
            default -> null;
        };
        try (SmallServer small = new SmallServer(Transport.CLEAR, policy, false)) {
            if (policy != null) {
                small.monitor().addPressureSource(() -> 0.79);
            }
            List<RawClient> slow = slowPosts(small);
            Thread.sleep(1500); // the grace is over
            reset(slow);
            millisOfAVisitor(small);
        }
    }

    @Test
    void slowClientsAreEndedThoughTheyHoldEveryThread() throws Exception {
        try (SmallServer small = strict(Transport.CLEAR, b -> b.dataRateGrace(Duration.ofSeconds(1)))) {
            List<RawClient> slow = slowPosts(small);
            small.monitor().addPressureSource(() -> 0.79);
            for (RawClient client : slow) {
                client.socket().setSoTimeout(30_000);
                assertEquals(408, client.read().status());
            }
            millisOfAVisitor(small);
            assertEquals(0, small.monitor().getProbeFailureCount());
        }
    }

    @Test
    void anApplicationThatBlocksInTheEndOfItsExchangeHoldsNoClose() throws Exception {
        try (SmallServer small = strict(Transport.TLS, b -> b.dataRateGrace(Duration.ofMillis(500)))) {
            RawClient idle = small.connect();
            idle.socket().setSoTimeout(30_000);
            idle.get();
            List<RawClient> slow = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                slow.add(small.connect().send(SLOW_POST.replace("/upload", "/async")));
            }
            Thread.sleep(300);
            small.monitor().addPressureSource(() -> 0.79);
            await().atMost(LONG)
                    .untilAsserted(() -> assertEquals(
                            slow.size(),
                            small.blocked.get(),
                            () -> "" + small.monitor().getStatistics()));
            idle.awaitEnd();
            assertEquals(0, small.monitor().getProbeFailureCount());
        }
    }

    // ---- The thread

    @Test
    void theThreadIsThereFromTheFirstConnectionUntilTheStop() throws Exception {
        Set<Thread> before = new HashSet<>(TaskThreadTest.threads());
        try (SmallServer plain = new SmallServer(Transport.CLEAR, null, false)) {
            plain.connect().get();
            assertEquals(before, new HashSet<>(TaskThreadTest.threads()));
        }
        try (SmallServer small = strict(Transport.CLEAR, b -> b)) {
            assertEquals(0, added(before), "not at the start");
            for (int round = 0; round < 3; round++) {
                small.connect().get();
                small.connect().get();
                await().atMost(LONG).until(() -> added(before) == 1);
                small.server.stop();
                await().atMost(LONG).until(() -> added(before) == 0);
                small.server.start();
                assertEquals(0, added(before));
            }
        }
        await().atMost(LONG).until(() -> added(before) == 0);
    }

    private static long added(Set<Thread> before) {
        return TaskThreadTest.threads().stream()
                .filter(thread -> !before.contains(thread))
                .count();
    }

    // ---- A pool that rejects

    /** Connections that say nothing, in the phase of PROXY. */
    private static SmallServer handshaking(int count) throws Exception {
        SmallServer small = new SmallServer(Transport.CLEAR, policy(b -> b.fairShare(0)), true);
        for (int i = 0; i < count; i++) {
            small.connectSocket();
        }
        await().atMost(LONG).until(() -> small.monitor().getOpenConnections() == count);
        Thread.sleep(300); // their grace
        return small;
    }

    private static long evicted(SmallServer small) {
        return small.monitor().getStatistics().getClosed(CloseReason.EVICTED);
    }

    @Test
    void evictionGoesOnWhereThePoolRejects() throws Exception {
        try (SmallServer small = handshaking(30)) {
            small.pool.rejecting = true;
            small.monitor().addPressureSource(() -> 0.95);
            await().atMost(LONG).until(() -> evicted(small) >= 6);
            small.pool.rejecting = false;
            assertEquals(0, small.monitor().getProbeFailureCount(), () -> "" + small.monitor());
        }
    }

    @Test
    void evictionIsToldOnceThoughThePoolHasNoThreadToHearOfTheClose() throws Exception {
        AtomicInteger told = new AtomicInteger();
        try (SmallServer small = handshaking(30)) {
            small.monitor().addListener(new KeepAliveListener() {
                @Override
                public void onClosing(Connection connection, CloseReason reason) {
                    if (reason == CloseReason.EVICTED) {
                        told.incrementAndGet();
                    }
                }
            });
            CountDownLatch hold = new CountDownLatch(1);
            for (int i = 0; i < THREADS; i++) {
                small.pool.execute(() -> {
                    try {
                        hold.await();
                    } catch (InterruptedException x) {
                        Thread.currentThread().interrupt();
                    }
                });
            }
            small.monitor().addPressureSource(() -> 0.95);
            await().atMost(LONG).until(() -> evicted(small) >= 6);
            hold.countDown();
            await().atMost(LONG).until(() -> told.get() >= evicted(small));
            assertEquals(evicted(small), told.get());
        }
    }
}
