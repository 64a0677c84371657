package org.strictkeepalive.internal.server;

import java.util.concurrent.TimeUnit;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.time.DeadlineWheel;

/** How much a tick does at once, and when the next one comes. */
enum Pace {
    /** Requests of others pass first: some ten connections are closed each millisecond. */
    CALM(200, 800),
    /** Connections that are late come first. Where pressure has shrunk their times they aren't. */
    HURRIED(200, 100);

    /** How late a connection is before it comes first, in nanoseconds. */
    private static final long LATE = TimeUnit.MILLISECONDS.toNanos(100);
    /** The most ticks in a sample interval at NORMAL. */
    private static final int MOST_TICKS = 4;

    /** The length of a slice, in nanoseconds. */
    final long slice;
    /** The time from a slice to the next one, in nanoseconds. */
    final long pause;

    Pace(long sliceMicros, long pauseMicros) {
        slice = TimeUnit.MICROSECONDS.toNanos(sliceMicros);
        pause = TimeUnit.MICROSECONDS.toNanos(pauseMicros);
    }

    /**
     * Returns the pace at which a tick goes on that has left something.
     *
     * @param late how late the connections are that it has left, in nanoseconds
     */
    static Pace of(PressureLevel level, long late) {
        return late >= LATE && !level.isAtLeast(PressureLevel.HIGH) ? HURRIED : CALM;
    }

    /** Returns the time until the next tick in nanoseconds, if the last one has left nothing. */
    static long untilNextTick(PressureLevel level, long interval, DeadlineWheel<?> wheel, long now) {
        return switch (level) {
            case CRITICAL -> Math.min(interval, Relief.INTERVAL);
            // Each tick may look at all connections, so there are no more ticks than that.
            case ELEVATED, HIGH -> interval;
            // A deadline doesn't wait for the whole interval.
            case NORMAL -> Math.max(wheel.next(now, interval), interval / MOST_TICKS);
        };
    }
}
