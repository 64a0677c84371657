package org.strictkeepalive.internal.http2;

import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/** Knows how quick the client of a connection is that waits for it. */
abstract class Http2Progress extends Http2Facts {
    // What the thread that ends connections is asked to do.
    static final int GOAWAY = 1;
    static final int ANNOUNCE = 1 << 1;
    static final int GOAWAY_BUSY = 1 << 2;
    static final int CALM = 1 << 3;
    static final int CLOSE = 1 << 4;
    static final int SLOWEST = 1 << 5;

    final Governor governor;
    /** Null while the connection has not waited for its client under pressure. Used by the timer only. */
    private Http2Stall stall;

    Http2Progress(Governor governor) {
        this.governor = governor;
    }

    /** Whether the connection waits for its client, which moves too few bytes. */
    final boolean isStalled(Tick tick) {
        Pressure pressure = tick.onExchanges(governor.isShutdown());
        if (!pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
            stall = null; // The next look may be a minute away, and an exchange that waits now long over.
            return false;
        }
        boolean waits = isWaiting();
        if (stall == null) {
            if (!waits) {
                return false;
            }
            stall = new Http2Stall();
        }
        return stall.judge(tick.now(), waits, moved(), governor.decisions(), pressure);
    }

    /**
     * Whether nothing goes on without the client. A stream may be open without an exchange, if Jetty itself answers its
     * request.
     */
    final boolean isWaiting() {
        return streams() > 0 && !isEventStream() && (exchanges() == 0 || isAllWaiting()) && isBlocked();
    }

    /** No stream is open. */
    final void forgetStall() {
        stall = null;
    }

    @Override
    public final ClientRate clientRate() {
        ClientRate rate = stall == null ? null : stall.clientRate();
        return rate != null && isWaiting() ? rate : null;
    }
}
