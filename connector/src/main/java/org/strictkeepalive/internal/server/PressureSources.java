package org.strictkeepalive.internal.server;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.util.thread.AutoLock;
import org.strictkeepalive.PressureSource;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.time.TaskThread;

/**
 * Asks the further sources of pressure. Each source is asked on a daemon thread of its own, which it may block, and
 * never twice at once. Its last answer counts. Without a source there is no thread. Safe for use by any thread.
 */
public final class PressureSources {
    /** A source hangs if it takes longer than this, and longer than {@link #HANG_INTERVALS} sample intervals. */
    private static final long SHORTEST_HANG = TimeUnit.SECONDS.toNanos(1);

    private static final int HANG_INTERVALS = 10;

    private final List<Asked> sources = new CopyOnWriteArrayList<>();
    private final AutoLock lock = new AutoLock();
    private final boolean threaded;
    private final Failures failures;

    /**
     * Creates it without a source.
     *
     * @param threaded whether sources have threads; if not, the caller's thread asks them, as in virtual time
     */
    PressureSources(boolean threaded, Failures failures) {
        this.threaded = threaded;
        this.failures = failures;
    }

    public void add(PressureSource source) {
        sources.add(new Asked(source));
    }

    public void remove(PressureSource source) {
        sources.stream()
                .filter(asked -> asked.source.equals(source))
                .findFirst()
                .ifPresent(asked -> {
                    sources.remove(asked);
                    asked.end();
                });
    }

    /** Asks the sources that have not been asked within the interval, without waiting for their answers. */
    void ask(long now, long interval) {
        for (Asked asked : sources) {
            asked.ask(now, interval);
        }
    }

    /** The highest of the last answers, from 0 to 1. */
    double highest() {
        double highest = 0;
        for (Asked asked : sources) {
            highest = Math.max(highest, asked.answer);
        }
        return highest;
    }

    /** Ends the threads; the next question starts them again. */
    void end() {
        sources.forEach(Asked::end);
    }

    private final class Asked implements Runnable {
        private final PressureSource source;
        private final TaskThread thread;
        private final AtomicBoolean underWay = new AtomicBoolean();
        private boolean asked;
        private long askedAt;
        private boolean hangs;
        private volatile double answer;

        private Asked(PressureSource source) {
            this.source = source;
            thread = new TaskThread("strict-keepalive-source", threaded, failures.of("ask " + source));
        }

        private void ask(long now, long interval) {
            boolean hung = false;
            try (AutoLock ignored = lock.lock()) {
                if (underWay.get()) {
                    if (hangs || now - askedAt < Math.max(SHORTEST_HANG, HANG_INTERVALS * interval)) {
                        return;
                    }
                    // An old answer must not cost connections any longer.
                    hangs = true;
                    hung = true;
                    answer = 0;
                } else {
                    if (asked && now - askedAt < interval) {
                        return;
                    }
                    asked = true;
                    askedAt = now;
                    hangs = false;
                    underWay.set(true);
                }
            }
            if (hung) {
                failures.add("ask " + source, new IllegalStateException("no answer yet"));
            } else {
                thread.begin();
                thread.execute(this);
            }
        }

        @Override
        public void run() {
            double share = 0;
            try {
                share = source.getPressure();
                if (Double.isNaN(share)) {
                    share = 0;
                    throw new IllegalStateException("the answer is NaN");
                }
            } finally {
                answer = Math.max(0, Math.min(share, 1));
                underWay.set(false);
            }
        }

        private void end() {
            thread.end();
            if (underWay.get()) {
                thread.interrupt();
            }
        }
    }
}
