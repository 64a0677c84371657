package org.strictkeepalive.internal.http2;

import java.nio.ByteBuffer;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.Callback;

/**
 * Wraps the stream of one exchange. It reports the end of the exchange, and whether the application waits for the client:
 * for bytes that it has demanded, or since it wrote. Whether the client has taken what was written is checked later, and
 * only if it matters.
 *
 * <p>One thread has the exchange at a time. Jetty's channel publishes the fields from one to the next.
 */
final class Http2Exchange extends HttpStream.Wrapper {
    private final Http2Bodies connection;
    private boolean demanding;
    private boolean written;

    Http2Exchange(HttpStream stream, Http2Bodies connection) {
        super(stream);
        this.connection = connection;
    }

    @Override
    public Content.Chunk read() {
        Content.Chunk chunk = super.read();
        if (chunk != null) {
            if (demanding) {
                demanding = false;
                connection.isMet(!written);
            }
            connection.onRead(chunk.remaining());
        }
        return chunk;
    }

    @Override
    public void demand() {
        if (!demanding) {
            demanding = true;
            connection.demands(!written);
        }
        super.demand();
    }

    @Override
    public void send(
            MetaData.Request request, MetaData.Response response, boolean last, ByteBuffer content, Callback callback) {
        if (!written) {
            written = true;
            if (!demanding) {
                connection.waits();
            }
        }
        super.send(request, response, last, content, callback);
    }

    @Override
    public void succeeded() {
        super.succeeded();
        over();
    }

    @Override
    public void failed(Throwable x) {
        super.failed(x);
        over();
    }

    private void over() {
        boolean waited = demanding || written;
        if (demanding) {
            demanding = false;
            connection.isMet(false);
        }
        connection.onExchangeOver(waited);
    }
}
