package org.strictkeepalive.internal.connection;

import java.net.SocketAddress;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.time.Timed;

/**
 * A connection as the server's governor sees it. It is looked at when its time has come, and it can be handed to the
 * thread that ends connections: it waits there once at most, however often that is asked for.
 */
public abstract class GovernedConnection extends Timed implements Runnable {
    private static final AtomicIntegerFieldUpdater<GovernedConnection> PENDING =
            AtomicIntegerFieldUpdater.newUpdater(GovernedConnection.class, "pending");

    /** Bits of what is to be done; zero where it doesn't wait. Written by any thread with a compare-and-set. */
    volatile int pending;

    /**
     * Does what is due.
     *
     * @return the nanoTime at which this wants to be looked at again, at the latest
     */
    public abstract long look(Tick tick);

    /** Whether it belongs to that governor. */
    public abstract boolean isOf(Object governor);

    /** Its governor's decisions; of connections of several connectors each has its own. */
    public abstract Decisions decisions();

    /** Where in its life the connection is. */
    public abstract ConnectionState state();

    /** Whether it has carried two or more requests. */
    public abstract boolean isReused();

    /** Whether the bytes of its handshake or first request keep coming, so that it counts as busy. */
    public boolean isComing(long now) {
        return false;
    }

    /** The requests it has carried. */
    public abstract long requests();

    /** Whom it is from, as {@link Peers} says; null where that is not known. */
    public Object peer() {
        return null;
    }

    /** The nanoTime of its last progress: accept, first byte of a request, end of a response, FIN. */
    public abstract long since();

    /** The nanoTime of its accept. */
    public abstract long openedAt();

    /** The address of its client, null where it has none. */
    public abstract SocketAddress remoteAddress();

    /**
     * Closes it because of pressure, if it is still idle since that time.
     *
     * @return true if it was, and is now closed or lingering
     */
    public abstract boolean evict(long since, long now);

    /** Ends the linger of a connection whose client has sent nothing more. */
    public abstract void endQuietLinger();

    /** Hands on what is to be done to the thread that ends connections. What is asked for already is done once. */
    public final void handOn(Executor closer, int what) {
        if (PENDING.getAndUpdate(this, seen -> seen | what) == 0) {
            closer.execute(this);
        }
    }

    @Override
    public final void run() {
        act(PENDING.getAndSet(this, 0));
    }

    /** Does what the bits say. */
    public abstract void act(int what);
}
