package org.strictkeepalive;

import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;

/** How an exchange waits for its client: there only for those that do, so that it costs the others nothing. */
final class ClientWait {
    /** What has been offered to a client that doesn't take it. */
    enum Offer {
        NONE,
        FILLED,
        FULL,
        UNDER_WAY,
        MADE
    }

    volatile long demandSince;
    /** How long earlier demands had waited. */
    long waited;

    long writeSince;
    boolean writing;
    volatile Offer offer = Offer.NONE;
    /** What the offer under way will be. */
    Offer then;
    /** Whether the exchange is about to be ended; and what had moved when that was decided. */
    volatile boolean ending;

    long moved;
    /** Whether the end of the exchange has called an application that may block. */
    private boolean calling;

    /** The bytes of the exchange that had moved at the last verdict. */
    long judged;

    ClientWait(long now) {
        demandSince = now;
        writeSince = now;
    }

    void begin(long now, long moved) {
        judged = moved;
        waited = 0;
        demandSince = now;
        writeSince = now;
    }

    /** How long it has waited at this time. */
    long time(long now, boolean reading) {
        return Math.max(reading ? waited + (now - demandSince) : 0, writing ? now - writeSince : 0);
    }

    /**
     * Takes the place of a call of the application where one of these callbacks may block.
     *
     * @param read the callback of the pending read, null for none
     * @param writing the endpoint with a pending write, null for none
     * @return false if no place is left
     */
    synchronized boolean beginCall(ApplicationCalls calls, Callback read, EndPoint writing) {
        boolean blocking = (read != null && ApplicationCalls.type(read) == InvocationType.BLOCKING)
                || (writing != null && ApplicationCalls.typeOfWrite(writing) == InvocationType.BLOCKING);
        if (blocking && !calling) {
            calling = calls.begin();
            return calling;
        }
        return true;
    }

    /** The exchange is over, so that call is as well. */
    synchronized void endCall(ApplicationCalls calls) {
        if (calling) {
            calling = false;
            calls.end();
        }
    }
}
