package org.strictkeepalive;

import java.net.SocketAddress;

/** A connection as the policy's timer sees it: a node of the {@link DeadlineWheel} that can be looked at. */
abstract class Tracked {
    // Owned by the wheel, under its lock; dueAt is read without it.
    Tracked previous;
    Tracked next;
    int bucket = DeadlineWheel.NONE;
    volatile long dueAt;
    /** Where it is in the {@link Round} of the wheel, under the wheel's lock. */
    int place = Round.NOWHERE;

    /**
     * Does what is due at this time.
     *
     * @return the nanoTime at which this wants to be looked at again, at the latest
     */
    abstract long look(long now, Pressure pressure);

    /** Whether it belongs to that connector. */
    abstract boolean isOf(GovernedConnector connector);

    /** Where in its life the connection is. */
    abstract ConnectionState state();

    /** Whether it has carried two or more requests. */
    abstract boolean isReused();

    /** Whether the bytes of its handshake or first request keep coming, so that it counts as busy. */
    boolean isComing(long now) {
        return false;
    }

    /** The requests it has carried. */
    abstract long requests();

    /** Whom it is from, as {@link Peers} says; null where that is not known. */
    Object peer() {
        return null;
    }

    /** The nanoTime of its last progress: accept, first byte of a request, end of a response, FIN. */
    abstract long since();

    /** The nanoTime of its accept. */
    abstract long openedAt();

    /** The address of its client, null where it has none. */
    abstract SocketAddress remoteAddress();

    /**
     * Closes it because of pressure, if it is still idle since that time.
     *
     * @return true if it was, and is now closed or lingering
     */
    abstract boolean evict(long since, long now);

    /** Ends the linger of a connection whose client has sent nothing more. */
    abstract void endQuietLinger();
}
