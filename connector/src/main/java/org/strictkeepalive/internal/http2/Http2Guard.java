package org.strictkeepalive.internal.http2;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.eclipse.jetty.http2.ErrorCode;
import org.eclipse.jetty.http2.HTTP2Connection;
import org.eclipse.jetty.http2.HTTP2Session;
import org.eclipse.jetty.http2.HTTP2Stream;
import org.eclipse.jetty.http2.HTTP2StreamEndPoint;
import org.eclipse.jetty.http2.api.Stream;
import org.eclipse.jetty.http2.frames.GoAwayFrame;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.connection.Sockets;
import org.strictkeepalive.internal.observe.Protocol;
import org.strictkeepalive.internal.observe.Wait;
import org.strictkeepalive.internal.policy.Peers;

/**
 * Governs one HTTP/2 connection through the public methods of its session.
 *
 * <p>Its layers: {@link Http2Life} says which requests may be executed. {@link Http2Facts}
 * is what the socket and the session tell. {@link Http2Deadlines} says when a time is over.
 * {@link Http2Bodies} counts what moves.
 */
final class Http2Guard extends Http2Bodies implements Function<HttpStream, HttpStream> {
    private static final Logger LOG = LoggerFactory.getLogger(Http2Guard.class);
    /** How much longer than the keep-alive timeout Jetty's idle timeout is, in milliseconds. */
    private static final long BACKSTOP = 1_000;

    private final HTTP2Connection connection;
    private final Map<Connection, Http2Guard> guards;
    private final EndPoint innermost;
    /** Made when it is asked for. Several threads may make it, and make equal ones. */
    private Object peer;
    /** The idle timeout that {@link #adaptIdleTimeout} has set, in milliseconds. Used by the timer. */
    private long adapted;
    /** How many bytes had come when the GOAWAY was sent, negative before. At a stop: when the timer looked last. */
    private volatile long bytesAtEnd = -1;

    /**
     * Creates the guard of a connection.
     *
     * @param guards all guards, from which this one removes itself when the connection is closed
     */
    Http2Guard(Governor governor, HTTP2Connection connection, long acceptedAt, Map<Connection, Http2Guard> guards) {
        super(governor, acceptedAt, ThreadLocalRandom.current().nextFloat());
        this.guards = guards;
        this.connection = connection;
        innermost = Sockets.innermost(connection.getEndPoint());
    }

    private HTTP2Session session() {
        return connection.getSession();
    }

    @Override
    HTTP2Stream stream(int id) {
        return session().getStream(id);
    }

    /**
     * Lets Jetty's idle timeout come after the keep-alive timeout, so that the close is the policy's: Jetty's own closes
     * the socket right behind the GOAWAY. It stays the connector's while streams are open and something can't be sent,
     * since it then ends what hangs. An idle timeout that somebody else has changed stays.
     */
    @Override
    boolean adaptIdleTimeout(boolean isIdle) {
        EndPoint endPoint = connection.getEndPoint();
        long own = governor.idleTimeout() / 1_000_000;
        long now = endPoint.getIdleTimeout();
        if (own <= 0 || (now != own && now != adapted)) {
            return false;
        }
        long keepAlive = governor.decisions().idleLimit(governor.idleTimeout()) / 1_000_000;
        boolean postpones = keepAlive >= own;
        boolean obeys = postpones && !isIdle && isWritePending();
        long next = postpones && !obeys ? keepAlive + BACKSTOP : own;
        if (next != now) {
            adapted = next;
            endPoint.setIdleTimeout(next);
        }
        return obeys;
    }

    @Override
    public HttpStream apply(HttpStream stream) {
        return new Http2Exchange(stream, this);
    }

    // ---- What the connection tells

    @Override
    boolean isSocketOpen() {
        return innermost.isOpen();
    }

    @Override
    boolean isSessionClosed() {
        return session().isClosed();
    }

    @Override
    int streams() {
        return session().getStreamCount();
    }

    @Override
    int lastStream() {
        int last = 0;
        for (Stream stream : session().getStreams()) {
            last = stream.isLocal() ? last : Math.max(last, stream.getId());
        }
        return last;
    }

    @Override
    long ended() {
        return session().getStreamsClosed();
    }

    /** The bytes that have come at the socket, those of a handshake included. */
    @Override
    long bytesIn() {
        return connection.getEndPoint() instanceof SslConnection.SslEndPoint ssl
                ? ssl.getSslConnection().getBytesIn()
                : connection.getBytesIn();
    }

    @Override
    boolean hasMoreCome() {
        long before = bytesAtEnd;
        bytesAtEnd = bytesIn();
        return bytesAtEnd != before;
    }

    @Override
    boolean isServersTurn() {
        return Sockets.isServersTurn(innermost);
    }

    /**
     * What was written for a PING or SETTINGS of the client is no progress. It is never more than what has come for it,
     * so what has come beside bodies is taken off.
     */
    @Override
    long moved() {
        return read() + session().getBytesWritten() - Math.max(0, connection.getBytesIn() - read());
    }

    @Override
    boolean isBlocked() {
        boolean isUnsent = isWritePending();
        boolean isFull = session().getSendWindow() <= 0;
        for (Stream stream : session().getStreams()) {
            if (!isBlocked((HTTP2Stream) stream, isUnsent, isFull)) {
                return false;
            }
        }
        return true;
    }

    /** Tunnels are the application's. A stream without a response so far has nothing that its window could hold back. */
    private static boolean isBlocked(HTTP2Stream stream, boolean isUnsent, boolean isFull) {
        if (stream.getAttachment() instanceof HTTP2StreamEndPoint) {
            return false;
        }
        return isUnsent || (stream.isCommitted() && (isFull || stream.getSendWindow() <= 0)) || isAwaiting(stream);
    }

