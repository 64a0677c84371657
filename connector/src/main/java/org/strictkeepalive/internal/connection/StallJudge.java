package org.strictkeepalive.internal.connection;

import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Decisions.Progress;
import org.strictkeepalive.internal.policy.Pressure;

/**
 * Judges how an exchange waits for its client. Made for an exchange when it waits, so the others pay nothing. Pure:
 * time is passed in. Safe for use by any thread.
 */
final class StallJudge {
    /** What the caller has to do. */
    enum Answer {
        /** Nothing. */
        LEAVE,
        /** Offer the client what it has not taken, see {@link #offered}. */
        OFFER,
        /** End the exchange, see {@link #isStalled}. */
        END
    }

    /**
     * How often the pending write was tried again. A socket reports that it is writable only when a third of its send
     * buffer is free, but takes bytes long before. So the write is tried when a wait begins, so that the count starts
     * from a full buffer, and once more before the exchange is ended.
     */
    private enum Offer {
        NONE,
        FILLING,
        FILLED,
        FULL,
        LAST,
        MADE
    }

    private long demandSince;
    /** How long earlier demands have waited since the last progress. */
    private long waited;

    private long writeSince;
    private boolean writing;
    private Offer offer = Offer.NONE;
    /** How many bytes had moved at the last judgement with progress, and at the last judgement. */
    private long judged;

    private long moved;
    /** What was said to have moved when the end was judged. */
    private long movedAtEnd;

    private boolean ending;
    /** Whether this exchange holds a place for a call of the application that may block. */
    private boolean calling;

    StallJudge(long now) {
        demandSince = now;
        writeSince = now;
    }

    /** The application demands bytes of the body. */
    synchronized void demands(long now) {
        demandSince = now;
    }

    /** The demand was met. */
    synchronized void isMet(long now) {
        waited += now - demandSince;
    }

    /**
     * Judges the exchange.
     *
     * @param reading whether bytes are demanded
     * @param writes whether a write is pending
     * @param bytes how many bytes have moved
     */
    synchronized Answer judge(
            long now, boolean reading, boolean writes, long bytes, Decisions decisions, Pressure pressure) {
        if (!writing) {
            writeSince = now;
            offer = Offer.NONE;
        }
        writing = writes;
        if ((!reading && !writing) || ending) {
            return Answer.LEAVE;
        }
        // If a flush completes meanwhile, fewer bytes seem to have moved for a moment.
        moved = Math.max(moved, bytes);
        if (offer == Offer.FILLED) {
            begin(now);
            offer = Offer.FULL;
        }
        long wait = Math.max(reading ? waited + (now - demandSince) : 0, writing ? now - writeSince : 0);
        Progress progress = decisions.progress(wait, moved - judged, pressure);
        if (progress == Progress.MADE) {
            begin(now);
            offer = Offer.NONE;
        } else if (progress == Progress.NONE) {
            if (!writing || offer == Offer.MADE) {
                ending = true;
                movedAtEnd = bytes;
                return Answer.END;
            }
            if (offer == Offer.NONE || offer == Offer.FULL) {
                offer = Offer.LAST;
                return Answer.OFFER;
            }
        } else if (writing && offer == Offer.NONE && pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
            offer = Offer.FILLING;
            return Answer.OFFER;
        }
        return Answer.LEAVE;
    }

    private void begin(long now) {
        judged = moved;
        waited = 0;
        demandSince = now;
        writeSince = now;
    }

    /** Whether an offer has to be made. */
    synchronized boolean isOffering() {
        return offer == Offer.FILLING || offer == Offer.LAST;
    }

    /** The offer was made. This is ignored if another wait has begun meanwhile. */
    synchronized void offered() {
        if (isOffering()) {
            offer = offer == Offer.FILLING ? Offer.FILLED : Offer.MADE;
        }
    }

    /** The offer could not be made. The next judgement asks for it again. */
    synchronized void notOffered() {
        offer = Offer.NONE;
    }

    /** Whether the exchange has to be ended, and nothing has moved since it was judged. */
    synchronized boolean isStalled(long bytes) {
        return ending && bytes == movedAtEnd;
    }

    /** The exchange was ended, or goes on. */
    synchronized void ended() {
        ending = false;
    }

    /**
     * Takes a place for the call that ends the exchange. Returns false if the call may block and all places are taken.
     */
    synchronized boolean beginCall(ApplicationCalls calls, boolean blocking) {
        if (blocking && !calling) {
            calling = calls.begin();
            return calling;
        }
        return true;
    }

    /** Gives back the place of that call: the exchange is over, or the call was not made. */
    synchronized void endCall(ApplicationCalls calls) {
        if (calling) {
            calling = false;
            calls.end();
        }
    }
}
