package org.strictkeepalive.internal.server;

import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.time.DeadlineWheel;
import org.strictkeepalive.internal.time.Slice;

/**
 * Looks at connections: at each tick at those whose time has come, and at more if the tick requires it. If a connection
 * fails, the others still have their turn. A tick is made by one thread at a time. {@link #lookAtAll}, {@link #evict}
 * and {@link #evictIdle} are safe for use by any thread.
 */
public final class Looks {
    /**
     * When deadlines have shrunk by this much more of the way to their minimum, all connections are looked at again.
     */
    private static final double SQUEEZE_STEP = 0.01;
    /**
     * The time between two judgements of exchanges at ELEVATED is this, times the connections: judging must not take
     * the CPU.
     */
    private static final long JUDGED_EACH = TimeUnit.MICROSECONDS.toNanos(40);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final PressureMeter meter;
    private final Failures failures;
    private final Slice slice;
    /** How far deadlines had shrunk when all connections were looked at. */
    private double squeezed;
    /** When exchanges were judged last at ELEVATED. */
    private long judgedAt;
    /** When all connections became due last. */
    private long allDueAt;
    /** Whether the last slice has left connections whose time has come. */
    private boolean unfinished;

    private volatile boolean all;
    /** Whether pressure was HIGH or above when it was measured last. */
    private volatile boolean high;

    /**
     * Creates the looks of a server.
     *
     * @param slice how long a tick may go on
     */
    Looks(DeadlineWheel<GovernedConnection> wheel, PressureMeter meter, Failures failures, Slice slice, long now) {
        this.wheel = wheel;
        this.meter = meter;
        this.failures = failures;
        this.slice = slice;
        judgedAt = now;
        allDueAt = now;
    }

    /** Watches the exchanges in progress: from now on their responses may have to say close. */
    void watchAll() {
        wheel.list().forEach(GovernedConnection::watch);
    }

    /** Watches the exchanges in progress if pressure has risen to HIGH. */
    void heed(Pressure pressure) {
        boolean wasHigh = high;
        high = pressure.level().isAtLeast(PressureLevel.HIGH);
        if (high && !wasHigh) {
            watchAll();
        }
    }

    /** Lets the next tick look at all connections, since their policy has changed. */
    void lookAtAll() {
        watchAll();
        all = true;
    }

    /**
     * Looks at those whose time has come, until the slice is over.
     *
     * @param ending whether idle connections have to end, so that all are looked at
     */
    void look(Tick tick, boolean ending) {
        long now = tick.now();
        Pressure p = tick.pressure();
        boolean high = p.level().isAtLeast(PressureLevel.HIGH);
        squeezed = Math.min(squeezed, p.squeeze());
        long interval = meter.interval();
        boolean isSpaced = now - allDueAt >= interval;
        // A slice that goes on with the last ones makes no others due, or they would never end.
        boolean end = ending && (!unfinished || isSpaced);
        boolean squeeze = !high && !unfinished && isSpaced && p.squeeze() > squeezed + SQUEEZE_STEP;
        if (end || all || squeeze) {
            all = false;
            allDueAt = now;
            squeezed = p.squeeze();
            wheel.due(connection -> true, now);
        } else if (!high
                && p.onExchanges().level().isAtLeast(PressureLevel.ELEVATED)
                && !unfinished
                && now - judgedAt >= Math.max(interval, wheel.size() * JUDGED_EACH)) {
            judgedAt = now;
            wheel.due(connection -> connection.state() == ConnectionState.BUSY, now);
        }
        unfinished = !wheel.advance(now, slice, connection -> look(connection, tick));
    }

    /** Whether the last slice has left connections whose time has come. */
    boolean isUnfinished() {
        return unfinished;
    }

    /** Looks at a connection. If it fails, it is looked at again after the sample interval. */
    long look(GovernedConnection connection, Tick tick) {
        try {
            return connection.look(tick);
        } catch (Throwable x) {
            failures.add("look at " + connection, x);
            return tick.now() + meter.interval();
        }
    }

    /** Evicts a connection if it is still idle since that time, and tells whether it did. */
    boolean evict(GovernedConnection connection, long since, long now) {
        try {
            return connection.evict(since, now);
        } catch (Throwable x) {
            failures.add("evict " + connection, x);
            return false;
        }
    }

    /** Ends the exchange of a connection because it is the slowest, and tells whether it did. */
    boolean endAsSlowest(GovernedConnection connection) {
        try {
            return connection.endAsSlowest();
        } catch (Throwable x) {
            failures.add("end the exchange of " + connection, x);
            return false;
        }
    }

    /** Closes a lingering connection whose client has sent nothing since the FIN. */
    void endQuietLinger(GovernedConnection connection) {
        try {
            connection.endQuietLinger();
        } catch (Throwable x) {
            failures.add("close " + connection, x);
        }
    }

    /** The connections that are idle between two requests. */
    private Stream<GovernedConnection> idle() {
        return wheel.list().stream().filter(connection -> connection.state() == ConnectionState.IDLE);
    }

    /** Evicts idle connections as at HIGH, each by its own policy. Returns how many. */
    public int evictIdle(long now) {
        return (int) idle().filter(connection -> connection
                        .decisions()
                        .isEvictable(connection.isReused(), now - connection.since(), PressureLevel.HIGH))
                .filter(connection -> evict(connection, connection.since(), now))
                .count();
    }
}
