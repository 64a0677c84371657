package org.strictkeepalive.internal.policy;

import java.time.Duration;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

/**
 * The decisions that follow from the settings of a {@link KeepAlivePolicy}. Pure: times and durations are in
 * nanoseconds and are passed in, and nothing here reads a clock. Immutable and safe for use by any thread.
 */
public final class Decisions {
    /** What methods return if no limit applies. */
    public static final long NEVER = Long.MAX_VALUE;
    /** A never-reused connection is left alone this long after its last progress while pressure is HIGH. */
    public static final long NEWCOMER_GRACE = 250_000_000L;
    /** The longest linger at HIGH and above. */
    private static final long PRESSED_LINGER = 250_000_000L;
    /** {@code dataRateGrace} at CRITICAL. */
    private static final long CRITICAL_DATA_RATE_GRACE = 500_000_000L;
    /** What {@code abandonedTimeout} shrinks to. */
    private static final long MIN_ABANDONED = 1_000_000_000L;
    /** What {@code dataRateGrace} shrinks to. */
    private static final long MIN_DATA_RATE_GRACE = 1_000_000_000L;

    /** In bytes a second, as the next one. */
    private static final double ASSUMED_RATE = 3072;

    private static final long MIN_HIGHEST_RATE = 16_384;
    /** How long an exchange waits before it is judged if one of the same peer was ended a moment ago. */
    private static final long RETURN_GRACE = 100_000_000L;

    private static final long SECOND = 1_000_000_000L;
    /** The most bytes in a record of TLS (RFC 8446, 5.1). */
    private static final long LARGEST_RECORD = 1 << 14;

    private final KeepAlivePolicy policy;

    // The durations in nanoseconds, zero or less if the limit is off.
    private final long keepAliveTimeout;
    private final long minKeepAliveTimeout;
    private final long requestHeaderTimeout;
    private final long firstRequestTimeout;
    private final long handshakeTimeout;
    private final long minRequestHeaderTimeout;
    private final long maxConnectionAge;
    private final long lingerTimeout;
    private final long unreadBodyLingerTimeout;
    private final long dataRateGrace;
    private final long abandonedTimeout;
    private final long keepAliveTimeoutBuffer;
    private final boolean keepAliveTimeoutSet;
    private final boolean firstRequestTimeoutSet;
    private final int maxRequestsPerConnection;
    /** {@link #maxRequestsPerConnection} and {@link #maxConnectionAge}, or {@link #NEVER} where these are off. */
    private final long requestLimit;

    private final long ageLimit;
    private final double maxConnectionAgeJitter;
    private final long minDataRate;
    private final long fastDataRate;
    private final boolean advertiseKeepAlive;

    public Decisions(KeepAlivePolicy policy) {
        this.policy = policy;
        keepAliveTimeout = nanos(policy.getKeepAliveTimeout());
        minKeepAliveTimeout = nanos(policy.getMinKeepAliveTimeout());
        requestHeaderTimeout = nanos(policy.getRequestHeaderTimeout());
        firstRequestTimeout = nanos(policy.getFirstRequestTimeout());
        handshakeTimeout = nanos(policy.getHandshakeTimeout());
        minRequestHeaderTimeout = nanos(policy.getMinRequestHeaderTimeout());
        maxConnectionAge = nanos(policy.getMaxConnectionAge());
        lingerTimeout = nanos(policy.getLingerTimeout());
        unreadBodyLingerTimeout = nanos(policy.getUnreadBodyLingerTimeout());
        dataRateGrace = nanos(policy.getDataRateGrace());
        abandonedTimeout = nanos(policy.getAbandonedTimeout());
        keepAliveTimeoutBuffer = nanos(policy.getKeepAliveTimeoutBuffer());
        keepAliveTimeoutSet = policy.getKeepAliveTimeout() != null;
        firstRequestTimeoutSet = policy.getFirstRequestTimeout() != null;
        maxRequestsPerConnection = policy.getMaxRequestsPerConnection();
        requestLimit = maxRequestsPerConnection > 0 ? maxRequestsPerConnection : NEVER;
        ageLimit = maxConnectionAge > 0 ? maxConnectionAge : NEVER;
        maxConnectionAgeJitter = policy.getMaxConnectionAgeJitter();
        minDataRate = policy.getMinDataRate();
        fastDataRate = policy.getFastDataRate();
        advertiseKeepAlive = policy.isAdvertiseKeepAlive();
    }

