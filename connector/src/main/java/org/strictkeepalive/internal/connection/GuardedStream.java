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
import org.eclipse.jetty.util.Jetty;

/** Sees the response of one request on its way out, and the end of the exchange. */
final class GuardedStream extends HttpStream.Wrapper {
    /** In Jetty 12.0 an exchange may fail behind the last of its response; later Jettys take no notice of that. */
    private static final boolean FAILS_BEHIND_LAST = Jetty.VERSION.startsWith("12.0.");

    private final GuardedExchange guard;
    private final int number;
    /** Sees the last of a response go out. */
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
        boolean mayFailBehind = last && (FAILS_BEHIND_LAST || !guard.isBodyEnded());
        super.send(
                request,
                response == null ? null : guard.revise(request, response, last),
                last,
                content,
                mayFailBehind ? new LastSend(callback) : callback);
    }

    @Override
    public void succeeded() {
        if (guard.isInProgress(number) && guard.onComplete(number, true, isUnread())) {
            super.succeeded();
        }
    }

    /**
     * The exchange failed. What Jetty did not send is not sent here either: the client must see that a response was cut.
     */
    @Override
    public void failed(Throwable x) {
        if (!guard.isInProgress(number)) {
            return;
        }
        // Only the request was not read to its end: the response is whole.
        boolean lastSent = guard.isLastSent();
        boolean unread = lastSent && isUnconsumed(x);
        if (guard.onComplete(number, unread, unread)) {
            if (lastSent) {
                guard.shutdownIfSent();
            }
            super.failed(x);
        }
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
