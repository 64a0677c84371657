package org.strictkeepalive.internal.http2;

import org.strictkeepalive.internal.policy.Arrival;

/** What an HTTP/2 connection can tell of its socket and its session. It knows no Jetty. */
abstract class Http2Facts extends Http2Life {
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

    /** Whether bytes have come that nobody has read yet. */
    abstract boolean hasUnread();

    /** How many bytes of bodies have moved, roughly. */
    abstract long moved();

    /** Whether no open stream can go on without the client, none of them a tunnel. */
    abstract boolean isBlocked();

    @Override
    public final boolean isComing(long now) {
        return requests() == 0 && (Arrival.isComing(now - openedAt(), bytesIn()) || isDelayedHere(now));
    }

    /** Whether the first request may have come, and the server has not read it yet. */
    final boolean isDelayedHere(long now) {
        return requests() == 0 && Arrival.isDelayed(now - openedAt(), this::hasUnread);
    }
}
