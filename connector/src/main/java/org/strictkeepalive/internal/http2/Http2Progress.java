package org.strictkeepalive.internal.http2;

import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/** Knows how quick the client of a connection is that waits for it. */
abstract class Http2Progress extends Http2Facts {
    final Governor governor;
    /** Null while the connection has not waited for its client under pressure. Used by the timer only. */
    private Http2Stall stall;

    Http2Progress(Governor governor) {
        this.governor = governor;
    }

    /** Whether the connection waits for its client, which moves too few bytes. */
    final boolean isStalled(Tick tick) {
        Pressure pressure = tick.onExchanges(governor.isShutdown());
        // A stream may be open without an exchange, if Jetty itself answers its request.
        boolean waits = !isEventStream() && (exchanges() == 0 || isAllWaiting()) && isBlocked();
        if (stall == null) {
            if (!waits) {
                return false;
            }
            stall = new Http2Stall();
        }
        return stall.judge(tick.now(), waits, moved(), governor.decisions(), pressure);
    }

    /** No stream is open. */
    final void forgetStall() {
        stall = null;
    }

    @Override
    public final ClientRate clientRate() {
        ClientRate rate = stall == null ? null : stall.clientRate();
        return rate != null && !isEventStream() && isBlocked() ? rate : null;
    }
}
