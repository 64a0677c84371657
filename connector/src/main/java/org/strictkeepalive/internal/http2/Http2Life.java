package org.strictkeepalive.internal.http2;

import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.strictkeepalive.internal.connection.GovernedConnection;

/**
 * Says which requests of an HTTP/2 connection may be executed, and how many are in progress. The state is one word,
 * which only this class writes. It knows no Jetty.
 *
 * <p>A client may send a request that a GOAWAY refuses again, on another connection. So such a request must not be
 * executed. A GOAWAY names the last stream that Jetty has seen. So the word is CLOSED before Jetty makes the frame, and a
 * request that comes later is refused, even if its stream was seen before.
 *
 * <pre>
 * event      from            to         called by
 * begins     OPEN, CHECKING  OPEN       Jetty: the headers of a request are complete; 0: it must not be executed
 * beginsLate CLOSED          the same   Jetty: as above; the request came before the GOAWAY, which doesn't refuse it
 * waits      any             the same   the application waits for the client
 * goesOn     any             the same   it no longer waits
 * ends       any             the same   Jetty: the exchange is over
 * claim      OPEN            CHECKING   policy
 * giveBack   CHECKING        OPEN       policy: a stream is open
 * closes     CHECKING        CLOSED     policy, just before the GOAWAY; false: a request has come
 * closesBusy OPEN, CHECKING  CLOSED     policy: exchanges in progress may finish
 * </pre>
 */
abstract class Http2Life extends GovernedConnection {
    /** Requests are executed. */
    static final int OPEN = 0;
    /** The policy is about to close. A request that comes now is executed, and the policy gives up. */
    static final int CHECKING = 1;
    /** The policy has decided to close: no further request is executed. */
    static final int CLOSED = 2;

    private static final long STATE = 3;
    private static final long EXCHANGE = 4;
    private static final long EXCHANGES = 0xFFFF_FFFCL;
    private static final long WAIT = 1L << 32;

    private static final AtomicLongFieldUpdater<Http2Life> WORD =
            AtomicLongFieldUpdater.newUpdater(Http2Life.class, "word");

    /** The state, above it the number of exchanges in progress, above that how many of them wait for the client. */
    private volatile long word;
    /** The last stream whose request is executed although the connection is closed. Published by the word. */
    private int lastStream;

    final int life() {
        return (int) (word & STATE);
    }

    /** How many exchanges are in progress. The application may go on with one whose stream the client has reset. */
    final int exchanges() {
        return exchanges(word);
    }

    private static int exchanges(long seen) {
        return (int) ((seen & EXCHANGES) / EXCHANGE);
    }

    /** Whether an exchange is in progress, and all of them wait for the client. */
    final boolean isAllWaiting() {
        long seen = word;
        return exchanges(seen) > 0 && seen / WAIT == exchanges(seen);
    }

    /** The headers of a request are complete. Returns which exchange in progress it is, 0 if it must not be executed. */
    final int begins() {
        while (true) {
            long seen = word;
            if ((seen & STATE) == CLOSED) {
                return 0;
            }
            long next = seen - (seen & STATE) + OPEN + EXCHANGE;
            if (WORD.compareAndSet(this, seen, next)) {
                recount();
                return exchanges(next);
            }
        }
    }

    /**
     * As {@link #begins}, for a request of a closed connection. If it came before the GOAWAY, it has waited for a
     * thread, and the client has not been told to send it again.
     */
    final boolean beginsLate(int stream) {
        if (life() != CLOSED || stream > lastStream) {
            return false;
        }
        WORD.getAndAdd(this, EXCHANGE);
        recount();
        return true;
    }

    /** An exchange that didn't wait for the client does so now. */
    final void waits() {
        WORD.getAndAdd(this, WAIT);
    }

    /** An exchange that waited for the client no longer does. */
    final void goesOn() {
        WORD.getAndAdd(this, -WAIT);
    }

    /**
     * An exchange is over.
     *
     * @param waited whether it waited for the client to the end
     * @return whether no other one is in progress
     */
    final boolean ends(boolean waited) {
        boolean last = exchanges(WORD.addAndGet(this, waited ? -EXCHANGE - WAIT : -EXCHANGE)) == 0;
        recount();
        return last;
    }

    /** The policy claims the connection. */
    final boolean claim() {
        return become(OPEN, CHECKING);
    }

    /** The policy gives the connection back. */
    final void giveBack() {
        become(CHECKING, OPEN);
    }

    /** The policy closes the connection that it has claimed. Returns false if a request has come. */
    final boolean closes() {
        return become(CHECKING, CLOSED);
    }

    /**
     * The policy closes the connection, and the exchanges in progress may finish. By one thread at a time.
     *
     * @param last the last stream whose request is still executed
     * @return false if it was closed
     */
    final boolean closesBusy(int last) {
        if (life() == CLOSED) {
            return false;
        }
        lastStream = last;
        return become(OPEN, CLOSED) || become(CHECKING, CLOSED) || become(OPEN, CLOSED);
    }

    private boolean become(int from, int to) {
        while (true) {
            long seen = word;
            if ((seen & STATE) != from) {
                return false;
            }
            if (WORD.compareAndSet(this, seen, seen - from + to)) {
                recount();
                return true;
            }
        }
    }
}
