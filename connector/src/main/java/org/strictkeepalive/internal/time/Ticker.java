package org.strictkeepalive.internal.time;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * Schedules one tick at a time, the earliest that was asked for. Two ticks never run at once. No lock is held while the
 * timer is called or a tick runs. Safe for use by any thread.
 */
public final class Ticker {
    /** Runs a task later. */
    @FunctionalInterface
    public interface Timer {
        /**
         * Schedules a task.
         *
         * @param delay the delay in nanoseconds, not negative
         * @return a task that cancels it
         */
        Runnable schedule(Runnable task, long delay);
    }

    private final Timer timer;
    private final Turn turn;
    private final Consumer<Throwable> failures;
    /** The next tick, null if none is scheduled. */
    private final AtomicReference<Next> next = new AtomicReference<>();

    /**
     * Creates a ticker that schedules nothing yet.
     *
     * @param tick does a tick and doesn't throw
     * @param failures told what the timer throws, as one does that has stopped; the next call of {@link #ensure} tries again
     */
    public Ticker(Timer timer, Runnable tick, Consumer<Throwable> failures) {
        this.timer = timer;
        this.failures = failures;
        turn = new Turn(tick);
    }

    /** Schedules a tick for the nanoTime {@code now + delay} or earlier. */
    public void ensure(long now, long delay) {
        long at = now + delay;
        while (true) {
            Next planned = next.get();
            if (planned != null && planned.at - at <= 0) {
                return;
            }
            Next wanted = new Next(at);
            if (next.compareAndSet(planned, wanted)) {
                if (planned != null) {
                    planned.cancel();
                }
                wanted.schedule(Math.max(delay, 0));
                return;
            }
        }
    }

    /** Cancels the next tick. A tick that runs goes on. */
    public void cancel() {
        Next planned = next.getAndSet(null);
        if (planned != null) {
            planned.cancel();
        }
    }

    private final class Next implements Runnable {
        private final long at;
        /** Written by the thread that schedules, read by any that cancels. */
        private volatile Runnable cancellation;

        private Next(long at) {
            this.at = at;
        }

        private void schedule(long delay) {
            try {
                cancellation = timer.schedule(this, delay);
            } catch (RuntimeException x) {
                next.compareAndSet(this, null);
                failures.accept(x);
                return;
            }
            if (next.get() != this) {
                // It was replaced before it could be cancelled, or it runs already.
                cancel();
            }
        }

        private void cancel() {
            Runnable cancel = cancellation;
            if (cancel != null) {
                cancel.run();
            }
        }

        @Override
        public void run() {
            if (next.compareAndSet(this, null)) {
                turn.request();
            }
        }
    }
}
