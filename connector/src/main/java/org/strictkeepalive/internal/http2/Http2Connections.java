package org.strictkeepalive.internal.http2;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http2.ErrorCode;
import org.eclipse.jetty.http2.HTTP2Connection;
import org.eclipse.jetty.http2.HTTP2StreamEndPoint;
import org.eclipse.jetty.http2.api.Stream;
import org.eclipse.jetty.http2.frames.ResetFrame;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.connection.GuardedExchange;

/**
 * The governed HTTP/2 connections of a connector. Jetty runs it once for each request whose headers are complete, before
 * any handler. Safe for use by any thread.
 */
public final class Http2Connections implements HttpConfiguration.Customizer {
    private final Governor governor;
    private final Class<? extends Connection> type;
    private final Map<Connection, Http2Guard> guards = new ConcurrentHashMap<>();

    private Http2Connections(Governor governor, Class<? extends Connection> type) {
        this.governor = governor;
        this.type = type;
    }

    /**
     * Creates it without a connection.
     *
     * @throws NoClassDefFoundError if {@code jetty-http2-common} is not there
     */
    public static Http2Connections of(Governor governor) {
        return new Http2Connections(governor, HTTP2Connection.class);
    }

    /** Whether a connection is one of HTTP/2. */
    public boolean isOne(Connection connection) {
        return type.isInstance(connection);
    }

    /** Whether an endpoint is a tunnel in a stream of HTTP/2. */
    public boolean isTunnel(EndPoint endPoint) {
        return endPoint instanceof HTTP2StreamEndPoint;
    }

    /** Takes a connection that is governed from now on, and the nanoTime of the first look at it. */
    @FunctionalInterface
    public interface Opened {
        void opened(GovernedConnection connection, long due);
    }

    /**
     * Begins to govern a connection of HTTP/2, unless it is governed already.
     *
     * @param counted whether it is counted already, as what it was before
     * @param opened told of it before another thread can end it
     */
    public void open(Connection connection, long acceptedAt, boolean counted, Opened opened) {
        Http2Guard guard = new Http2Guard(governor, (HTTP2Connection) connection, acceptedAt, guards);
        if (guards.putIfAbsent(connection, guard) == null) {
            if (!counted && !guard.isSocketOpen()) {
                guards.remove(connection, guard); // It was opened by its upgrade, and has been closed since then.
                return;
            }
            guard.adaptIdleTimeout(true);
            opened.opened(guard, guard.firstDue());
            if (!guard.isSocketOpen()) {
                guard.onClosed(); // Jetty may have reported its close already.
            }
        }
    }

    /** Jetty's connection was closed. Returns false if it is not governed here. */
    public boolean onClosed(Connection connection) {
        Http2Guard guard = guards.get(connection);
        if (guard == null) {
            return false;
        }
        guard.onClosed();
        return true;
    }

    /** The connector has stopped. */
    public void clear() {
        guards.clear();
    }

    @Override
    public Request customize(Request request, HttpFields.Mutable responseHeaders) {
        if (request.getConnectionMetaData().getConnection() instanceof HTTP2Connection connection) {
            Http2Guard guard = guards.get(connection);
            if (guard != null) {
                if (!guard.onRequest(governor.begun(request)) && !guard.beginsLate(stream(request))) {
                    refuse(connection, request);
                }
                request.addHttpStreamWrapper(guard);
                if (guard.closing() == CloseReason.REFUSED) {
                    request.addHttpStreamWrapper(Refusal::new);
                    throw new HttpException.RuntimeException(HttpStatus.SERVICE_UNAVAILABLE_503);
                }
            }
        }
        return request;
    }

    private static int stream(Request request) {
        return Integer.parseInt(request.getId());
    }

    /** The stream of a request that is answered with 503. */
    private static final class Refusal extends HttpStream.Wrapper {
        private Refusal(HttpStream stream) {
            super(stream);
        }

        @Override
        public void prepareResponse(HttpFields.Mutable headers) {
            headers.put(HttpHeader.RETRY_AFTER, GuardedExchange.RETRY_AFTER);
            super.prepareResponse(headers);
        }
    }

    /**
     * Refuses a request behind a GOAWAY, so that the client may send it again. The GOAWAY may name its stream as one that
     * may have been processed, so the stream itself says that it was not.
     */
    private static void refuse(HTTP2Connection connection, Request request) {
        Stream stream = connection.getSession().getStream(stream(request));
        if (stream != null) {
            stream.reset(new ResetFrame(stream.getId(), ErrorCode.REFUSED_STREAM_ERROR.code), Callback.NOOP);
        }
        throw new HttpException.RuntimeException(HttpStatus.SERVICE_UNAVAILABLE_503);
    }
}
