package org.strictkeepalive.internal.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.FakeScheduler;

class TickerTest {
    private final FakeScheduler scheduler = new FakeScheduler();
    private final List<Long> ticks = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();
    private boolean rejects;
    private final Ticker ticker = ticker(() -> ticks.add(scheduler.now));

    private Ticker ticker(Runnable tick) {
        return new Ticker(
                (task, delay) -> {
                    if (rejects) {
                        throw new RejectedExecutionException("on purpose");
                    }
                    return scheduler.schedule(task, delay, TimeUnit.NANOSECONDS)::cancel;
                },
                tick,
                failures::add);
    }

    private void ensure(long delay) {
        ticker.ensure(scheduler.now, delay);
    }

    @Test
    void theEarliestTickThatWasAskedForComesAndNoOther() {
        ensure(100);
        ensure(50);
        ensure(70);
        assertEquals(1, scheduler.pending.size());
        scheduler.advance(1000);
        assertEquals(List.of(50L), ticks);
    }

    @Test
    void aDelayIsNeverNegative() {
        ensure(-5);
        scheduler.advance(0);
        assertEquals(List.of(0L), ticks);
    }

    @Test
    void aTimeThatWrapsIsATime() {
        scheduler.now = Long.MAX_VALUE - 10;
        ensure(100);
        ensure(50);
        ensure(200);
        assertEquals(50, scheduler.pending.get(0).delay());
    }

    @Test
    void aCanceledTickDoesNotComeButTheNextOneDoes() {
        ensure(100);
        ticker.cancel();
        assertEquals(List.of(), scheduler.pending);
        ticker.cancel();
        ensure(200);
        scheduler.advance(1000);
        assertEquals(List.of(200L), ticks);
    }

    @Test
    void aTickThatATimerRunsAlthoughItWasCanceledDoesNothing() {
        List<Runnable> tasks = new ArrayList<>();
        Ticker other = new Ticker(
                (task, delay) -> {
                    tasks.add(task);
                    return () -> {};
                },
                () -> ticks.add(1L),
                failures::add);
        other.ensure(0, 100);
        other.ensure(0, 50);
        tasks.get(0).run();
        assertEquals(List.of(), ticks);
        tasks.get(1).run();
        tasks.get(1).run();
        assertEquals(List.of(1L), ticks);
    }

    @Test
    void aTickMayAskForTheNext() {
        AtomicInteger left = new AtomicInteger(3);
        Ticker[] self = new Ticker[1];
        self[0] = ticker(() -> {
            if (left.decrementAndGet() > 0) {
                self[0].ensure(scheduler.now, 10);
            }
        });
        self[0].ensure(scheduler.now, 10);
        scheduler.advance(100);
        assertEquals(0, left.get());
        assertEquals(List.of(), scheduler.pending);
    }

    /** The timer has two threads: the second tick neither runs beside the first one, nor waits for it, nor is lost. */
    @Test
    void twoTicksNeverRunAtOnce() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger count = new AtomicInteger();
        List<Runnable> tasks = new ArrayList<>();
        Ticker slow = new Ticker(
                (task, delay) -> {
                    tasks.add(task);
                    return () -> {};
                },
                () -> {
                    most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    count.incrementAndGet();
                    begun.countDown();
                    try {
                        go.await();
                    } catch (InterruptedException x) {
                        Thread.currentThread().interrupt();
                    }
                    inside.decrementAndGet();
                },
                failures::add);
        slow.ensure(0, 0);
        Thread first = new Thread(tasks.get(0));
        first.start();
        assertTrue(begun.await(60, TimeUnit.SECONDS));
        slow.ensure(0, 0);
        tasks.get(1).run();
        assertEquals(1, count.get());
        go.countDown();
        first.join();
        assertEquals(2, count.get());
        assertEquals(1, most.get());
    }

    /** As a timer does that stops. */
    @Test
    void aTimerThatRejectsIsAskedAgain() {
        rejects = true;
        ensure(10);
        assertEquals(1, failures.size());
        rejects = false;
        ensure(100);
        scheduler.advance(100);
        assertEquals(List.of(100L), ticks);
    }

    @Test
    void aTimerThatRejectsWithinATickDoesNotEndAllTicks() {
        Ticker[] own = new Ticker[1];
        own[0] = ticker(() -> {
            ticks.add(scheduler.now);
            own[0].ensure(scheduler.now, 10);
        });
        own[0].ensure(0, 10);
        rejects = true;
        scheduler.advance(10);
        rejects = false;
        own[0].ensure(scheduler.now, 10);
        scheduler.advance(10);
        assertEquals(List.of(10L, 20L), ticks);
        assertEquals(1, failures.size());
    }

    @Test
    void aTaskThatThrowsGivesItsTurnBack() {
        Turn turn = new Turn(() -> {
            ticks.add(1L);
            throw new IllegalStateException("on purpose");
        });
        assertThrows(IllegalStateException.class, turn::request);
        assertThrows(IllegalStateException.class, turn::request);
        assertEquals(2, ticks.size());
    }
}
