package org.strictkeepalive.internal.time;

import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Cuts the work of a tick into slices. If a thread that has many connections to close pauses after each slice, requests
 * of others pass first: each close also costs the selector some work, when the client answers it.
 *
 * <p>Used by one thread at a time.
 */
public final class Slice implements BooleanSupplier {
    /** The length of a slice that ends only when all is done. */
    public static final long ENDLESS = Long.MAX_VALUE;

    /** The most tasks that a slice hands to another thread. */
    static final int MOST_TASKS = 8;

    private final LongSupplier clock;
    private final TaskThread closer;
    private long length;
    private long begun;
    private long tasksBefore;

    /**
     * Creates slices.
     *
     * @param clock the nanoTime
     * @param closer the other thread, which closes what this one can't
     */
    public Slice(LongSupplier clock, TaskThread closer) {
        this.clock = clock;
        this.closer = closer;
    }

    /**
     * Begins a slice.
     *
     * @param nanos its length
     */
    public void begin(long nanos) {
        length = nanos;
        begun = clock.getAsLong();
        tasksBefore = closer.handed();
    }

    /** Whether the slice is over. */
    @Override
    public boolean getAsBoolean() {
        return length != ENDLESS
                && (clock.getAsLong() - begun >= length || closer.handed() - tasksBefore >= MOST_TASKS);
    }
}
