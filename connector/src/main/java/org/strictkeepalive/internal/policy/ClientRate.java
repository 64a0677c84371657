package org.strictkeepalive.internal.policy;

import java.util.concurrent.TimeUnit;

/**
 * How many bytes a second a client moves while the server waits for it: on average at first, and after {@link #MEMORY} of
 * waiting the less the longer ago. So neither a pause nor a burst decides alone. Pure. Used by one thread at a time.
 */
public final class ClientRate {
    static final long MEMORY = TimeUnit.SECONDS.toNanos(5);
    /** In that time a client that moves a megabyte a second has made a step. */
    private static final long STEPS = MEMORY - TimeUnit.MILLISECONDS.toNanos(100);

    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

    /** The time of waiting, in nanoseconds, at most {@link #MEMORY}, and the bytes that belong to it. */
    private double waited;

    private double moved;
    private boolean inSteps;
    private boolean unoffered;

    /**
     * Adds what has happened since the last call.
     *
     * @param time how long the server has waited for the client, in nanoseconds
     * @param bytes the bytes that have moved
     * @param most the highest rate of interest, in bytes a second: what is beyond it in those seconds is forgotten, so
     *     that a client that was quick and has stopped doesn't seem quick for long
     */
    public void add(long time, long bytes, long most) {
        double room = MEMORY - (double) time;
        if (room <= 0) {
            moved = bytes * (double) MEMORY / time;
            waited = MEMORY;
        } else {
            double kept = waited > room ? room / waited : 1;
            moved = moved * kept + bytes;
            waited = waited * kept + time;
        }
        moved = Math.min(moved, most * (MEMORY / SECOND));
    }

    /**
     * Sets whether the client may move more than it seems to, since the kernel shows that in large steps only. Then it is
     * never known to be slower than what is assumed.
     */
    public void inSteps(boolean steps) {
        inSteps = steps;
    }

    /**
     * Sets whether a write can't be tried again between two steps, since each try would cost too much. A step is up to
     * some megabytes, so who reads fast is seen only after a long time.
     */
    public void unoffered(boolean none) {
        unoffered = none;
    }

    /** Whether the server has waited long enough to know the rate: for that time, or longer if that tells nothing. */
    public boolean isKnown(long least) {
        return waited >= (unoffered && inSteps ? Math.max(least, STEPS) : least);
    }

    /** Forgets all. */
    public void reset() {
        waited = 0;
        moved = 0;
    }

    /** How long the server has waited, in nanoseconds, 5 s at most. */
    public long waited() {
        return (long) waited;
    }

    /** The bytes a second of waiting, 0 if the server has not waited yet. */
    public double perSecond() {
        return waited > 0 ? moved * SECOND / waited : 0;
    }

    /**
     * As above. If the server has waited less than a time, the client is assumed to move the rest of that time at another
     * rate.
     *
     * @param least the time in nanoseconds
     * @param assumed the other rate, in bytes a second
     */
    public double perSecond(long least, double assumed) {
        double known = waited >= least ? perSecond() : (moved * SECOND + assumed * (least - waited)) / least;
        return inSteps ? Math.max(known, assumed) : known;
    }
}
