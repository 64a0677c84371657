package org.strictkeepalive.internal.connection;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.locks.LockSupport;
import org.strictkeepalive.ConnectionState;

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
 * <p>The word also says in which state operators see the connection, so that a change of both is one write, and is
 * counted once whoever changes it. Only the close changes that alone.
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
    /** The state in which operators see it: its ordinal plus one, zero if it is not counted. */
    private static final int SHOWN = 7 << 3;

    private static final int SHOWN_BITS = 3;
    private static final int BITS = 6;
    private static final int COUNT = 1 << BITS;
    private static final ConnectionState[] SHOWN_STATES = ConnectionState.values();

    private static final AtomicIntegerFieldUpdater<ConnectionLife> WORD =
            AtomicIntegerFieldUpdater.newUpdater(ConnectionLife.class, "word");

    /** The state, above it that in which it is counted, and above that the count of waits and exchanges. */
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

    /** As {@link #with}, for a state that operators see as another one. */
    @SuppressWarnings("EnumOrdinal") // It is kept as long as the enum.
    private static int with(int seen, int state, ConnectionState shown) {
        int changed = with(seen, state);
        return (seen & SHOWN) == 0 ? changed : (changed & ~SHOWN) | (shown.ordinal() + 1) << SHOWN_BITS;
    }

    /** Changes the word, and the count of states with it. */
    private boolean change(int seen, int changed) {
        if (!WORD.compareAndSet(this, seen, changed)) {
            return false;
        }
        if (((seen ^ changed) & SHOWN) != 0) {
            counts().moves(protocol(), shown(seen), shown(changed));
        }
        return true;
    }

    private static ConnectionState shown(int seen) {
        return SHOWN_STATES[((seen & SHOWN) >> SHOWN_BITS) - 1];
    }

    /** The state in which operators see a connection that waits. */
    abstract ConnectionState phase();

    /** Jetty's connection waits for the bytes of a request. */
    public final void waits() {
        int seen;
        do {
            // While it runs and its output is open, the state changes only by an upgrade on this same thread.
            seen = word;
            if ((seen & STATE) != RUNNING) {
                throw wrong("waits", seen & STATE);
            }
        } while (!change(seen, with(seen, WAITING, phase()) + COUNT));
    }

    /** Bytes of a request have come. Returns false if Jetty's connection doesn't wait for them. */
    public final boolean bytesCame() {
        int seen = word;
        while ((seen & STATE) == WAITING) {
            if (change(seen, with(seen, RUNNING, ConnectionState.BUSY))) {
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
        int claimed = to == OWNED ? with(seen, to, ConnectionState.LINGERING) : with(seen, to);
        return (seen & STATE) == WAITING && change(seen, claimed);
    }

    /** The policy has found bytes: Jetty's connection goes on. */
    final void foundBytes() {
        found("foundBytes", RUNNING, ConnectionState.BUSY);
    }

    /** The policy has found no bytes. */
    public final void foundNothing() {
        found("foundNothing", OWNED, ConnectionState.LINGERING);
    }

    private void found(String event, int to, ConnectionState shown) {
        int seen;
        do {
            // In CHECKING nobody else changes the state.
            seen = word;
            if ((seen & STATE) != CHECKING) {
                throw wrong(event, seen & STATE);
            }
        } while (!change(seen, with(seen, to, shown)));
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
        int looking = with(seen, LOOKING) & ~SHOWN;
        int now = word;
        // If it is another one, the output was shut meanwhile.
        while ((now & ~SHOWN) == looking && !WORD.compareAndSet(this, now, with(now, BUSY))) {
            now = word;
        }
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
            if (change(seen, with(seen, OWNED, ConnectionState.LINGERING))) {
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

    // ---- The count of states

    @Override
    public final boolean isCounted() {
        return (word & SHOWN) != 0;
    }

    @Override
    @SuppressWarnings("EnumOrdinal") // It is kept as long as the enum.
    public final void countIn() {
        int seen = word;
        while ((seen & SHOWN) == 0) {
            ConnectionState now = shownState();
            if (WORD.compareAndSet(this, seen, seen | (now.ordinal() + 1) << SHOWN_BITS)) {
                counts().enters(protocol(), now);
            }
            seen = word;
        }
    }

    @Override
    public final void countOut() {
        int seen = word;
        while ((seen & SHOWN) != 0) {
            if (WORD.compareAndSet(this, seen, seen & ~SHOWN)) {
                counts().leaves(protocol(), shown(seen));
            }
            seen = word;
        }
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
