package org.strictkeepalive.internal.http2;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.eclipse.jetty.http2.HTTP2Stream;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.observe.Counters;

/** Counts what was read of the bodies of a connection's requests, and how many responses are server-sent events. */
abstract class Http2Bodies extends Http2Deadlines {
    private static final AtomicIntegerFieldUpdater<Http2Bodies> EVENT_STREAMS =
            AtomicIntegerFieldUpdater.newUpdater(Http2Bodies.class, "eventStreams");
    private static final AtomicLongFieldUpdater<Http2Bodies> READ =
            AtomicLongFieldUpdater.newUpdater(Http2Bodies.class, "read");

    /** How many responses are streams of server-sent events. */
    private volatile int eventStreams;
    /** How many bytes of requests' bodies were read. */
    private volatile long read;

    Http2Bodies(Governor governor, long acceptedAt, float agePart) {
        super(governor, acceptedAt, agePart);
    }

    /** The stream with that number, null if it is closed. */
    abstract HTTP2Stream stream(int id);

    final void onRead(int bytes) {
        if (bytes > 0) {
            READ.addAndGet(this, bytes);
        }
    }

    final void eventStreamBegins() {
        EVENT_STREAMS.incrementAndGet(this);
    }

    final void eventStreamEnds() {
        EVENT_STREAMS.decrementAndGet(this);
    }

    /** An application that has not noticed yet that its client has reset the stream doesn't count. */
    @Override
    public final boolean isEventStream() {
        return eventStreams > 0 && streams() > 0;
    }

    @Override
    public final Counters counters() {
        return governor.counters();
    }

    /** A stream that has ended stays in the session for a moment, so operators see whether exchanges are in progress. */
    @Override
    protected final ConnectionState shownState() {
        if (exchanges() > 0) {
            return ConnectionState.BUSY;
        }
        return isEnding() ? ConnectionState.LINGERING : idleState();
    }

    @Override
    public final boolean isGone() {
        return exchanges() > 0 && !isSocketOpen();
    }

    final long read() {
        return read;
    }
}
