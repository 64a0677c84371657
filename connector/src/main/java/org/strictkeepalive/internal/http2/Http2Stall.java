package org.strictkeepalive.internal.http2;

import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Decisions.Progress;
import org.strictkeepalive.internal.policy.Pressure;

/**
 * Judges how a connection waits for its client. It waits while none of its streams can go on without the client. Pure:
 * time is passed in. Used by one thread at a time.
 */
final class Http2Stall {
    private final ClientRate rate = new ClientRate();
    private boolean waiting;
    private long since;
    private long judged;
    private long ratedAt;
    private long ratedMoved;

    /**
     * Judges the connection.
     *
     * @param waits whether no stream can go on without the client
     * @param bytes how many bytes have moved
     * @return whether its client moves too few bytes
     */
    boolean judge(long now, boolean waits, long bytes, Decisions decisions, Pressure pressure) {
        if (!waits) {
            waiting = false;
            return false;
        }
        if (!waiting) {
            waiting = true;
            begin(now, bytes);
            ratedAt = now;
            ratedMoved = bytes;
            return false;
        }
        rate.add(now - ratedAt, Math.max(0, bytes - ratedMoved), decisions.highestRate());
        ratedAt = now;
        ratedMoved = bytes;
        Progress progress = decisions.progress(now - since, Math.max(0, bytes - judged), rate, false, pressure);
        if (progress == Progress.MADE) {
            begin(now, bytes);
        }
        return progress == Progress.NONE;
    }

    /** How quick the client is, null if it was not waited for at the last judgement. */
    ClientRate clientRate() {
        return waiting ? rate : null;
    }

    private void begin(long now, long bytes) {
        since = now;
        judged = bytes;
    }
}
