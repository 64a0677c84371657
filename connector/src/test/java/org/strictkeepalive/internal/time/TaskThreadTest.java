package org.strictkeepalive.internal.time;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.internal.connection.ApplicationCalls;
import org.strictkeepalive.internal.server.ServerGovernor;
import org.strictkeepalive.testkit.FakeConnection;

/** The thread that ends connections, and the calls of the application's callbacks that it makes. */
public class TaskThreadTest {
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final TaskThread closer = new TaskThread("test-closer", true, failures::add);

    @AfterEach
    void end() {
        closer.end();
    }

    /** The threads of closers that live, of whatever server. */
    public static List<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals(ServerGovernor.CLOSER))
                .toList();
    }

    private Thread threadOfATask() throws InterruptedException {
        AtomicReference<Thread> thread = new AtomicReference<>();
        CountDownLatch run = new CountDownLatch(1);
        closer.execute(() -> {
            thread.set(Thread.currentThread());
            run.countDown();
        });
        assertTrue(run.await(20, TimeUnit.SECONDS));
        return thread.get();
    }

    private static void awaitDeath(Thread thread) {
        await().atMost(Duration.ofSeconds(20)).until(() -> !thread.isAlive());
    }

    @Test
    void tasksRunInOrderOnOneDaemonThreadThatEndsBehindThem() throws Exception {
        closer.begin();
        Thread thread = threadOfATask();
        assertTrue(thread.isDaemon());
        assertSame(TaskThread.class.getClassLoader(), thread.getContextClassLoader());
        List<Integer> done = new ArrayList<>();
        CountDownLatch hold = new CountDownLatch(1);
        closer.execute(() -> assertTrue(awaited(hold)));
        for (int i = 0; i < 100; i++) {
            int number = i;
            closer.execute(() -> done.add(number));
        }
        closer.end();
        hold.countDown();
        awaitDeath(thread);
        assertEquals(100, done.size());
        for (int i = 0; i < 100; i++) {
            assertEquals(i, done.get(i));
        }
        assertEquals(0, failures.size());
    }

    private static boolean awaited(CountDownLatch latch) {
        try {
            return latch.await(20, TimeUnit.SECONDS);
        } catch (InterruptedException x) {
            return false;
        }
    }

    @Test
    void aTaskThatComesBehindTheEndRunsAndLeavesNoThread() throws Exception {
        closer.begin();
        Thread first = threadOfATask();
        closer.end();
        awaitDeath(first);
        Thread late = threadOfATask();
        assertNotEquals(first, late);
        awaitDeath(late);
        closer.begin();
        Thread again = threadOfATask();
        assertTrue(again.isAlive());
        assertSame(again, threadOfATask());
    }

    @Test
    void aTaskThatThrowsIsToldAndTheThreadGoesOn() throws Exception {
        closer.begin();
        Thread thread = threadOfATask();
        closer.execute(() -> {
            throw new AssertionError("on purpose");
        });
        closer.execute(() -> {
            throw new IllegalStateException("on purpose");
        });
        assertSame(thread, threadOfATask());
        assertEquals(2, failures.size());
    }

    @Test
    void aTaskThatLeavesAnInterruptIsNotFeltByTheNext() throws Exception {
        closer.begin();
        closer.execute(() -> Thread.currentThread().interrupt());
        AtomicReference<Boolean> interrupted = new AtomicReference<>();
        closer.execute(() -> interrupted.set(Thread.currentThread().isInterrupted()));
        threadOfATask();
        assertEquals(false, interrupted.get());
    }

    @Test
    void inVirtualTimeTheCallerRunsItAndFailuresAreTold() {
        List<Thread> threads = new ArrayList<>();
        TaskThread direct = new TaskThread("test", false, failures::add);
        direct.begin();
        direct.execute(() -> threads.add(Thread.currentThread()));
        direct.execute(() -> {
            throw new IllegalStateException("on purpose");
        });
        assertEquals(List.of(Thread.currentThread()), threads);
        assertEquals(1, failures.size());
    }

    // ---- A connection there

    /** One that is closed, and counts. */
    private static final class Counting extends FakeConnection {
        private final AtomicInteger runs = new AtomicInteger();
        private final AtomicInteger bits = new AtomicInteger();

        private Counting() {
            super("counting");
        }

        @Override
        public void act(int what) {
            runs.incrementAndGet();
            bits.accumulateAndGet(what, (a, b) -> a | b);
        }
    }

    @Test
    void aConnectionWaitsOnceHoweverOftenItIsHandedOn() throws Exception {
        closer.begin();
        CountDownLatch hold = new CountDownLatch(1);
        closer.execute(() -> assertTrue(awaited(hold)));
        Counting connection = new Counting();
        for (int i = 0; i < 1000; i++) {
            connection.handOn(closer, 1 << (i % 3));
        }
        hold.countDown();
        threadOfATask();
        assertEquals(1, connection.runs.get());
        assertEquals(7, connection.bits.get(), "nothing that was asked for is lost");
        connection.handOn(closer, 8);
        threadOfATask();
        assertEquals(2, connection.runs.get());
    }

    // ---- Calls of the application

    @ParameterizedTest
    @EnumSource(
            value = InvocationType.class,
            names = {"NON_BLOCKING", "EITHER"})
    void whatDoesNotBlockIsCalledHere(InvocationType type) {
        List<Thread> threads = new ArrayList<>();
        ApplicationCalls calls = new ApplicationCalls();
        assertTrue(calls.tryMake(
                task -> {
                    throw new AssertionError("not in the pool");
                },
                type,
                () -> threads.add(Thread.currentThread())));
        assertEquals(List.of(Thread.currentThread()), threads);
    }

    @Test
    void whatMayBlockIsCalledElsewhereNeverInTheQueueAndBounded() throws Exception {
        ApplicationCalls calls = new ApplicationCalls();
        CountDownLatch hold = new CountDownLatch(1);
        CountDownLatch begun = new CountDownLatch(ApplicationCalls.MOST_BLOCKING);
        AtomicInteger done = new AtomicInteger();
        for (int i = 0; i < ApplicationCalls.MOST_BLOCKING; i++) {
            assertTrue(calls.tryMake(
                    task -> {
                        throw new AssertionError("not in the queue of the pool");
                    },
                    InvocationType.BLOCKING,
                    () -> {
                        begun.countDown();
                        if (awaited(hold)) {
                            done.incrementAndGet();
                        }
                    }));
        }
        assertTrue(begun.await(20, TimeUnit.SECONDS), "each has a thread");
        assertFalse(calls.tryMake(Runnable::run, InvocationType.BLOCKING, () -> {}));
        assertTrue(calls.tryMake(Runnable::run, InvocationType.NON_BLOCKING, () -> {}));
        hold.countDown();
        await().atMost(Duration.ofSeconds(20))
                .until(() -> calls.tryMake(Runnable::run, InvocationType.BLOCKING, () -> {}));
        await().atMost(Duration.ofSeconds(20)).until(() -> done.get() == ApplicationCalls.MOST_BLOCKING);
    }
}
