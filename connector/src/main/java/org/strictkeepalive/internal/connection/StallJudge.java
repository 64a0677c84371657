package org.strictkeepalive.internal.connection;

import java.util.concurrent.TimeUnit;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.ClientRate;
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
     * from a full buffer, and once more before the exchange is ended. At CRITICAL it is tried again and again, so that
     * who is slow can be told from who is slower.
     */
    private enum Offer {
        NONE,
        FILLING,
        FILLED,
        FULL,
        AGAIN,
        LAST,
        MADE
    }

    /** How many offers fill the buffers of the kernel at the first wait of an exchange. It takes less each time. */
    private static final int MOST_TO_FILL = 8;
    /** The kernel lets its full buffers grow for a while, which is no progress of the client. */
    private static final long SETTLES = TimeUnit.SECONDS.toNanos(1);
    /** The time between two offers at CRITICAL. It doubles each time that nothing has moved. */
    private static final long AGAIN_AFTER = TimeUnit.MILLISECONDS.toNanos(200);

    private static final int MOST_DOUBLINGS = 3;

    private long demandSince;
    /** How long earlier demands have waited since the last progress. */
    private long waited;

    private long writeSince;
    private boolean writing;
    /** Whether the client was waited for at the last judgement. */
    private boolean waits;

    private Offer offer = Offer.NONE;
    private long offeredAt;
    private long movedAtOffer;
    private int offers;
    /** Whether the last offer was not made, but for the one before the end. */
    private boolean withheld;
    /** How many bytes had moved at the last judgement with progress, and at the last judgement. */
    private long judged;

    private long moved;
    /** What was said to have moved when the end was judged. */
    private long movedAtEnd;

    /** How quick the client is, and since when and from where on it is to be counted again. */
    private final ClientRate rate = new ClientRate();

    private long unrated;
    private long ratedAt;
    private long ratedMoved;
    /** Whether the kernel's buffers are full since the first wait of a write. What moved before has filled them. */
    private boolean filled;
    /** Since when they are full. */
    private long filledAt;

    /** How many offers at CRITICAL in a row have moved nothing. */
    private int inVain;

    /** When an end that was judged was taken back. */
    private long triedAt;

    private boolean ending;
    /** Whether it ends for being the slowest: then it ends even if something moves at the last moment. */
    private boolean slowest;

    /** Whether this exchange holds a place for a call of the application that may block. */
    private boolean calling;

    StallJudge(long now) {
        demandSince = now;
        writeSince = now;
        ratedAt = now;
        triedAt = now - SETTLES;
    }

    /** The application demands bytes of the body. */
    synchronized void demands(long now) {
        demandSince = now;
        ratedAt = now;
    }

    /** The demand was met. */
    synchronized void isMet(long now) {
        waited += now - demandSince;
        unrated += now - ratedAt;
        ratedAt = now;
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
        waits = reading || writes;
        if (waits) {
            // If a flush completes meanwhile, fewer bytes seem to have moved for a moment. While one goes on that is
            // not pending, all of it seems to have moved.
            moved = Math.max(moved, bytes);
        }
        rate(now, reading || (writing && writes), decisions.highestRate());
        if (writes && (!filled || now - filledAt < SETTLES)) {
            rate.reset(); // What moves so far only fills buffers of the kernel.
        }
        if (!writing) {
            writeSince = now;
            offer = Offer.NONE;
        }
        writing = writes;
        rate.inSteps(writes && !reading);
        rate.unoffered(withheld);
        if (!waits || ending) {
            return Answer.LEAVE;
        }
        if (offer == Offer.FILLED) {
            if (!filled && moved > movedAtOffer && offers < MOST_TO_FILL) {
                return offer(Offer.FILLING, now); // The kernel has taken some, and may take more.
            }
            begin(now);
            offer = Offer.FULL;
            if (!filled) {
                filled = true;
                filledAt = now;
            }
        }
        long wait = Math.max(reading ? waited + (now - demandSince) : 0, writing ? now - writeSince : 0);
        Progress progress = decisions.progress(wait, moved - judged, rate, writing, pressure);
        if (progress == Progress.MADE) {
            begin(now);
            offer = Offer.NONE;
        } else if (progress == Progress.NONE) {
            if (!writing || offer == Offer.MADE) {
                ending = true;
                movedAtEnd = bytes;
                return Answer.END;
            }
            if ((offer == Offer.NONE || offer == Offer.FULL) && now - triedAt >= SETTLES) {
                return offer(Offer.LAST, now);
            }
        } else if (writing && offer == Offer.NONE && pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
            return offer(Offer.FILLING, now);
        } else if (writing
                && offer == Offer.FULL
                && pressure.level() == PressureLevel.CRITICAL
                && decisions.slowness(rate, pressure, false) >= 0
                && now - offeredAt >= AGAIN_AFTER << inVain) {
            inVain = moved > movedAtOffer ? 0 : Math.min(inVain + 1, MOST_DOUBLINGS);
            return offer(Offer.AGAIN, now);
        }
        return Answer.LEAVE;
    }

    /** Counts what has moved since the last judgement, and the time for which the client was waited for. */
    private void rate(long now, boolean waited, long highest) {
        rate.add(unrated + (waited ? now - ratedAt : 0), moved - ratedMoved, highest);
        unrated = 0;
        ratedAt = now;
        ratedMoved = moved;
    }

    private Answer offer(Offer next, long now) {
        offer = next;
        offeredAt = now;
        movedAtOffer = moved;
        offers++;
        return Answer.OFFER;
    }

    private void begin(long now) {
        judged = moved;
        waited = 0;
        demandSince = now;
        writeSince = now;
    }

    /**
     * Takes back the end that was judged, if the client may still be taking a record. Over TLS a record counts as moved
     * when the socket begins to take it, and then nothing seems to move until it has taken all of it.
     *
     * @param idle since when the socket has moved nothing, in nanoseconds
     * @return whether the end that was judged is taken back
     */
    synchronized boolean spareWithinRecord(long now, long idle, Decisions decisions) {
        boolean within = ending && !slowest && writing && decisions.isWithinRecord(now - writeSince, idle);
        if (within) {
            ending = false;
            offer = Offer.FULL;
            triedAt = now;
        }
        return within;
    }

    /** Whether an offer has to be made. */
    synchronized boolean isOffering() {
        return offer == Offer.FILLING || offer == Offer.AGAIN || offer == Offer.LAST;
    }

    /** Whether the exchange ends if this offer moves nothing. The others only tell how quick the client is. */
    synchronized boolean isLastOffer() {
        return offer == Offer.LAST;
    }

    /** The offer was made. This is ignored if another wait has begun meanwhile. */
    synchronized void offered() {
        if (offer != Offer.LAST) {
            withheld = false;
        }
        passed();
    }

    private void passed() {
        offer = switch (offer) {
            case FILLING -> Offer.FILLED;
            case AGAIN -> Offer.FULL;
            case LAST -> Offer.MADE;
            default -> offer;
        };
    }

    /** The offer was not made, since the endpoint can't do it or it would have cost too much. */
    synchronized void withheld() {
        withheld = true;
        passed();
    }

    /** The offer could not be made. The next judgement asks for it again. */
    synchronized void notOffered() {
        offer = Offer.NONE;
    }

    /**
     * How quick the client is, null if it was not waited for at the last judgement, or the exchange is being ended. Used
     * by the thread that judges.
     */
    synchronized ClientRate clientRate() {
        return waits && !ending ? rate : null;
    }

    /** Begins the end of the exchange because it is the slowest. Returns false if it is being ended already. */
    synchronized boolean endAsSlowest() {
        if (ending) {
            return false;
        }
        ending = true;
        slowest = true;
        return true;
    }

    /** Why the exchange ends. */
    synchronized CloseReason reason() {
        return slowest ? CloseReason.SLOWEST : CloseReason.DATA_RATE;
    }

    /** Whether the exchange has to be ended, and nothing has moved since it was judged. */
    synchronized boolean isStalled(long bytes) {
        return ending && (slowest || bytes == movedAtEnd);
    }

    /** The exchange was ended, or goes on. */
    synchronized void ended() {
        ending = false;
        slowest = false;
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
