package org.strictkeepalive.internal.connection;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.locks.LockSupport;

/**
 * Says who may act on a connection, Jetty or the policy: who has the move. The state is one word, which only this class
 * writes. It knows no Jetty.
 *
 * <p>The policy claims a connection that waits for request bytes. A wake-up by request bytes gives it to Jetty. Both
 * change the word with a compare-and-set, so only one of a deadline, a request and an upgrade wins. Once the policy owns
 * a connection, Jetty neither reads, parses nor writes.
 *
 * <pre>
 * event             from                       to                  called by
 * waits             RUNNING                    WAITING             Jetty: fillInterested
 * bytesCame         WAITING                    RUNNING             selector
 * claim             WAITING                    CHECKING or OWNED   policy (OWNED: a request has begun, or a handshake)
 * foundBytes        CHECKING                   RUNNING             policy
 * foundNothing      CHECKING                   OWNED               policy
 * headersComplete   RUNNING                    BUSY                Jetty; false: the request must not be executed
 * exchangeOver      BUSY                       RUNNING             Jetty; false: it was over before
 *                   OWNED, PASS                the same
 * beginLook         BUSY                       LOOKING             policy: nobody else reads, no exchange ends
 * endLook           LOOKING                    BUSY                policy
 * outputShut        all but OWNED and PASS     OWNED               either
 * leaves            any                        PASS                upgrade
 * </pre>
 *
 * <p>The upper bits of the word count waits and exchanges. So a decision about one wait can't take the next, and an
 * exchange can't end twice. A field of a subclass that is not volatile is written by the thread that has the move, before
 * that thread writes the word. The word publishes the field.
 */
public abstract class ConnectionLife extends GovernedConnection {
    /** Jetty's connection runs: it parses, or finishes an exchange. */
    static final int RUNNING = 0;
    /** Jetty's connection waits for the bytes of a request. */
    static final int WAITING = 1;
    /** An exchange is in progress. */
    static final int BUSY = 2;
    /** The policy has the connection, for good. */
    static final int OWNED = 3;
    /** The connection has left the policy: everything passes through. */
    static final int PASS = 4;
    /** The policy checks whether bytes have come that nobody has read yet. */
    static final int CHECKING = 5;
    /** As BUSY, while the policy looks at the exchange. Nobody else reads meanwhile, and the exchange doesn't end. */
    static final int LOOKING = 6;

    static final int STATES = 7;
    private static final int STATE = 7;
    private static final int BITS = 3;
    private static final int COUNT = 1 << BITS;

    private static final AtomicIntegerFieldUpdater<ConnectionLife> WORD =
            AtomicIntegerFieldUpdater.newUpdater(ConnectionLife.class, "word");

    /** The state, and above it the count of waits and exchanges. */
    private volatile int word = RUNNING;

    // ---- Events

    /** The word. Pass it to a later event, which then fails if the word has changed. */
    public final int seen() {
        return word;
    }

    static int state(int seen) {
        return seen & STATE;
    }

    private static int with(int seen, int state) {
        return seen - (seen & STATE) + state;
    }

    /** Jetty's connection waits for the bytes of a request. */
    public final void waits() {
        int seen = word;
        if ((seen & STATE) != RUNNING) {
            throw wrong("waits", seen & STATE);
        }
        // While it runs and its output is open, only an upgrade on this same thread could change the word.
        word = with(seen, WAITING) + COUNT;
        recount();
    }

    /** Bytes of a request have come. Returns false if Jetty's connection doesn't wait for them. */
    public final boolean bytesCame() {
        int seen = word;
        while ((seen & STATE) == WAITING) {
            if (WORD.compareAndSet(this, seen, with(seen, RUNNING))) {
                recount();
                return true;
            }
            seen = word;
        }
        return false;
    }

    /** The policy claims a connection. Returns false if it no longer waits as it did when it was seen. */
    final boolean claim(int seen, int to) {
        if (to != CHECKING && to != OWNED) {
            throw wrong("claim", to);
        }
        boolean claimed = (seen & STATE) == WAITING && WORD.compareAndSet(this, seen, with(seen, to));
        if (claimed) {
            recount();
        }
        return claimed;
    }

    /** The policy has found bytes: Jetty's connection goes on. */
    final void foundBytes() {
        found("foundBytes", RUNNING);
    }

    /** The policy has found no bytes. */
    public final void foundNothing() {
        found("foundNothing", OWNED);
    }

    private void found(String event, int to) {
        int seen = word;
        // In CHECKING nobody else writes the word.
        if ((seen & STATE) != CHECKING || !WORD.compareAndSet(this, seen, with(seen, to))) {
            throw wrong(event, seen & STATE);
        }
        recount();
    }

    /** The headers of a request are complete. Returns false if the request must not be executed. */
    public final boolean headersComplete(int seen) {
        return (seen & STATE) == RUNNING && WORD.compareAndSet(this, seen, with(seen, BUSY));
    }

    /** The number of the exchange in progress. */
    public final int exchange() {
        return word >> BITS;
    }

    /** An exchange is over. Returns false if it was over before. */
    public final boolean exchangeOver(int number) {
        while (true) {
            int seen = awaitLook();
            int state = seen & STATE;
            if (seen >> BITS != number || (state != BUSY && state != OWNED && state != PASS)) {
                return false;
            }
            if (WORD.compareAndSet(this, seen, with(seen, state == BUSY ? RUNNING : state) + COUNT)) {
                return true;
            }
        }
    }

    /** The policy begins a look at an exchange. Returns false if it is no longer as it was seen. */
    final boolean beginLook(int seen) {
        return (seen & STATE) == BUSY && WORD.compareAndSet(this, seen, with(seen, LOOKING));
    }

    /** The policy ends its look. */
    final void endLook(int seen) {
        // If this fails, the output was shut meanwhile.
        WORD.compareAndSet(this, with(seen, LOOKING), seen);
    }

    /** Waits until nobody looks at the exchange, and returns the word. A look takes as long as reading one byte. */
    final int awaitLook() {
        int seen = word;
        for (int spins = 0; (seen & STATE) == LOOKING; spins++) {
            if (spins < 100) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(1_000); // the thread that looks has lost its CPU
            }
            seen = word;
        }
        return seen;
    }

    /**
     * The output is shut and Jetty has finished. Returns false if the policy owns the connection already, or has lost
     * it.
     */
    public final boolean outputShut() {
        while (true) {
            int seen = word;
            int state = seen & STATE;
            if (state == OWNED || state == PASS) {
                return false;
            }
            if (WORD.compareAndSet(this, seen, with(seen, OWNED))) {
                recount();
                return true;
            }
        }
    }

    /** The connection leaves the policy. */
    final void leaves() {
        int seen;
        do {
            seen = word;
        } while (!WORD.compareAndSet(this, seen, with(seen, PASS)));
    }

    private static IllegalStateException wrong(String event, int state) {
        return new IllegalStateException(event + " in state " + name(state));
    }

    static String name(int state) {
        return switch (state) {
            case RUNNING -> "RUNNING";
            case WAITING -> "WAITING";
            case BUSY -> "BUSY";
            case OWNED -> "OWNED";
            case PASS -> "PASS";
            case CHECKING -> "CHECKING";
            case LOOKING -> "LOOKING";
            default -> "unknown " + state;
        };
    }
}
