package org.strictkeepalive.internal.time;

import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Cuts the work of a tick into slices. If a thread that has many connections to close pauses after each slice, requests
 * of others pass first: each close also costs the selector some work, when the client answers it. A look that closes
 * nothing costs so little that slices are longer then.
 *
 * <p>Used by one thread at a time.
 */
public final class Slice implements BooleanSupplier {
    /** The length of a slice that ends only when all is done. */
    public static final long ENDLESS = Long.MAX_VALUE;

    /** The most tasks that a slice hands to another thread. */
    static final int MOST_TASKS = 8;
    /** A look that takes longer has probably closed something, in nanoseconds. */
    static final long CLOSE = TimeUnit.MICROSECONDS.toNanos(4);
    /** The longest slice that has closed nothing, in nanoseconds. */
    static final long LONGEST = TimeUnit.MICROSECONDS.toNanos(500);

    private final LongSupplier clock;
    private final TaskThread closer;
    private long length;
    private long begun;
    private long lastStep;
    private long closing;
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
     * @param nanos how long its steps that close something may take
     */
    public void begin(long nanos) {
        length = nanos;
        begun = clock.getAsLong();
        lastStep = begun;
        closing = 0;
        tasksBefore = closer.handed();
    }

    /** Whether the slice is over, after a look that may have closed something. */
    @Override
    public boolean getAsBoolean() {
        return isOver(false);
    }

    /**
     * Whether the slice is over, after one of its steps.
     *
     * @param closed whether the step was to close something
     */
    public boolean isOver(boolean closed) {
        if (length == ENDLESS) {
            return false;
        }
        long now = clock.getAsLong();
        long step = now - lastStep;
        lastStep = now;
        if (closed || step >= CLOSE) {
            closing += step;
        }
        return closing >= length || now - begun >= LONGEST || closer.handed() - tasksBefore >= MOST_TASKS;
    }
}