    /** If one exchange has the application to wait for, the connection has. */
    @Override
    public Wait waitsFor() {
        if (!isAllWaiting() || !isBlocked()) {
            return Wait.APPLICATION;
        }
        return awaiting() * 2 >= streams() ? Wait.CLIENT_BODY : Wait.CLIENT_READING;
    }

    /** How many exchanges wait for bytes of their bodies. */
    private int awaiting() {
        int awaiting = 0;
        for (Stream stream : session().getStreams()) {
            if (isAwaiting((HTTP2Stream) stream)) {
                awaiting++;
            }
        }
        return awaiting;
    }

    private static boolean isAwaiting(HTTP2Stream stream) {
        return stream.getAttribute(Http2Exchange.AWAITING) instanceof BooleanSupplier awaiting
                && awaiting.getAsBoolean();
    }

    /** Asks the endpoint that writes: of an upgraded connection it is wrapped. */
    private boolean isWritePending() {
        EndPoint endPoint = connection.getEndPoint();
        while (!(endPoint instanceof AbstractEndPoint) && endPoint instanceof EndPoint.Wrapper wrapper) {
            endPoint = wrapper.unwrap();
        }
        return endPoint instanceof AbstractEndPoint ep && ep.getWriteFlusher().isPending();
    }

    @Override
    public Protocol protocol() {
        return Protocol.HTTP_2;
    }

    @Override
    public long requests() {
        return session().getStreamsOpened();
    }

    @Override
    public SocketAddress remoteAddress() {
        return connection.getEndPoint().getRemoteSocketAddress();
    }

    @Override
    public Object peer() {
        if (peer == null) {
            peer = Peers.key(remoteAddress());
        }
        return peer;
    }

    @Override
    void tellClosing(CloseReason reason) {
        governor.closing(connection, reason);
    }

    // ---- The close

    @Override
    public void act(int what) {
        try {
            if ((what & ANNOUNCE) != 0) {
                send(this::announce);
            }
            if ((what & GOAWAY) != 0 && confirm()) {
                goAway();
            }
            if ((what & GOAWAY_BUSY) != 0) {
                send(this::goAway);
            }
            if ((what & SLOWEST) != 0) {
                endSlowest();
            }
            if ((what & CALM) != 0) {
                calm();
            }
            if ((what & CLOSE) != 0 && !tryDo(this::close)) {
                close();
            }
        } catch (Throwable x) {
            innermost.close(x); // The action will not be asked for again.
            throw x;
        }
    }

    /**
     * Sends a frame. If no other thread is to be had, it is left out; the timer asks again for a GOAWAY that counts.
     */
    private void send(Runnable frame) {
        if (!tryDo(frame)) {
            LOG.debug("No thread to send a GOAWAY to {}", this);
        }
    }

    /**
     * Uses Jetty's session, which on the same thread sends or fails what the application has written meanwhile, and
     * tells the application. So while exchanges are in progress, that is done on another thread.
     *
     * @return false if it has to be and no other thread is to be had
     */
    private boolean tryDo(Runnable action) {
        if (exchanges() == 0) {
            action.run();
            return true;
        }
        return governor.calls().tryMake(governor.executor(), InvocationType.BLOCKING, () -> {
            try {
                action.run();
            } catch (Throwable x) {
                innermost.close(x);
                throw x;
            }
        });
    }

    /** Sends a GOAWAY that refuses no stream. To Jetty's session nothing has changed. */
    private void announce() {
        if (!session().isClosed()) {
            session().frames(null, List.of(GoAwayFrame.GRACEFUL), Callback.NOOP);
        }
    }

    private void goAway() {
        bytesAtEnd = bytesIn();
        LOG.debug("{} {}", closing(), this);
        session().close(ErrorCode.NO_ERROR.code, String.valueOf(closing()), Callback.NOOP);
    }

    /** Fails the exchanges, which may call the application. */
    private void calm() {
        String reason = String.valueOf(closing());
        if (!tryDo(() -> session().onConnectionFailure(ErrorCode.ENHANCE_YOUR_CALM_ERROR.code, reason))) {
            LOG.debug("No thread to end the exchanges of {}", this);
        }
    }

    private void close() {
        if (isWritePending()) {
            dropOutput();
        } else {
            connection.getEndPoint().shutdownOutput();
        }
        innermost.close();
    }

    /**
     * Makes the close discard what the client has not taken. Otherwise the kernel would hold a full send buffer for
     * minutes after the close.
     */
    private void dropOutput() {
        if (innermost.getTransport() instanceof SocketChannel channel) {
            try {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            } catch (IOException | RuntimeException x) {
                LOG.debug("Unable to drop the output of {}", this, x);
            }
        }
    }

    @Override
    public void endQuietLinger() {
        if (isEnding() && streams() == 0 && bytesIn() == bytesAtEnd && !Sockets.hasUnread(innermost)) {
            handOn(governor, CLOSE);
        }
    }

    /** Jetty's connection was closed. */
    @Override
    void onClosed() {
        guards.remove(connection, this);
        CloseReason reason = closing();
        if (reason == null) {
            long timeout = connection.getEndPoint().getIdleTimeout();
            if (governor.isStopping() || governor.isShutdown()) {
                reason = CloseReason.STOP;
            } else if (timeout > 0 && governor.now() - idleSince() >= timeout * 1_000_000) {
                reason = CloseReason.IDLE_TIMEOUT;
            } else {
                reason = CloseReason.CLIENT;
            }
        }
        governor.closed(this, reason);
    }

    @Override
    public String toString() {
        return "Http2Guard@%x{%s,requests=%d,streams=%d,%s}"
                .formatted(hashCode(), state(), requests(), streams(), connection.getEndPoint());
    }
}
