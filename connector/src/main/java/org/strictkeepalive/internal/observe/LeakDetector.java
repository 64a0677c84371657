package org.strictkeepalive.internal.observe;

import java.util.concurrent.TimeUnit;

/**
 * Notices a steady growth of the descriptors that are not connections, which no eviction can cure. Pure: time is passed
 * in.
 *
 * <p>The least number in each window of five minutes counts, so that peaks don't matter. A leak is twelve windows in a
 * row without a fall, most of them with a rise.
 */
final class LeakDetector {
    static final long WINDOW = TimeUnit.MINUTES.toNanos(5);
    static final int WINDOWS = 12;
    private static final int LEAST_RISES = 9;
    private static final int LEAST_GROWTH = 24;

    private boolean begun;
    private long windowAt;
    private long least;
    /** How many windows the current run without a fall has had. */
    private int windows;

    private int rises;
    private long first;
    private long firstAt;
    private long last;
    private boolean told;

    /**
     * A leak.
     *
     * @param growth by how many descriptors the number has grown since the run began
     * @param nanos the time since then in nanoseconds
     */
    record Leak(long growth, long nanos) {
        double perHour() {
            return (double) growth * TimeUnit.HOURS.toNanos(1) / nanos;
        }
    }

    /**
     * Takes a sample.
     *
     * @param others the descriptors of the process that are not connections
     * @return a leak that was not reported before, or null
     */
    Leak sample(long others, long now) {
        if (!begun) {
            begun = true;
            windowAt = now;
            least = others;
            return null;
        }
        if (now - windowAt < WINDOW) {
            least = Math.min(least, others);
            return null;
        }
        Leak leak = close(windowAt);
        windowAt = now;
        least = others;
        return leak;
    }

    private Leak close(long at) {
        if (windows == 0 || least < last) {
            windows = 0;
            rises = 0;
            first = least;
            firstAt = at;
            told = false;
        } else if (least > last) {
            rises++;
        }
        windows++;
        last = least;
        boolean leaks = windows >= WINDOWS && rises >= LEAST_RISES && last - first >= LEAST_GROWTH;
        if (!leaks || told) {
            return null;
        }
        told = true;
        return new Leak(last - first, at - firstAt);
    }
}
