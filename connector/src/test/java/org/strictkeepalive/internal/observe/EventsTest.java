package org.strictkeepalive.internal.observe;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.eclipse.jetty.io.Connection;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAliveListener;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

class EventsTest {
    private final Events events = new Events(true);
    private final List<Double> heard = new CopyOnWriteArrayList<>();
    /** Open to let the first listener go on. */
    private final CountDownLatch gate = new CountDownLatch(1);

    private static KeepAliveListener onUsage(java.util.function.DoubleConsumer consumer) {
        return new KeepAliveListener() {
            @Override
            public void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {
                consumer.accept(usage);
            }
        };
    }

    private void publish(int number) {
        events.publish(listener -> listener.onPressureChanged(PressureLevel.NORMAL, PressureLevel.HIGH, number));
    }

    private static boolean isThreadThere() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals(Events.THREAD));
    }

    @AfterEach
    void end() {
        gate.countDown();
        events.end();
        await().until(() -> !isThreadThere());
    }

    private void hold(double usage) {
        try {
            gate.await();
        } catch (InterruptedException x) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void eventsAreHeardInOrderByOneThreadThatIsNotTheOneThatPublishes() {
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        events.add(onUsage(this::hold));
        events.add(onUsage(usage -> {
            threads.add(Thread.currentThread());
            heard.add(usage);
        }));
        events.begin();
        for (int i = 0; i < 3; i++) {
            publish(i);
        }
        assertEquals(List.of(), heard, "nobody waits for a listener");
        gate.countDown();
        await().until(() -> heard.size() == 3);
        assertEquals(List.of(0.0, 1.0, 2.0), heard);
        assertEquals(1, threads.size());
        assertFalse(threads.contains(Thread.currentThread()));
    }

    @Test
    void theThreadIsThereWhileTheServerRunsAndSomebodyListens() {
        events.begin();
        assertFalse(isThreadThere());
        events.add(onUsage(heard::add));
        await().until(EventsTest::isThreadThere);
        events.end();
        await().until(() -> !isThreadThere());
        publish(1);
        await().until(() -> heard.equals(List.of(1.0)));
        await("the event of a server that has stopped").until(() -> !isThreadThere());
    }

    @Test
    void whatASlowListenerLeavesWaitingIsBounded() {
        events.add(onUsage(this::hold));
        events.add(onUsage(heard::add));
        for (int i = 0; i < Events.MOST_WAITING + 10; i++) {
            publish(i);
        }
        assertEquals(10, events.lost());
        gate.countDown();
        await().until(() -> heard.size() == Events.MOST_WAITING);
        publish(1);
        await().until(() -> heard.size() == Events.MOST_WAITING + 1);
        assertEquals(10, events.lost());
    }

    @Test
    void aFailingListenerIsCountedAndTheOthersHear() {
        events.add(onUsage(usage -> {
            throw new AssertionError("no");
        }));
        events.add(onUsage(heard::add));
        publish(1);
        publish(2);
        await().until(() -> heard.size() == 2);
        assertEquals(List.of(1.0, 2.0), heard);
        assertEquals(2, events.failures());
    }

    @Test
    void eventsAreHeardAlsoWhereThePoolTakesNoTask() throws Exception {
        MemoryServer memory = new MemoryServer(KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofSeconds(1))
                .build());
        try (memory) {
            List<CloseReason> reasons = new ArrayList<>();
            memory.monitor.addListener(new KeepAliveListener() {
                @Override
                public void onClosing(Connection connection, CloseReason reason) {
                    reasons.add(reason);
                }
            });
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            memory.pool.rejecting = true;
            memory.pass(60_000);
            assertEquals(1, reasons.size());
            assertEquals(0, memory.monitor.getLostEventCount());
        }
    }

    private record Closing(Connection connection, CloseReason reason) {}

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 200)
    void closesAndLevelsAreHeardOnARealServer(Transport transport) throws Exception {
        ConcurrentLinkedQueue<Closing> closings = new ConcurrentLinkedQueue<>();
        ConcurrentLinkedQueue<String> levels = new ConcurrentLinkedQueue<>();
        KeepAliveListener listener = new KeepAliveListener() {
            @Override
            public void onClosing(Connection connection, CloseReason reason) {
                closings.add(new Closing(connection, reason));
            }

            @Override
            public void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {
                levels.add(from + ">" + to + " " + usage);
            }
        };
        try (TestServer server = TestServer.strict(
                transport, p -> p.keepAliveTimeout(Duration.ofMillis(1500)).maxRequestsPerConnection(2))) {
            server.monitor().addListener(listener);
            try (RawClient idle = server.connect();
                    RawClient last = server.connect();
                    RawClient leaving = server.connect()) {
                leaving.get();
                leaving.close(); // the client's own decision is no event
                last.get();
                assertTrue(last.get().saysClose());
                idle.get();
                idle.awaitEnd();
            }
            server.awaitOpen(0);
            await().untilAsserted(() -> assertEquals(2, closings.size(), () -> "" + closings));
            assertEquals(
                    List.of(CloseReason.MAX_REQUESTS, CloseReason.KEEP_ALIVE_TIMEOUT),
                    closings.stream().map(Closing::reason).toList());
            assertEquals(
                    0, closings.stream().filter(c -> c.connection() == null).count());
            server.monitor().addPressureSource(() -> 0.75);
            try (RawClient client = server.connect()) {
                client.get();
                await().untilAsserted(() -> assertEquals("NORMAL>ELEVATED 0.75", levels.peek()));
            }
            server.monitor().removeListener(listener);
            int before = closings.size();
            try (RawClient idle = server.connect()) {
                idle.get();
                idle.awaitEnd();
            }
            assertEquals(before, closings.size());
        }
    }

    @Test
    void aListenerThatNeverReturnsHoldsUpNobody() throws Exception {
        CountDownLatch stuck = new CountDownLatch(1);
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(1))) {
            server.monitor().addListener(new KeepAliveListener() {
                @Override
                public void onClosing(Connection connection, CloseReason reason) {
                    try {
                        stuck.await();
                    } catch (InterruptedException x) {
                        Thread.currentThread().interrupt();
                    }
                }
            });
            for (int i = 0; i < 50; i++) {
                try (RawClient client = server.connect()) {
                    assertEquals(200, client.get().status());
                    client.awaitEnd();
                }
            }
            assertSame(PressureLevel.NORMAL, server.monitor().getLevel());
            stuck.countDown();
        }
    }
}
