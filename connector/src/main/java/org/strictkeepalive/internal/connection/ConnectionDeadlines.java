package org.strictkeepalive.internal.connection;

import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * Knows the phase of a connection, and when the time in that phase is over. It knows no Jetty and reads no clock.
 *
 * <p>The thread that has the move writes what is not volatile. The word of {@link ConnectionLife} publishes it.
 */
public abstract class ConnectionDeadlines extends ConnectionLife {
    private static final AtomicLongFieldUpdater<ConnectionDeadlines> SINCE =
            AtomicLongFieldUpdater.newUpdater(ConnectionDeadlines.class, "since");

    /** The time between two looks at a connection without a deadline, in nanoseconds. */
    static final long RELOOK = 60_000_000_000L;
    /** The time between two looks at a connection that is closing, in nanoseconds. */
    static final long CLOSED_RELOOK = 1_000_000_000L;
    /** The longest linger while the connector shuts down: 150 ms. Plain Jetty may not linger at all. */
    private static final long STOP_LINGER = 150_000_000L;

    protected final Governor governor;

    // ---- Written by the thread that has the move, published by the word
    private ConnectionState phase = ConnectionState.NEW;
    /** How many requests the connection had carried at its last wait. The number may overflow. */
    private int requests;

    private int promisedSeconds;
    /** Whether bytes have been read since the last request ended. */
    private boolean begun;
    /** Whether {@link #since} is the time of the first byte of the first request. */
    private boolean firstBegun;
    /** Whether the last request has a body that was not read to its end. */
    private boolean bodyUnread;
    /** The reason for the close if the check finds no byte. */
    private CloseReason checkedFor;

    private long openedAt;

    // ---- Written by the thread that has the move, read by the timer at any time
    /**
     * When the phase began; after the output is shut, when that was. Written in order: the write of the word, or of
     * {@link #outputShut}, publishes it soon after.
     */
    private volatile long since;

    private volatile boolean outputShut;
    private volatile CloseReason closing;

    /** Whether an earlier look found the socket closed. Only the timer's thread uses it. */
    private boolean seenClosed;

    public ConnectionDeadlines(Governor governor) {
        this.governor = governor;
    }

    // ---- What a connection can do

    /** Whether the socket is open. */
    public abstract boolean isSocketOpen();

    /** Whether the TLS handshake is still going on. */
    public abstract boolean isHandshaking();

    /** Ends the connection in the given way. */
    public abstract void end(Ending how);

    /** Checks an exchange in progress whose output is open. Returns true if its client has gone. */
    public abstract boolean lookAtExchange(int seen, Tick tick);

    /** Whether the application waits for bytes of the request's body. */
    public abstract boolean isBodyAwaited();

    /** Takes over a connection after its FIN, when Jetty has finished with it, and reads until the client's FIN. */
    public abstract void takeOver();

    /** Counts the connection as closed: its socket is closed, but Jetty has not reported it. */
    public abstract void closedUnheard();

    /** Tells listeners that the policy has decided to close. */
    public abstract void tellClosing(CloseReason reason);

    // ---- Phases, written by the thread that has the move

    public final void begin(long acceptedAt) {
        openedAt = acceptedAt;
        SINCE.lazySet(this, acceptedAt);
    }

    /** Bytes of a request were read. */
    public final void begun() {
        begun = true;
    }

    final boolean isBegun() {
        return begun;
    }

    @Override
    final ConnectionState phase() {
        return phase;
    }

    /**
     * 1 in the phase IDLE, else 0. Without a branch: the first request of a new connection would be the first to take it,
     * and the compiler would throw away the compiled code of all requests.
     */
    @SuppressWarnings("EnumOrdinal") // Equal ordinals are equal states.
    final int onlyIfIdle() {
        return ((phase.ordinal() ^ ConnectionState.IDLE.ordinal()) - 1) >>> 31;
    }

    /**
     * Jetty's connection is about to wait.
     *
     * @param count how many requests the connection has carried
     * @param moreBehind whether bytes of a further request came with the last one
     * @return how long the connection has been idle, in nanoseconds, if it is being reused now; else negative
     */
    public final long aboutToWait(int count, boolean moreBehind, long now) {
        if (count != requests) {
            requests = count;
            phase = begun || moreBehind ? ConnectionState.READING : ConnectionState.IDLE;
            SINCE.lazySet(this, now);
        } else if (begun && phase == ConnectionState.IDLE) {
            long idle = Math.max(0, now - since);
            phase = ConnectionState.READING;
            SINCE.lazySet(this, now);
            return idle;
        } else if (begun && phase == ConnectionState.NEW && !firstBegun) {
            firstBegun = true;
            SINCE.lazySet(this, now);
        }
        return -1;
    }

