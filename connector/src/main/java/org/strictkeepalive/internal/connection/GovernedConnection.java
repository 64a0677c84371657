package org.strictkeepalive.internal.connection;

import java.net.SocketAddress;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.Protocol;
import org.strictkeepalive.internal.observe.StateCounts;
import org.strictkeepalive.internal.observe.Wait;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.time.Timed;

/**
 * A connection as the server's governor sees it. The timer looks at it when its deadline has come. Any thread can hand
 * it to the thread that ends connections, where it waits once at most.
 */
public abstract class GovernedConnection extends Timed implements Runnable {
    private static final ConnectionState[] STATES = ConnectionState.values();
    private static final AtomicIntegerFieldUpdater<GovernedConnection> BITS =
            AtomicIntegerFieldUpdater.newUpdater(GovernedConnection.class, "bits");
    private static final int ACTIONS = 0xFFFF;
    private static final int COUNTED = 16;

    /**
     * The bits of the actions that wait to be done, zero if it doesn't wait. Above them the state in which it is counted:
     * its ordinal plus one, zero if it is not counted. Both in one field, since each idle connection has it. Changed by
     * any thread with a compare-and-set.
     */
    private volatile int bits;

    /**
     * Does what is due.
     *
     * @return the nanoTime of the next look, at the latest
     */
    public abstract long look(Tick tick);

    /** Whether it belongs to that governor. */
    public abstract boolean isOf(Object governor);

    /** The decisions of its connector. Each connector has its own policy. */
    public abstract Decisions decisions();

    /** Where in its life the connection is. */
    public abstract ConnectionState state();

    /** The state in which operators see it. */
    protected ConnectionState shownState() {
        return state();
    }

    // ---- The count of states

    /** Where it is counted. */
    public abstract Counters counters();

    protected final StateCounts counts() {
        return counters().states();
    }

    /** Counts it in its state from now on. Does nothing if it is counted. Called by the thread that has made it. */
    public void countIn() {
        if (!isCounted()) {
            ConnectionState now = shownState();
            counts().enters(protocol(), now);
            BITS.getAndUpdate(this, seen -> counted(seen, now));
            recount();
        }
    }

    @SuppressWarnings("EnumOrdinal") // It is kept as long as the enum.
    private static int counted(int seen, ConnectionState state) {
        return (seen & ACTIONS) | (state.ordinal() + 1) << COUNTED;
    }

    /**
     * Its state may have changed, so counts it where it belongs now. Who changes the state calls this afterwards. Of
     * several threads that do so at once, the last one to move it looks at the state once more.
     */
    protected final void recount() {
        int seen = bits;
        while (seen >>> COUNTED != 0) {
            ConnectionState now = shownState();
            int changed = counted(seen, now);
            if (changed == seen) {
                return;
            }
            if (BITS.compareAndSet(this, seen, changed)) {
                counts().moves(protocol(), STATES[(seen >>> COUNTED) - 1], now);
            }
            seen = bits;
        }
    }

    /** Whether it is counted: it was opened, and is not closed. */
    public boolean isCounted() {
        return bits >>> COUNTED != 0;
    }

    /** Counts it no longer. */
    public void countOut() {
        int was = BITS.getAndUpdate(this, seen -> seen & ACTIONS) >>> COUNTED;
        if (was != 0) {
            counts().leaves(protocol(), STATES[was - 1]);
        }
    }

    // ---- What it has carried

    /** Whether it has carried two or more requests. */
    public abstract boolean isReused();

    /** Whether the bytes of its handshake or first request keep coming. If so, it counts as busy. */
    public boolean isComing(long now) {
        return false;
    }

    /** Whether a response of server-sent events is in progress. Its pace is the application's, and it is never cut. */
    public boolean isEventStream() {
        return false;
    }

    /** The protocol that it speaks. */
    public Protocol protocol() {
        return Protocol.HTTP_1;
    }

    /** Whom the exchange in progress waits for, as far as is known. */
    public Wait waitsFor() {
        return Wait.APPLICATION;
    }

    /** How many threads of the application are blocked in exchanges that wait for the client, as far as is known. */
    public int blockedThreads() {
        return 0;
    }

    /** The executor whose threads these are, null if that is not known. */
    public Executor executor() {
        return null;
    }

    /** Whether the client is known to have gone. */
    public boolean isGone() {
        return false;
    }

    /** How many requests it has carried. */
    public abstract long requests();

    /** Its peer, as {@link org.strictkeepalive.internal.policy.Peers} defines it; null if that is not known. */
    public Object peer() {
        return null;
    }

    /**
     * The nanoTime of its last progress: its accept, the first byte or the complete headers of a request, the end of a
     * response, or the FIN or GOAWAY.
     */
    public abstract long since();

    /** The nanoTime of its accept. */
    public abstract long openedAt();

    /** The address of its client, null if it has none. */
    public abstract SocketAddress remoteAddress();

    /**
     * Closes it because of pressure, if it is still idle since that time.
     *
     * @return true if it was. It may go on all the same, if the last read before the close finds bytes of a request
     */
    public abstract boolean evict(long since, long now);

    /**
     * How quick the client of its exchange is, null if the exchange doesn't wait for its client. Used by the thread that
     * looks, after a look.
     */
    public ClientRate clientRate() {
        return null;
    }

    /**
     * Ends its exchange, which waits for its client, because that is the slowest.
     *
     * @return true if it is being ended. It goes on all the same if it no longer waits at the last moment
     */
    public boolean endAsSlowest() {
        return false;
    }

    /** From now on a response may have to say something about the connection, so watches the exchange in progress. */
    public void watch() {}

    /** Closes it if it lingers and its client has sent nothing since the FIN. */
    public abstract void endQuietLinger();

    /** Asks the thread that ends connections to do something. An action that waits already is done once. */
    public final void handOn(Executor closer, int what) {
        if ((BITS.getAndUpdate(this, seen -> seen | what) & ACTIONS) == 0) {
            closer.execute(this);
        }
    }

    @Override
    public final void run() {
        act(BITS.getAndUpdate(this, seen -> seen & ~ACTIONS) & ACTIONS);
    }

    /** Does the actions that the bits stand for. */
    public abstract void act(int what);
}