    private static long nanos(Duration duration) {
        return duration == null ? 0 : duration.toNanos();
    }

    /** Returns the settings. */
    public KeepAlivePolicy policy() {
        return policy;
    }

    /**
     * Returns how long a connection may stay in a state, counted from when it entered it.
     *
     * @param state the state
     * @param squeeze how far the timeouts are shrunk, from 0 to 1
     * @param connectorIdleTimeout the keep-alive and first request timeout if none is set, in nanoseconds, zero or less
     *     for none
     * @param promised the timeout that a {@code Keep-Alive} field has promised, in nanoseconds, 0 for none
     * @return the time in nanoseconds, {@link #NEVER} for no limit
     */
    public long timeout(ConnectionState state, double squeeze, long connectorIdleTimeout, long promised) {
        return switch (state) {
            case NEW ->
                shrunk(
                        isFirstRequestTimeoutSet() ? firstRequestTimeout : connectorIdleTimeout,
                        minRequestHeaderTimeout,
                        squeeze);
            case READING -> shrunk(requestHeaderTimeout, minRequestHeaderTimeout, squeeze);
            case IDLE -> Math.max(keepAlive(squeeze, connectorIdleTimeout), promised);
            case BUSY, LINGERING -> NEVER;
        };
    }

    /**
     * Returns how long a connection may stay in a phase before HTTP, counted from its accept.
     *
     * @param squeeze how far the first request timeout is shrunk, from 0 to 1
     * @param connectorIdleTimeout the first request timeout if none is set, in nanoseconds, zero or less for none
     * @return the time in nanoseconds, {@link #NEVER} for no limit
     */
    public long handshake(double squeeze, long connectorIdleTimeout) {
        return Math.min(
                handshakeTimeout > 0 ? handshakeTimeout : NEVER,
                timeout(ConnectionState.NEW, squeeze, connectorIdleTimeout, 0));
    }

    /**
     * Returns how long the headers of a first request may take, counted from its first byte.
     *
     * @param squeeze how far the timeouts are shrunk, from 0 to 1
     * @param connectorIdleTimeout the first request timeout if none is set, in nanoseconds, zero or less for none
     * @param begunAfter the time from accept to the first byte, in nanoseconds
     * @return the time in nanoseconds, {@link #NEVER} for no limit
     */
    public long firstHeaders(double squeeze, long connectorIdleTimeout, long begunAfter) {
        long first = timeout(ConnectionState.NEW, squeeze, connectorIdleTimeout, 0);
        return Math.min(
                timeout(ConnectionState.READING, squeeze, connectorIdleTimeout, 0),
                first == NEVER ? NEVER : Math.max(0, first - begunAfter));
    }

    /** Returns how long a connection may linger, {@link #NEVER} for no limit. */
    public long linger(PressureLevel level, boolean unreadBody) {
        long limit = unreadBody ? unreadBodyLingerTimeout : lingerTimeout;
        if (level.isAtLeast(PressureLevel.HIGH)) {
            return limit <= 0 ? PRESSED_LINGER : Math.min(limit, PRESSED_LINGER);
        }
        return limit <= 0 ? NEVER : limit;
    }

    /** Tells whether {@code keepAliveTimeout} was set. If not, the connector's idle timeout takes its place. */
    public boolean isKeepAliveTimeoutSet() {
        return keepAliveTimeoutSet;
    }

    /** Tells whether {@code firstRequestTimeout} was set. If not, the connector's idle timeout takes its place. */
    public boolean isFirstRequestTimeoutSet() {
        return firstRequestTimeoutSet;
    }

    /**
     * Tells whether {@code keepAliveTimeout} was set and is not off. Then it alone limits the time between requests.
     */
    public boolean isKeepAliveTimeoutOn() {
        return keepAliveTimeout > 0;
    }

    private long keepAlive(double squeeze, long connectorIdleTimeout) {
        return shrunk(isKeepAliveTimeoutSet() ? keepAliveTimeout : connectorIdleTimeout, minKeepAliveTimeout, squeeze);
    }

    /**
     * Shrinks a timeout linearly towards its minimum. A timeout below the minimum stays as it is; one that is off is
     * NEVER.
     */
    private static long shrunk(long timeout, long min, double squeeze) {
        if (timeout <= 0) {
            return NEVER;
        }
        long room = timeout - Math.max(min, 0);
        return room <= 0 ? timeout : timeout - (long) (room * squeeze);
    }

