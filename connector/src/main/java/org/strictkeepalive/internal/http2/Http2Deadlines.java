package org.strictkeepalive.internal.http2;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * Knows when the time of an HTTP/2 connection is over, and what happens then. It knows no Jetty and reads no clock but
 * the governor's.
 *
 * <p>A connection without a stream gets one GOAWAY, and is closed when the linger is over: a request that crosses the
 * GOAWAY was not executed, and the client sends it again elsewhere. If a connection has to go although its client uses
 * it, a GOAWAY that refuses nothing comes first, when no exchange is in progress if possible. A round trip later comes
 * the one that counts.
 */
abstract class Http2Deadlines extends Http2Progress {
    /** The time between two looks at a connection without a deadline, in nanoseconds. */
    static final long RELOOK = 60_000_000_000L;
    /** The time between two looks at a connection that closes, or whose stream is about to end. */
    static final long SHORT_RELOOK = 1_000_000_000L;
    /**
     * The time from the announcement to the GOAWAY that counts, longer than a round trip. Also the longest wait for a
     * moment without an exchange, before the announcement.
     */
    static final long ROUND_TRIP = 1_000_000_000L;
    /** The longest linger while the connector shuts down. */
    private static final long STOP_LINGER = 150_000_000L;

    private static final int IN_USE = 0;
    private static final int ENDING = 1;
    private static final int ANNOUNCED = 2;

    private static final AtomicLongFieldUpdater<Http2Deadlines> SINCE =
            AtomicLongFieldUpdater.newUpdater(Http2Deadlines.class, "since");
    private static final AtomicIntegerFieldUpdater<Http2Deadlines> STAGE =
            AtomicIntegerFieldUpdater.newUpdater(Http2Deadlines.class, "stage");

    private final long openedAt;
    /** How much of {@code maxConnectionAgeJitter} applies to this connection, from 0 to 1. */
    private final float agePart;

    /** When the last stream ended, or when the connection was accepted. Written by any thread. */
    private volatile long since;
    /** How far the connection is on its way to a GOAWAY with an announcement. Changed with a compare-and-set. */
    private volatile int stage;
    /** When the stage began. Published by the stage. */
    private long stageSince;

    private volatile CloseReason closing;
    /** Why the policy has claimed the connection. Published by the word. */
    private CloseReason claimedFor;
    /** When the connection began to close. Written by the policy, or by the timer if it finds the session closed. */
    private volatile long endSince;
    /** Whether Jetty or the client has closed the session. Written by the timer. */
    private volatile boolean sessionEnds;

    // ---- Used by the timer only
    private boolean seenClosed;
    private long streamsClosed;
    private volatile boolean calmed;
    /** At a stop: whether the client has sent something behind the GOAWAY. Then it may still take a response. */
    private boolean taking;

    Http2Deadlines(Governor governor, long acceptedAt, float agePart) {
        super(governor);
        this.agePart = agePart;
        openedAt = acceptedAt;
        since = acceptedAt;
        endSince = acceptedAt;
    }

    // ---- What a connection does

    /** Counts the connection as closed. */
    abstract void onClosed();

    /** Tells listeners that the policy has decided to close. */
    abstract void tellClosing(CloseReason reason);

    /** The headers of a request are complete. Returns false if it must not be executed. */
    final boolean onRequest(long begun) {
        long idleSince = since;
        governor.counters().onRequest();
        int exchange = begins();
        if (exchange == 0) {
            return false;
        }
        if (requests() > 1 && exchange == 1) {
            governor.counters().reuses().add(TimeUnit.NANOSECONDS.toMillis(Math.max(0, begun - idleSince)));
        }
        if (stage == IN_USE) {
            CloseReason limit = governor.decisions().endAfter(requests(), begun - openedAt, agePart);
            boolean refused = exchange == 1 && since == openedAt && governor.isRefusing();
            CloseReason reason = limit != null ? limit : refused ? CloseReason.REFUSED : governor.farewell();
            // At a stop Jetty itself shuts the sessions down.
            if (reason != null && reason != CloseReason.STOP) {
                endSoon(reason, begun);
            }
        }
        return true;
    }

