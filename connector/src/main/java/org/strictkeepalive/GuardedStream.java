package org.strictkeepalive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.Callback;

/** Sees the response of one request on its way out, and the end of the exchange. */
final class GuardedStream extends HttpStream.Wrapper {
    private final ConnectionGuard guard;
    private boolean lastSent;

    GuardedStream(HttpStream stream, ConnectionGuard guard) {
        super(stream);
        this.guard = guard;
    }

    @Override
    public Content.Chunk read() {
        Content.Chunk chunk = super.read();
        if (chunk != null && chunk.isLast()) {
            guard.onBodyEnd();
        }
        return chunk;
    }

    @Override
    public void prepareResponse(HttpFields.Mutable headers) {
        guard.prepareResponse(headers);
        super.prepareResponse(headers);
    }

    @Override
    public void send(
            MetaData.Request request, MetaData.Response response, boolean last, ByteBuffer content, Callback callback) {
        lastSent |= last;
        super.send(request, response == null ? null : guard.revise(request, response, last), last, content, callback);
    }

    @Override
    public void succeeded() {
        guard.onComplete(true, isUnread());
        super.succeeded();
    }

    /**
     * The exchange failed. What Jetty did not send is not sent here either: the client must see that a response was cut.
     */
    @Override
    public void failed(Throwable x) {
        // Only the request was not read to its end: the response is whole.
        boolean unread = lastSent && isCommitted() && !guard.isWritePending() && isUnconsumed(x);
        guard.onComplete(unread, unread);
        if (lastSent) {
            guard.shutdownIfSent();
        }
        super.failed(x);
    }

    /** Whether a body is left that Jetty, which reads what is there without waiting, can't read to its end. */
    private boolean isUnread() {
        if (guard.isBodyEnded()) {
            return false;
        }
        if (consumeAvailable() != null) {
            return true;
        }
        guard.onBodyEnd(); // Jetty has read it past this wrapper.
        return false;
    }

    /**
     * Whether it failed only because the body can't be read to its end without waiting. Jetty's constant for that is
     * not of the same type in all versions, but is what it answers again.
     */
    @SuppressWarnings("ReferenceEquality")
    private boolean isUnconsumed(Throwable x) {
        Throwable unread = guard.isBodyEnded() ? null : consumeAvailable();
        return unread != null
                && (x == unread || x.getCause() == unread)
                && !(unread instanceof IOException)
                && !(unread instanceof TimeoutException)
                && !(unread instanceof HttpException);
    }
}
