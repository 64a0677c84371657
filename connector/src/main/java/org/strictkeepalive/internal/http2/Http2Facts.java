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

    /** How many streams have ended. */
    abstract long ended();

    /** How many bytes have come. */
    abstract long bytesIn();

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