    /** A request has begun. A pipelined one finds the phase BUSY, so it doesn't count as one that came after a wait. */
    public final void requestBegins(long now) {
        SINCE.lazySet(this, now);
        phase = ConnectionState.BUSY;
        promisedSeconds = 0;
        bodyUnread = false;
    }

    /** A request has ended; {@code unread} says whether its body was not read to its end. */
    public final void requestEnds(boolean unread) {
        begun = false;
        bodyUnread = unread;
    }

    final int promisedSeconds() {
        return promisedSeconds;
    }

    /** A {@code Keep-Alive} field has promised the client to keep the connection for so long. */
    final void promised(long seconds) {
        promisedSeconds = (int) Math.max(0, Math.min(seconds, Integer.MAX_VALUE));
    }

    // ---- The close

    public final CloseReason closing() {
        return closing;
    }

    /** Records the reason for the close, and tells nobody. */
    final void closing(CloseReason reason) {
        closing = reason;
    }

    /** The policy has decided to close: records the reason and tells listeners. */
    public final void closeFor(CloseReason reason) {
        closing = reason;
        tellClosing(reason);
    }

    public final CloseReason checkedFor() {
        return checkedFor;
    }

    public final boolean isOutputShut() {
        return outputShut;
    }

    /** The output is being shut: the linger begins. */
    public final void shut(long now) {
        SINCE.lazySet(this, now);
        outputShut = true;
    }

    /** When the output was shut, if it is. */
    public final long lingerSince() {
        return since;
    }

    /** The longest linger in nanoseconds, {@link Decisions#NEVER} for no limit. */
    public final long lingerLimit(Pressure pressure) {
        long limit = governor.decisions().linger(pressure.level(), bodyUnread);
        return governor.isShutdown() ? Math.min(limit, STOP_LINGER) : limit;
    }

    /** Claims a connection for the policy and ends it, if it still waits as it did when it was seen. */
    final boolean take(int seen, CloseReason reason) {
        // If the claim succeeds, these values belong to the wait that was seen: the word has not changed.
        boolean requestBegun = begun && phase != ConnectionState.IDLE;
        boolean handshaking = isHandshaking();
        if (!claim(seen, requestBegun || handshaking ? OWNED : CHECKING)) {
            return false;
        }
        if (handshaking) {
            closeFor(reason);
            end(Ending.CLOSE);
        } else if (requestBegun) {
            closeFor(reason);
            end(reason == CloseReason.IDLE_TIMEOUT ? Ending.SHUT : Ending.ANSWER);
        } else {
            checkedFor = reason;
            end(Ending.CHECK);
        }
        return true;
    }

    @Override
    public final boolean evict(long asOf, long now) {
        int seen = seen();
        if (state(seen) != WAITING || since != asOf || !take(seen, CloseReason.EVICTED)) {
            return false;
        }
        governor.due(this, now);
        return true;
    }

    // ---- Deadlines

    public static long deadline(long from, long timeout) {
        return from + Math.min(timeout, RELOOK);
    }

    /** The nanoTime of the next look: the end of the time in this phase, at most {@link #RELOOK} after its begin. */
    public final long due(Pressure pressure) {
        return deadline(since, timeout(pressure));
    }

    /** How long the connection may stay in its phase, in nanoseconds from {@link #since}. */
    final long timeout(Pressure pressure) {
        double squeeze = squeeze(pressure);
        if (phase != ConnectionState.NEW) {
            return timeout(phase, squeeze);
        }
        Decisions decisions = governor.decisions();
        if (firstBegun) {
            return decisions.firstHeaders(squeeze, governor.idleTimeout(), since - openedAt);
        }
        return isHandshaking() ? decisions.handshake(squeeze, governor.idleTimeout()) : timeout(phase, squeeze);
    }

    private long timeout(ConnectionState state, double squeeze) {
        return governor.decisions().timeout(state, squeeze, governor.idleTimeout(), promisedSeconds * 1_000_000_000L);
    }

