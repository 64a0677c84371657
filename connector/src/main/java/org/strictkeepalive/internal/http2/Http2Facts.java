package org.strictkeepalive.internal.http2;

import org.strictkeepalive.internal.policy.Arrival;

/** What an HTTP/2 connection can tell of its socket and its session. It knows no Jetty. */
abstract class Http2Facts extends Http2Life {
    /** How many requests the connection had carried when it was spared last, the lowest bits of that number. */
    private byte sparedAt;

    /** Whether the socket is open. */
    abstract boolean isSocketOpen();

    /** Whether Jetty or the client has closed the session. */
    abstract boolean isSessionClosed();

    /** The number of open streams. */
    abstract int streams();

    /** The number of the last open stream that the client has opened, 0 for none. */
    abstract int lastStream();

    /** How many streams have ended. */
    abstract long ended();

    /**
     * Adapts Jetty's own idle timeout, which has to come after the policy's while nothing has to be sent, and else means
     * what it means.
     *
     * @param isIdle whether no stream is open
     * @return whether it has to be adapted again soon
     */
    abstract boolean adaptIdleTimeout(boolean isIdle);

    /** How many bytes have come. */
    abstract long bytesIn();

    /** Whether bytes have come since the GOAWAY, or since this was asked last. */
    abstract boolean hasMoreCome();

    /** Whether the server has not read all that has come, or works on it. */
    abstract boolean isServersTurn();

    /** How many bytes of bodies have moved, roughly. */
    abstract long moved();

    /** Whether no open stream can go on without the client, none of them a tunnel. */
    abstract boolean isBlocked();

    @Override
    public final boolean isComing(long now) {
        return requests() == 0 && (Arrival.isComing(now - openedAt(), bytesIn()) || isDelayedHere(now));
    }

    /** Whether the first request may have come, and the server has not got to it yet. */
    private boolean isDelayedHere(long now) {
        return Arrival.isDelayed(now - openedAt(), this::isServersTurn);
    }

    /**
     * Spares the connection if a request may have come that the server has not got to yet. A client that sends something
     * else all the time is spared once for that, a new one as long as it is new. Called by the thread that ends
     * connections.
     */
    final boolean spares(long now) {
        long carried = requests();
        if (carried == 0) {
            return isDelayedHere(now);
        }
        if (sparedAt == (byte) carried || !isServersTurn()) {
            return false;
        }
        sparedAt = (byte) carried;
        return true;
    }
}