    /** An exchange is over; {@code waited} says whether it waited for the client to the end. */
    final void onExchangeOver(boolean waited) {
        if (!ends(waited)) {
            return;
        }
        long now = governor.now();
        SINCE.lazySet(this, now); // An ordered write: it costs a fraction of a volatile one.
        if (life() == CLOSED || sessionEnds) {
            governor.due(this, now + lingerLimit(governor.pressure()));
        } else if (stage == ENDING) {
            announce(now);
        } else {
            governor.due(this, deadline(now, timeout(governor.pressure())));
        }
    }

    private void endSoon(CloseReason reason, long now) {
        stageSince = now;
        if (STAGE.compareAndSet(this, IN_USE, ENDING)) {
            closing = reason;
            tellClosing(reason);
            governor.due(this, now + ROUND_TRIP);
        }
    }

    private void announce(long now) {
        if (STAGE.compareAndSet(this, ENDING, ANNOUNCED)) {
            stageSince = now;
            handOn(governor, ANNOUNCE);
            governor.due(this, now + ROUND_TRIP);
        }
    }

    // ---- The close

    final CloseReason closing() {
        return closing;
    }

    private void closeFor(CloseReason reason) {
        if (closing == null) {
            closing = reason;
            tellClosing(reason);
        }
    }

    /** Claims a connection without a stream. The thread that ends connections checks once more, then closes it. */
    private boolean take(CloseReason reason) {
        claimedFor = reason;
        if (!claim()) {
            return false;
        }
        handOn(governor, GOAWAY);
        return true;
    }

    /** Checks a claimed connection once more. Returns whether the GOAWAY has to be sent now. */
    final boolean confirm() {
        long now = governor.now();
        CloseReason reason = claimedFor;
        if (spares(now) || streams() > 0 || isSessionClosed()) {
            giveBack();
            governor.due(this, now + SHORT_RELOOK);
            return false;
        }
        endSince = now;
        if (!closes()) {
            return false;
        }
        closeFor(reason);
        governor.counters().regret().onClosed(peer(), reason, since, now);
        governor.due(this, now + lingerLimit(governor.pressure()));
        return true;
    }

    @Override
    public final boolean evict(long asOf, long now) {
        return since == asOf && streams() == 0 && !sessionEnds && take(CloseReason.EVICTED);
    }

    /** The longest linger in nanoseconds, {@link Decisions#NEVER} for no limit. */
    private long lingerLimit(Pressure pressure) {
        long limit = governor.decisions().linger(pressure.level(), false);
        return Math.min(governor.isShutdown() ? Math.min(limit, STOP_LINGER) : limit, RELOOK);
    }

    // ---- Deadlines

    private static long deadline(long from, long timeout) {
        return from + Math.min(timeout, RELOOK);
    }

    final long firstDue() {
        return deadline(since, timeout(governor.pressure()));
    }

    /** How long the connection may stay without a stream, in nanoseconds from {@link #since}. */
    private long timeout(Pressure pressure) {
        double squeeze = pressure.squeeze() == 0 ? 0 : pressure.squeeze(isReused(), since - openedAt, peer());
        return governor.decisions().timeout(idleState(), squeeze, governor.idleTimeout(), 0);
    }

    final ConnectionState idleState() {
        return requests() == 0 ? ConnectionState.NEW : ConnectionState.IDLE;
    }

    // ---- The timer

    @Override
    public final long look(Tick tick) {
        long now = tick.now();
        if (!isSocketOpen()) {
            if (seenClosed) {
                onClosed(); // Jetty has not reported it.
            }
            seenClosed = true;
            return now + SHORT_RELOOK;
        }
        if (life() != CLOSED && !sessionEnds && isSessionClosed()) {
            endSince = now;
            sessionEnds = true;
            hasMoreCome();
        }
        recount(); // A stream may end without an exchange.
        if (streams() > 0) {
            return lookAtWork(tick);
        }
        return life() == CLOSED || sessionEnds ? lookAtEnd(tick) : lookAtIdle(tick);
    }

