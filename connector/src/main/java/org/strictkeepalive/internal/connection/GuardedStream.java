package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.Callback;

/**
 * Wraps the stream of one exchange. It revises the response's headers, and reports the end of the request's body and of
 * the exchange.
 */
final class GuardedStream extends HttpStream.Wrapper {
    private final GuardedExchange guard;
    private final int number;
    /** Notes that the end of the response was written. */
    private final class LastSend extends Callback.Nested {
        private LastSend(Callback callback) {
            super(callback);
        }

        @Override
        public void succeeded() {
            guard.onLastSent();
            super.succeeded();
        }
    }

    /**
     * Wraps a stream.
     *
     * @param number the number of the exchange
     */
    GuardedStream(HttpStream stream, GuardedExchange guard, int number) {
        super(stream);
        this.guard = guard;
        this.number = number;
    }

    @Override
    public Content.Chunk read() {
        Content.Chunk chunk = super.read();
        if (chunk != null && chunk.isLast()) {
            guard.bodyEnds();
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
        super.send(
                request,
                response == null ? null : guard.revise(request, response, last),
                last,
                content,
                last ? new LastSend(callback) : callback);
    }

    @Override
    public void succeeded() {
        if (guard.isInProgress(number) && guard.onComplete(number, true, isUnread())) {
            super.succeeded();
        }
    }

    /**
     * The exchange failed. Nothing is sent to complete the response: the client must see that it was cut (RFC 9112, 8).
     */
    @Override
    public void failed(Throwable x) {
        if (!guard.isInProgress(number)) {
            return;
        }
        // The response is whole. Only the request was not read to its end.
        boolean lastSent = guard.isLastSent();
        boolean unread = lastSent && isUnconsumed(x);
        if (guard.onComplete(number, unread, unread)) {
            if (lastSent) {
                guard.shutdownIfSent();
            }
            super.failed(x);
        }
    }

    /** Whether a part of the body is left after Jetty has read what it can without waiting. */
    private boolean isUnread() {
        if (guard.isBodyEnded()) {
            return false;
        }
        if (consumeAvailable() != null) {
            return true;
        }
        guard.bodyEnds(); // Jetty has read the end of the body, but not through this wrapper.
        return false;
    }

    /**
     * Whether the exchange failed only because the body can't be read to its end without waiting. The type of Jetty's
     * exception for that differs between versions, but {@code consumeAvailable} returns the same instance again.
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