    /**
     * Decides whether the response to a request closes the connection.
     *
     * @param requests how many requests the connection has carried, this one included
     * @param age the connection's age
     * @param agePart how much of the jitter applies to this connection, from 0 to 1
     * @param pressure the pressure
     * @return the reason for the close, or null to keep the connection
     */
    public CloseReason closeAfter(long requests, long age, double agePart, Pressure pressure) {
        CloseReason used = endAfter(requests, age, agePart);
        if (used != null) {
            return used;
        }
        if (pressure.level().isAtLeast(PressureLevel.HIGH)
                && (requests <= 1 || pressure.verdict().newcomersGone())) {
            return CloseReason.PRESSURE;
        }
        return null;
    }

    /**
     * Whether the limits of requests and of age keep the connection, as {@link #closeAfter} decides. Without a branch,
     * since requests would never take it before the first close.
     *
     * @return a negative number if they don't, else another one
     */
    public long beforeClose(long requests, long age, double agePart) {
        return (requestLimit - 1 - requests) | ((long) (ageLimit * (1 - maxConnectionAgeJitter * agePart)) - 1 - age);
    }

    /**
     * Decides whether a connection has carried enough requests, or is old enough, whatever the pressure.
     *
     * @param requests how many requests the connection has carried, this one included
     * @param age the connection's age
     * @param agePart how much of the jitter applies to this connection, from 0 to 1
     * @return the reason for the close, or null to keep the connection
     */
    public CloseReason endAfter(long requests, long age, double agePart) {
        if (maxRequestsPerConnection > 0 && requests >= maxRequestsPerConnection) {
            return CloseReason.MAX_REQUESTS;
        }
        if (maxConnectionAge > 0 && age >= maxConnectionAge * (1 - maxConnectionAgeJitter * agePart)) {
            return CloseReason.MAX_AGE;
        }
        return null;
    }

    /**
     * Returns the longest time that a connection may be idle without pressure. A first request timeout that is off
     * leaves the other one on.
     *
     * @param connectorIdleTimeout the timeouts that are not set, in nanoseconds, zero or less for none
     * @return the time in nanoseconds, zero or less if the keep-alive timeout is off
     */
    public long idleLimit(long connectorIdleTimeout) {
        long keepAlive = keepAliveTimeoutSet ? keepAliveTimeout : connectorIdleTimeout;
        long first = firstRequestTimeoutSet ? firstRequestTimeout : connectorIdleTimeout;
        return keepAlive <= 0 ? 0 : Math.max(keepAlive, first);
    }

    /**
     * Returns the whole seconds that a {@code Keep-Alive} field may promise.
     *
     * @param squeeze how far the timeouts are shrunk, from 0 to 1
     * @param connectorIdleTimeout the keep-alive timeout if none is set, in nanoseconds, zero or less for none
     * @param endPointIdleTimeout the endpoint's idle timeout if it differs from the connector's, in nanoseconds, zero
     *     or less if not
     * @return the seconds, 0 if there is less than one to promise, -1 if the time is not limited
     */
    public long promisableSeconds(double squeeze, long connectorIdleTimeout, long endPointIdleTimeout) {
        long timeout = keepAlive(squeeze, connectorIdleTimeout);
        if (endPointIdleTimeout > 0) {
            timeout = Math.min(timeout, endPointIdleTimeout);
        }
        return timeout == NEVER ? -1 : Math.max(0, timeout - Math.max(keepAliveTimeoutBuffer, 0)) / SECOND;
    }

    /** Returns the value of the {@code Keep-Alive} field, null for no field. */
    public String keepAliveField(long seconds, long requests) {
        long remaining = maxRequestsPerConnection > 0 ? maxRequestsPerConnection - requests : -1;
        if (seconds <= 0) {
            return remaining <= 0 ? null : "max=" + remaining;
        }
        return remaining <= 0 ? "timeout=" + seconds : "timeout=" + seconds + ", max=" + remaining;
    }

    /** Whether clients that ask are told how long a connection is kept. */
    public boolean isAdvertiseKeepAlive() {
        return advertiseKeepAlive;
    }