    private long lookAtWork(Tick tick) {
        long now = tick.now();
        if (isStalled(tick) && !calmed) {
            calm(CloseReason.DATA_RATE, now);
            return now + SHORT_RELOOK;
        }
        if (calmed) {
            return lookAtEnd(tick);
        }
        if (stage == ENDING && now - stageSince >= ROUND_TRIP && life() != CLOSED) {
            announce(now);
        } else if (stage == ANNOUNCED && now - stageSince >= ROUND_TRIP && !sessionEnds) {
            goAwayBusy(now);
        }
        // A stream may end without an exchange, so nobody reports it.
        long most = adaptIdleTimeout(false) ? governor.idleTimeout() / 4 : RELOOK;
        boolean soon = stage != IN_USE || exchanges() == 0;
        return now + Math.min(most, soon ? SHORT_RELOOK : timeout(tick.pressure()));
    }

    private void goAwayBusy(long now) {
        if (closesBusy(lastStream())) {
            endSince = now;
        }
        if (!isSessionClosed()) {
            handOn(governor, GOAWAY_BUSY);
        }
    }

    private void calm(CloseReason reason, long now) {
        calmed = true;
        closesBusy(0);
        endSince = now;
        closeFor(reason);
        handOn(governor, CALM);
    }

    @Override
    public final boolean endAsSlowest() {
        boolean ends = !calmed && clientRate() != null;
        if (ends) {
            handOn(governor, SLOWEST);
        }
        return ends;
    }

    /** Checks once more whether the client is waited for. */
    final void endSlowest() {
        if (!calmed && isWaiting()) {
            long now = governor.now();
            calm(CloseReason.SLOWEST, now);
            governor.due(this, now + SHORT_RELOOK);
        }
    }

    private long lookAtIdle(Tick tick) {
        long now = tick.now();
        forgetStall();
        adaptIdleTimeout(true);
        long endedNow = ended();
        if (endedNow != streamsClosed) {
            streamsClosed = endedNow;
            if (exchanges() > 0 || since == openedAt) {
                since = now; // The last stream has ended without its exchange, or had none.
            }
        }
        if (stage == ENDING) {
            announce(now);
        }
        long idle = now - since;
        boolean ending = tick.ending() != null && requests() > 0;
        if (stage == ANNOUNCED) {
            long left = ROUND_TRIP - (now - stageSince);
            if (left > 0 && !ending) {
                return now + left;
            }
            take(closing);
            return now + SHORT_RELOOK;
        }
        long timeout = timeout(tick.pressure());
        long stopTimeout = governor.stopTimeout(since, now);
        long limit = ending ? 0 : Math.min(timeout, stopTimeout);
        if (limit == Decisions.NEVER || idle < limit) {
            return deadline(now, limit - idle);
        }
        take(ending ? tick.ending() : stopTimeout < timeout ? CloseReason.STOP : timeoutReason(idle));
        return now + SHORT_RELOOK;
    }

    private CloseReason timeoutReason(long idle) {
        return idle < timeout(Pressure.NONE)
                ? CloseReason.SHORTENED
                : requests() == 0 ? CloseReason.FIRST_REQUEST_TIMEOUT : CloseReason.KEEP_ALIVE_TIMEOUT;
    }

    private long lookAtEnd(Tick tick) {
        long now = tick.now();
        long limit = lingerLimit(tick.pressure());
        if (governor.isShutdown() && !calmed) {
            if (hasMoreCome()) {
                taking = true;
                endSince = now;
            }
            if (taking) {
                limit = Math.min(governor.stopTimeout(now, now), RELOOK);
            }
        }
        long lingered = now - (calmed ? endSince : since());
        if (lingered >= limit) {
            handOn(governor, CLOSE);
            return now + SHORT_RELOOK;
        }
        return now + limit - lingered;
    }

    /** Whether the policy, Jetty or the client has closed the session. */
    final boolean isEnding() {
        return life() == CLOSED || sessionEnds;
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
        if (streams() > 0) {
            return ConnectionState.BUSY;
        }
        return isEnding() ? ConnectionState.LINGERING : idleState();
    }

    @Override
    public final boolean isReused() {
        return requests() > 1;
    }

    @Override
    public final long since() {
        long last = since;
        // The difference, because nanoTime may wrap.
        return isEnding() && endSince - last > 0 ? endSince : last;
    }

    /** When the last stream ended, or when the connection was accepted, even if it closes since then. */
    final long idleSince() {
        return since;
    }

    @Override
    public final long openedAt() {
        return openedAt;
    }
}
