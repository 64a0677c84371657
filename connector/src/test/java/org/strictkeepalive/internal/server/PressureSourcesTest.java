package org.strictkeepalive.internal.server;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Further sources of pressure: they may take their time, hang and fail. */
@Timeout(120)
class PressureSourcesTest {
    private static final long SECOND = 1_000_000_000L;
    private static final Duration LONG = Duration.ofSeconds(30);

    private final Failures failures = new Failures();
    private final PressureSources sources = new PressureSources(true, failures);

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("strict-keepalive-source"))
                .count();
    }

    @Test
    void aSourceIsAskedElsewhereOnceAnIntervalAndNeverTwiceAtOnce() {
        AtomicInteger asked = new AtomicInteger();
        CountDownLatch hold = new CountDownLatch(1);
        sources.add(() -> {
            asked.incrementAndGet();
            hang(hold);
            return 0.4;
        });
        sources.add(() -> 0.3);
        for (int i = 0; i < 10; i++) {
            sources.ask(i * SECOND / 20, SECOND / 10);
        }
        await().atMost(LONG).until(() -> sources.highest() == 0.3 && asked.get() == 1);
        hold.countDown();
        await().atMost(LONG).until(() -> sources.highest() == 0.4);
        sources.ask(SECOND, SECOND / 10);
        await().atMost(LONG).until(() -> asked.get() == 2);
        sources.ask(SECOND + SECOND / 20, SECOND / 10);
        assertEquals(2, asked.get(), "not within the interval");
        assertEquals(0, failures.count());
        sources.end();
        await().atMost(LONG).until(() -> threads() == 0);
    }

    private static void hang(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException x) {
            throw new IllegalStateException(x);
        }
    }

    @Test
    void anAnswerCountsUntilTheNextHangsForASecondWhichIsOneFailure() {
        AtomicInteger asked = new AtomicInteger();
        CountDownLatch hold = new CountDownLatch(1);
        sources.add(() -> {
            if (asked.incrementAndGet() == 2) {
                hang(hold);
            }
            return 0.9;
        });
        sources.ask(0, SECOND / 10);
        await().atMost(LONG).until(() -> sources.highest() == 0.9);
        sources.ask(SECOND, SECOND / 10);
        sources.ask(SECOND + SECOND * 9 / 10, SECOND / 10);
        assertEquals(0.9, sources.highest());
        for (int i = 2; i < 10; i++) {
            sources.ask(i * SECOND, SECOND / 10);
        }
        assertEquals(0, sources.highest());
        assertEquals(1, failures.count());
        hold.countDown();
        await().atMost(LONG).until(() -> sources.highest() == 0.9);
        sources.ask(20 * SECOND, SECOND / 10);
        await().atMost(LONG).until(() -> asked.get() == 3);
        assertEquals(1, failures.count());
        sources.end();
        await().atMost(LONG).until(() -> threads() == 0);
    }

    @Test
    void theEndInterruptsASourceThatHangs() {
        sources.add(() -> {
            hang(new CountDownLatch(1));
            return 1;
        });
        sources.ask(0, SECOND);
        await().atMost(LONG).until(() -> threads() == 1);
        sources.end();
        await().atMost(LONG).until(() -> threads() == 0);
    }

    // ---- A server

    private static long nanosOfVisitors(TestServer server, int count) throws Exception {
        long begun = System.nanoTime();
        for (int i = 0; i < count; i++) {
            try (RawClient visitor = server.connect()) {
                visitor.get();
            }
            TimeUnit.MILLISECONDS.sleep(2);
        }
        return System.nanoTime() - begun;
    }

    @Test
    void aSlowSourceMakesVisitorsNoSlower() throws Exception {
        try (TestServer with = TestServer.strict(Transport.CLEAR, p -> p);
                TestServer without = TestServer.strict(Transport.CLEAR, p -> p)) {
            with.monitor().addPressureSource(() -> {
                try {
                    TimeUnit.MILLISECONDS.sleep(50);
                } catch (InterruptedException x) {
                    Thread.currentThread().interrupt();
                }
                return 0;
            });
            nanosOfVisitors(with, 20);
            nanosOfVisitors(without, 20);
            long slow = nanosOfVisitors(with, 100);
            long fast = nanosOfVisitors(without, 100);
            // Asked under a lock at each accept it was 12 times as long.
            assertTrue(slow < 4 * fast, slow + " and " + fast + " ns");
        }
    }

    @Test
    void aHangingSourceStopsNeitherTicksNorEvictionsNorAStop() throws Exception {
        long before = threads();
        try (TestServer server = TestServer.strict(
                Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofMillis(500)).maxConnections(20))) {
            server.monitor().addPressureSource(() -> {
                hang(new CountDownLatch(1));
                return 1;
            });
            assertEquals(before, threads(), "not before it is asked");
            try (RawClient client = server.connect()) {
                client.get();
                client.awaitEnd();
            }
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 18; i++) {
                RawClient client = server.connect();
                client.get();
                clients.add(client);
            }
            await().atMost(LONG)
                    .until(() -> server.statistics().getClosed(CloseReason.EVICTED)
                                    + server.statistics().getClosed(CloseReason.PRESSURE)
                                    + server.statistics().getClosed(CloseReason.KEEP_ALIVE_TIMEOUT)
                            >= 18);
            await().atMost(LONG).until(() -> server.monitor().getProbeFailureCount() == 1);
            for (RawClient client : clients) {
                client.close();
            }
            long begun = System.nanoTime();
            server.server.stop();
            assertTrue(System.nanoTime() - begun < 20 * SECOND);
        }
        await().atMost(LONG).until(() -> threads() == before);
    }
}