    final double squeeze(Pressure pressure) {
        return pressure.squeeze() == 0 ? 0 : pressure.squeeze(isReused(), since - openedAt, peer());
    }

    private CloseReason timeoutReason(Pressure pressure, long now) {
        if (now - since < timeout(Pressure.NONE)) {
            return CloseReason.SHORTENED;
        }
        return switch (phase) {
            case NEW -> {
                double squeeze = squeeze(pressure);
                if (firstBegun) {
                    yield timeout(pressure) < timeout(ConnectionState.READING, squeeze)
                            ? CloseReason.FIRST_REQUEST_TIMEOUT
                            : CloseReason.REQUEST_HEADER_TIMEOUT;
                }
                yield timeout(pressure) < timeout(phase, squeeze)
                        ? CloseReason.HANDSHAKE
                        : CloseReason.FIRST_REQUEST_TIMEOUT;
            }
            case READING -> CloseReason.REQUEST_HEADER_TIMEOUT;
            default -> CloseReason.KEEP_ALIVE_TIMEOUT;
        };
    }

    // ---- The timer

    @Override
    public final long look(Tick tick) {
        long now = tick.now();
        if (!isSocketOpen()) {
            // If the endpoint fails before onOpen, Jetty never calls onClosed.
            if (seenClosed) {
                closedUnheard();
            }
            seenClosed = true;
            return now + CLOSED_RELOOK;
        }
        int seen = seen();
        return switch (state(seen)) {
            case WAITING -> lookAtWait(seen, tick);
            // Who has claimed it is about to shut the output, or closes it.
            case OWNED -> outputShut ? lookAtLinger(tick) : now;
            case RUNNING, BUSY -> outputShut ? lookAtShut(seen, tick) : lookAtWork(seen, tick);
            case CHECKING, LOOKING -> now;
            default -> now + RELOOK;
        };
    }

    private long lookAtWait(int seen, Tick tick) {
        long now = tick.now();
        boolean ending = tick.ending() != null && phase == ConnectionState.IDLE;
        long timeout = timeout(tick.pressure());
        long stopTimeout = governor.stopTimeout(since, now);
        long limit = ending ? 0 : Math.min(timeout, stopTimeout);
        if (limit == Decisions.NEVER || now - since < limit) {
            return deadline(now, limit - (now - since));
        }
        Pressure p = tick.pressure();
        take(seen, ending ? tick.ending() : stopTimeout < timeout ? CloseReason.STOP : timeoutReason(p, now));
        return now;
    }

    private long lookAtLinger(Tick tick) {
        long limit = lingerLimit(tick.pressure());
        if (isOver(limit, tick.now())) {
            end(Ending.CLOSE);
            return tick.now() + CLOSED_RELOOK;
        }
        return deadline(tick.now(), limit - (tick.now() - lingerSince()));
    }

    private boolean isOver(long limit, long now) {
        return limit != Decisions.NEVER && now - lingerSince() >= limit;
    }

    private long lookAtShut(int seen, Tick tick) {
        if (state(seen) == RUNNING) {
            // Jetty's connection neither waits nor closes, so nobody would read.
            takeOver();
        } else if (isBodyAwaited() && isOver(lingerLimit(tick.pressure()), tick.now())) {
            end(Ending.CLOSE);
        }
        return tick.now() + CLOSED_RELOOK;
    }

    private long lookAtWork(int seen, Tick tick) {
        if (state(seen) == BUSY && lookAtExchange(seen, tick)) {
            closeFor(CloseReason.ABANDONED);
            end(Ending.CLOSE);
            return tick.now() + CLOSED_RELOOK;
        }
        return deadline(tick.now(), timeout(ConnectionState.IDLE, squeeze(tick.pressure())));
    }

    // ---- What the governor asks

    @Override
    public final boolean isOf(Object other) {
        return governor == other;
    }

    @Override
    public final Decisions decisions() {
        return governor.decisions();
    }

    @Override
    public final ConnectionState state() {
        return switch (state(seen())) {
            case WAITING, CHECKING -> phase;
            case OWNED -> ConnectionState.LINGERING;
            case RUNNING -> outputShut ? ConnectionState.LINGERING : ConnectionState.BUSY;
            default -> ConnectionState.BUSY;
        };
    }

    @Override
    public final boolean isReused() {
        return requests() > 1;
    }

    @Override
    public final long since() {
        return since;
    }

    @Override
    public final long openedAt() {
        return openedAt;
    }
}
