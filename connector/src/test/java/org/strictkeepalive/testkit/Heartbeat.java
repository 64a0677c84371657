package org.strictkeepalive.testkit;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Measures how long the machine makes this process wait: each 10 ms a timer wakes up and hands a task to another
 * thread, as a server's timer does, and how much too late that is runs is remembered. What a test asserts of an upper
 * bound in time it asserts beside this.
 */
public final class Heartbeat {
    private static final long EVERY = TimeUnit.MILLISECONDS.toNanos(10);
    /** Shorter ones are noise. */
    private static final long LEAST = TimeUnit.MILLISECONDS.toNanos(3);
    /** More than any test looks back. */
    private static final int REMEMBERED = 20_000;

    private static final Heartbeat HEART = new Heartbeat();

    /** When it was late, and by how much. */
    private record Stall(long at, long nanos) {}

    private final Deque<Stall> stalls = new ArrayDeque<>();

    private Heartbeat() {
        ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(Heartbeat::daemon);
        ExecutorService worker = Executors.newSingleThreadExecutor(Heartbeat::daemon);
        beat(timer, worker);
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "heartbeat");
        thread.setDaemon(true);
        return thread;
    }

    private void beat(ScheduledExecutorService timer, ExecutorService worker) {
        long due = System.nanoTime() + EVERY;
        var unused = timer.schedule(
                () -> worker.execute(() -> {
                    note(due);
                    beat(timer, worker);
                }),
                EVERY,
                TimeUnit.NANOSECONDS);
    }

    private synchronized void note(long due) {
        long now = System.nanoTime();
        if (now - due >= LEAST) {
            stalls.addLast(new Stall(now, now - due));
            if (stalls.size() > REMEMBERED) {
                stalls.removeFirst();
            }
        }
    }

    private synchronized long most(long from) {
        return stalls.stream()
                .filter(stall -> stall.at - from >= 0)
                .mapToLong(Stall::nanos)
                .max()
                .orElse(0);
    }

    /** Lets it beat, so that it has been heard of when it is asked. */
    static void start() {
        HEART.most(0);
    }

    /** The longest stall since then, in milliseconds. */
    static long longestSince(long nanoTime) {
        return TimeUnit.NANOSECONDS.toMillis(HEART.most(nanoTime));
    }

    /**
     * How much later than on a quiet machine something may be that began then, in milliseconds. A timer, a selector and a
     * client take part in it, each of which may have waited as long as the heart did.
     */
    public static long allowanceSince(long nanoTime) {
        return 3 * longestSince(nanoTime);
    }
}
