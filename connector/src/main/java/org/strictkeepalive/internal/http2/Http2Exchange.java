package org.strictkeepalive.internal.http2;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.function.BooleanSupplier;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http2.HTTP2Stream;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.internal.connection.EventStreams;

/**
 * Wraps the stream of one exchange. It reports the end of the exchange, and whether the application may wait for the
 * client: for bytes that it has demanded, or since it wrote content. Whether the client has taken what was written, or
 * has sent what was demanded, is checked later, and only if it matters.
 *
 * <p>The application may read on one thread and write on another one at the same time.
 */
final class Http2Exchange extends HttpStream.Wrapper implements BooleanSupplier {
    /** The attribute of a stream whose body was demanded: its exchange, which says whether it still awaits bytes. */
    static final String AWAITING = Http2Exchange.class.getName();

    private static final AtomicIntegerFieldUpdater<Http2Exchange> TURN =
            AtomicIntegerFieldUpdater.newUpdater(Http2Exchange.class, "turn");
    /** Bytes were demanded and not read yet. */
    private static final int DEMANDING = 1;
    /** Content was written. */
    private static final int WRITTEN = 2;
    /** A reason to wait. */
    private static final int WAITS = DEMANDING | WRITTEN;
    /** The exchange is over. */
    private static final int OVER = 4;
    /** The response is a stream of server-sent events. */
    private static final int EVENTS = 8;

    private static final int UNKNOWN = Integer.MIN_VALUE;

    private final Http2Bodies connection;
    /** DEMANDING, WRITTEN or both, for a reason to wait, and EVENTS; or OVER. Changed with a compare-and-set. */
    private volatile int turn;
    /** Null before the first read or demand. Written by the thread that reads. Published by the turn. */
    private HTTP2Stream stream;
    /** The receive window when nothing was there to read. Bytes that come make it smaller. As above. */
    private int windowWhenEmpty = UNKNOWN;

    Http2Exchange(HttpStream wrapped, Http2Bodies connection) {
        super(wrapped);
        this.connection = connection;
    }

    private int window() {
        if (stream == null) {
            stream = connection.stream(Integer.parseInt(getId()));
        }
        return stream == null ? UNKNOWN : stream.getRecvWindow();
    }

    @Override
    public Content.Chunk read() {
        int window = window(); // Before the read: what comes during it has come.
        Content.Chunk chunk = super.read();
        if (chunk == null) {
            windowWhenEmpty = window;
        } else {
            windowWhenEmpty = UNKNOWN;
            if ((turn & DEMANDING) != 0) {
                reads();
            }
            connection.onRead(chunk.remaining());
        }
        return chunk;
    }

    @Override
    public void demand() {
        if ((turn & DEMANDING) == 0) {
            int window = window();
            if (windowWhenEmpty == UNKNOWN) {
                windowWhenEmpty = window;
            }
            if (stream != null) {
                stream.setAttribute(AWAITING, this);
            }
            mayWait(DEMANDING);
        }
        super.demand();
    }

    @Override
    public void send(
            MetaData.Request request, MetaData.Response response, boolean last, ByteBuffer content, Callback callback) {
        if ((turn & WRITTEN) == 0 && (last || BufferUtil.hasContent(content))) {
            mayWait(WRITTEN);
        }
        // Most responses are sent at once, so their headers are not looked at.
        if (!last && response != null && EventStreams.isOne(response.getHttpFields())) {
            eventsBegin();
        }
        super.send(request, response, last, content, callback);
    }

    private void eventsBegin() {
        int before = TURN.getAndUpdate(this, seen -> (seen & OVER) != 0 ? seen : seen | EVENTS);
        if ((before & (OVER | EVENTS)) == 0) {
            connection.eventStreamBegins();
        }
    }

    private void mayWait(int why) {
        while (true) {
            int seen = turn;
            if ((seen & OVER) != 0) {
                return;
            }
            if (TURN.compareAndSet(this, seen, seen | why)) {
                if ((seen & WAITS) == 0) {
                    connection.waits();
                }
                return;
            }
        }
    }

    private void reads() {
        if ((TURN.getAndUpdate(this, seen -> seen & ~DEMANDING) & (WAITS | OVER)) == DEMANDING) {
            connection.goesOn();
        }
    }

    /** Whether bytes were demanded of which none has come. */
    @Override
    public boolean getAsBoolean() {
        if ((turn & DEMANDING) == 0) {
            return false;
        }
        HTTP2Stream body = stream;
        return body != null && body.getRecvWindow() >= windowWhenEmpty && !body.isRemotelyClosed();
    }

    @Override
    public void succeeded() {
        try {
            super.succeeded();
        } finally {
            over();
        }
    }

    @Override
    public void failed(Throwable x) {
        try {
            super.failed(x);
        } finally {
            over();
        }
    }

    private void over() {
        int before = TURN.getAndSet(this, OVER);
        if (before != OVER) {
            if ((before & EVENTS) != 0) {
                connection.eventStreamEnds();
            }
            connection.onExchangeOver((before & WAITS) != 0);
        }
    }
}
