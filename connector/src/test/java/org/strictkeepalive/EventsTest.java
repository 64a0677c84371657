package org.strictkeepalive;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.io.Connection;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EventsTest {
    private final AtomicLong failures = new AtomicLong();
    private final Events events = new Events(failures);
    private final Deque<Runnable> pool = new ArrayDeque<>();
    private final List<Double> heard = new ArrayList<>();

    private static KeepAliveListener onUsage(java.util.function.DoubleConsumer consumer) {
        return new KeepAliveListener() {
            @Override
            public void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {
                consumer.accept(usage);
            }
        };
    }

    private void publish(int number) {
        events.publish(
                pool::add, listener -> listener.onPressureChanged(PressureLevel.NORMAL, PressureLevel.HIGH, number));
    }

    @Test
    void eventsAreHeardInOrderByOneThread() {
        events.add(onUsage(heard::add));
        for (int i = 0; i < 3; i++) {
            publish(i);
        }
        assertEquals(List.of(), heard, "not on the thread that publishes");
        assertEquals(1, pool.size());
        pool.remove().run();
        assertEquals(List.of(0.0, 1.0, 2.0), heard);
        publish(3);
        pool.remove().run();
        assertEquals(4, heard.size());
    }

    @Test
    void whatASlowListenerLeavesWaitingIsBounded() {
        events.add(onUsage(heard::add));
        for (int i = 0; i < Events.MOST_WAITING + 10; i++) {
            publish(i);
        }
        assertEquals(10, events.lost());
        pool.remove().run();
        assertEquals(Events.MOST_WAITING, heard.size());
        publish(1);
        pool.remove().run();
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
        pool.remove().run();
        assertEquals(List.of(1.0, 2.0), heard);
        assertEquals(2, failures.get());
    }

    @Test
    void aPoolThatRefusesLosesTheEventOnly() {
        events.add(onUsage(heard::add));
        events.publish(
                task -> {
                    throw new RejectedExecutionException();
                },
                listener -> {});
        assertEquals(1, events.lost());
        publish(1);
        pool.remove().run();
        assertEquals(List.of(1.0), heard);
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