    /**
     * Judges an exchange that waits for its client.
     *
     * @param waited how long it has waited, in nanoseconds, since the wait began or progress was last judged to be made
     * @param moved the bytes that moved in that time
     * @param rate how quick the client was in the last seconds. If it was quick enough, the time before the judgement
     *     doesn't shrink: it may pause
     * @param inSteps whether it may move more than it seems to, since the kernel shows that in large steps only. Then
     *     that time doesn't shrink either
     * @param pressure the pressure
     * @return the verdict
     */
    public Progress progress(long waited, long moved, ClientRate rate, boolean inSteps, Pressure pressure) {
        Progress progress = progress(waited, moved, pressure);
        boolean mayPause = waited <= dataRateGrace && (inSteps || rate.perSecond() >= minDataRate);
        return progress == Progress.NONE && mayPause ? Progress.UNJUDGED : progress;
    }

    /** As above, for a client of which nothing else is known. */
    public Progress progress(long waited, long moved, Pressure pressure) {
        long rate = minDataRate;
        if (rate <= 0 || !pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
            return Progress.UNJUDGED;
        }
        long grace = grace(pressure);
        if (waited <= grace) {
            return Progress.UNJUDGED;
        }
        return (double) moved * SECOND < (double) rate * waited ? Progress.NONE : Progress.MADE;
    }

    /**
     * Whether a client that takes a record of TLS may be as quick as {@code minDataRate}, though the record is not taken
     * yet.
     *
     * @param waited how long the record has waited, in nanoseconds
     * @param idle since when its socket has moved nothing, in nanoseconds
     */
    public boolean isWithinRecord(long waited, long idle) {
        return idle < dataRateGrace && (double) waited * minDataRate < LARGEST_RECORD * SECOND;
    }

    /** How long an exchange waits for its client before it is judged, in nanoseconds. */
    private long grace(Pressure pressure) {
        long grace = shrunk(Math.max(dataRateGrace, 1), MIN_DATA_RATE_GRACE, pressure.squeeze());
        return pressure.level() == PressureLevel.CRITICAL ? Math.min(grace, CRITICAL_DATA_RATE_GRACE) : grace;
    }

    /**
     * Ranks an exchange that waits for its client among those that may be ended for being the slowest. One that has not
     * waited long enough to be judged is assumed to go on at 3 KiB/s. So a client on a bad line is not the slowest for
     * want of others that were judged, and those that are slower by far don't stay because of new ones.
     *
     * @param returns whether an exchange of the same peer was ended for being the slowest, a moment before this one
     *     began. Then it is assumed to go on as that one
     * @return how many bytes it moves a second, negative if it may not be ended
     */
    public double slowness(ClientRate rate, Pressure pressure, boolean returns) {
        double perSecond = rate.perSecond(grace(pressure), returns ? minDataRate : ASSUMED_RATE);
        return perSecond > fastDataRate || fastDataRate <= 0 ? -1 : perSecond;
    }

    /** The highest rate, in bytes a second, that matters to {@link #slowness} and to {@link #progress}. */
    public long highestRate() {
        return 2 * Math.max(MIN_HIGHEST_RATE, Math.min(Math.max(fastDataRate, minDataRate), Long.MAX_VALUE / 4));
    }

    /**
     * Whether an exchange has waited for its client long enough to be judged.
     *
     * @param returns as above
     */
    public boolean isJudged(ClientRate rate, Pressure pressure, boolean returns) {
        long grace = grace(pressure);
        return rate.isKnown(returns ? Math.min(grace, RETURN_GRACE) : grace);
    }

    /** Returns how long an exchange goes on after its client has shut its output, {@link #NEVER} for no limit. */
    public long abandoned(Pressure pressure) {
        return pressure.level().isAtLeast(PressureLevel.ELEVATED)
                ? shrunk(abandonedTimeout, MIN_ABANDONED, pressure.squeeze())
                : NEVER;
    }

    /** Whether an exchange makes progress. */
    public enum Progress {
        /** It is too early to judge, or nothing has to be judged. */
        UNJUDGED,
        /** The exchange makes progress: a new wait begins. */
        MADE,
        /** The exchange makes no progress and has to be ended. */
        NONE
    }

    /**
     * Tells whether an idle connection may be evicted.
     *
     * @param reused whether it has carried two or more requests
     * @param idle how long ago its last progress was
     * @param level the level of pressure
     * @return true if it may
     */
    public boolean isEvictable(boolean reused, long idle, PressureLevel level) {
        if (reused) {
            return idle >= Math.max(minKeepAliveTimeout, 0);
        }
        return level == PressureLevel.CRITICAL || idle >= NEWCOMER_GRACE;
    }
}
