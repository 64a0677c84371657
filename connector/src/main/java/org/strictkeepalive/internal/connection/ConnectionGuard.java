package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.TypeUtil;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.policy.Arrival;
import org.strictkeepalive.internal.policy.Decisions;

/**
 * Governs one HTTP/1.1 connection. Jetty's connection sees the guard as its {@link EndPoint}, and the real endpoint
 * calls the guard as its fill callback. So the guard knows when Jetty waits and when bytes come. It closes a connection
 * on which Jetty waits too long.
 *
 * <p>Its layers: {@link ConnectionLife} says who may act. {@link ConnectionDeadlines} says when a time is over. {@link
 * ConnectionExchange} knows the exchange. {@link GuardEndPoint} delegates to the real endpoint. {@link GuardedProgress}
 * and {@link GuardedExchange} watch the exchange. {@link GuardedClose} ends the connection.
 */
public final class ConnectionGuard extends GuardedClose implements Function<HttpStream, HttpStream> {
    public ConnectionGuard(Governor governor, EndPoint endPoint) {
        super(governor, endPoint);
    }

    /** Returns the endpoint as a guard, null if it is not one. */
    public static ConnectionGuard of(EndPoint endPoint) {
        return endPoint instanceof ConnectionGuard guard ? guard : null;
    }

    /** Whether an endpoint is a guard, and of a connection that it knows. */
    public static boolean isGoverned(EndPoint endPoint) {
        return endPoint instanceof ConnectionGuard guard && guard.connection != null;
    }

    /** Whether this guard governs a connection. It does not govern the one that its connection was upgraded to. */
    public boolean isGuardOf(Connection other) {
        return connection == other;
    }

    /**
     * Takes the connection that was made with this guard. Returns false, and then lets everything pass, if it is not one of
     * Jetty's for HTTP, reads through another endpoint, or has another configuration: its requests would never be seen.
     */
    public boolean bind(Connection http, HttpConfiguration configuration) {
        if (http instanceof AbstractMetaDataConnection known
                && known.getEndPoint() == this
                && known.getHttpConfiguration() == configuration) {
            connection = known;
            return true;
        }
        leaves();
        return false;
    }

    @Override
    public long requests() {
        AbstractMetaDataConnection http = connection;
        return http == null ? 0 : http.getMessagesIn();
    }

    @Override
    public boolean isComing(long now) {
        // Read the state first: it publishes the other fields.
        long age = now - openedAt();
        return state() == ConnectionState.NEW
                && (Arrival.isComing(age, bytesIn())
                        || Arrival.isDelayed(age, () -> Sockets.isServersTurn(innermost())));
    }

    // ---- The real endpoint's fill callback

    @Override
    public void succeeded() {
        if (bytesCame()) {
            resume();
            return;
        }
        switch (state(seen())) {
            case RUNNING, BUSY, LOOKING -> {
                Callback wanted = takeDemand();
                if (wanted != null) {
                    wanted.succeeded();
                }
            }
            case OWNED -> discard();
            default -> {
                // CHECKING: the policy reads. PASS: the wake-up is for a wait before the upgrade, whose bytes are read.
            }
        }
    }

    @Override
    public void failed(Throwable x) {
        int seen = seen();
        if (state(seen) == WAITING && x instanceof TimeoutException && isOpen() && !isOutputShutdown()) {
            onIdleTimeout(seen);
            return;
        }
        if (bytesCame()) {
            fillCallback().failed(x);
            return;
        }
        switch (state(seen())) {
            case RUNNING, BUSY, LOOKING -> {
                Callback wanted = takeDemand();
                if (wanted != null) {
                    wanted.failed(x);
                }
            }
            case OWNED -> {
                // The linger has its own limit. Only if that is off, the idle timeout counts.
                if (x instanceof TimeoutException && lingerLimit(governor.pressure()) != Decisions.NEVER) {
                    awaitDiscard();
                } else {
                    innermost().close(x);
                }
            }
            default -> {}
        }
    }

    private void onIdleTimeout(int seen) {
        boolean ownTimeout = isIdleTimeoutOfConnector();
        boolean idle = phase() == ConnectionState.IDLE;
        if (!endPoint.tryFillInterested(this)) {
            innermost().close();
        } else if (!(idle && ownTimeout && governor.decisions().isKeepAliveTimeoutOn())) {
            if (take(seen, idleTimeoutReason(ownTimeout))) {
                governor.due(this, governor.now());
            }
        }
    }

    private CloseReason idleTimeoutReason(boolean ownTimeout) {
        Decisions decisions = governor.decisions();
        if (governor.isShutdown()) {
            return CloseReason.STOP; // At a shutdown Jetty shortens the idle timeout.
        }
        if (ownTimeout && phase() == ConnectionState.IDLE && !decisions.isKeepAliveTimeoutSet()) {
            return CloseReason.KEEP_ALIVE_TIMEOUT;
        }
        if (ownTimeout && phase() == ConnectionState.NEW && !isBegun() && !decisions.isFirstRequestTimeoutSet()) {
            return CloseReason.FIRST_REQUEST_TIMEOUT;
        }
        return CloseReason.IDLE_TIMEOUT;
    }

    @Override
    public InvocationType getInvocationType() {
        Callback callback = switch (state(seen())) {
            case OWNED -> null;
            case RUNNING, BUSY, LOOKING -> demand();
            default -> fillCallback();
        };
        return callback == null ? InvocationType.NON_BLOCKING : callback.getInvocationType();
    }

    // ---- The exchange

    /** The headers of a request are complete. Returns false if the request must not be executed. */
    public boolean accept(ExchangeRequest request) {
        if (!onRequest(request)) {
            return false;
        }
        if (state(seen()) != PASS) {
            if (!isUnheard()) {
                addStream(request);
            } else if (isToBeWatched()) {
                watch();
            }
        }
        return true;
    }

    @Override
    void addStream(Request request) {
        request.addHttpStreamWrapper(this);
    }

    @Override
    public HttpStream apply(HttpStream stream) {
        return new GuardedStream(stream, this, exchange());
    }

    // ---- The endpoint that Jetty's connection sees

    @Override
    public int fill(ByteBuffer buffer) throws IOException {
        goesOn();
        int state = state(seen());
        if (state == OWNED) {
            return -1;
        }
        if (state == PASS && readAhead == null) {
            return endPoint.fill(buffer);
        }
        if (isCloseUnnoticed() && isOutputShut()) {
            return 0; // Jetty then waits, and the linger reads.
        }
        int filled;
        try {
            filled = readAhead == null ? endPoint.fill(buffer) : takeReadAhead(buffer);
        } catch (IOException | RuntimeException x) {
            inputEnds();
            throw x;
        }
        if (filled > 0) {
            begun();
            onRead(buffer, filled, state == BUSY);
        } else if (filled < 0) {
            inputEnds();
        }
        return filled;
    }

    private int takeReadAhead(ByteBuffer buffer) {
        int taken = BufferUtil.append(buffer, readAhead);
        if (!readAhead.hasRemaining()) {
            readAhead = null;
        }
        return taken;
    }

    @Override
    public void fillInterested(Callback callback) {
        goesOn();
        int state = state(seen());
        if (state == PASS) {
            endPoint.fillInterested(callback);
            return;
        }
        if (state == OWNED) {
            return;
        }
        waitsWith(callback);
        if (isOutputShut()) {
            takeOver();
            return;
        }
        beginWait();
        // Write the word first, so that a look from now on sees a connection that waits, and its deadline.
        waits();
        governor.due(this, due(governor.pressure()));
        // If a fill interest is pending already, it is this guard's.
        endPoint.tryFillInterested(this);
        if (readAhead != null && bytesCame()) {
            // The bytes are read already, so no wake-up is needed.
            withdraw();
            handToJetty();
        }
    }

    private void beginWait() {
        long now = governor.now();
        long idle = aboutToWait((int) connection.getMessagesIn(), readAhead != null || isMoreBehind(), now);
        if (idle >= 0) {
            onReuse(idle);
        }
        forgetBuffers();
        forgetStall();
    }

    @Override
    public boolean tryFillInterested(Callback callback) {
        int state = state(seen());
        if (state == PASS) {
            return endPoint.tryFillInterested(callback);
        }
        return state != OWNED && demand(callback) && demandBytes();
    }

    @Override
    boolean demandBytes() {
        return endPoint.isFillInterested() || endPoint.tryFillInterested(this);
    }

    @Override
    public boolean isFillInterested() {
        return switch (state(seen())) {
            case PASS -> endPoint.isFillInterested();
            case WAITING -> true;
            default -> demand() != null;
        };
    }

    @Override
    public void write(Callback callback, ByteBuffer... buffers) {
        int state = state(seen());
        if (state == OWNED) {
            callback.failed(new ClosedChannelException());
            return;
        }
        if (state != PASS) {
            onWrite(buffers);
        }
        endPoint.write(callback, buffers);
    }

    @Override
    public void shutdownOutput() {
        int state = state(seen());
        if (state == OWNED) {
            return;
        }
        if (state != PASS && !isOutputShut()) {
            shut(governor.now());
            if (closing() == null && governor.isShutdown()) {
                closeFor(CloseReason.STOP); // The response began before the shutdown.
            } else if (closing() == null && state == BUSY && isUnheard()) {
                closing(CloseReason.APPLICATION); // The response has said close.
            }
            governor.due(this, deadline(lingerSince(), lingerLimit(governor.pressure())));
        }
        try {
            endPoint.shutdownOutput();
        } catch (RuntimeException x) {
            if (state == PASS) {
                throw x;
            }
            abort(x); // Some versions of Jetty would leave it open.
        }
    }

    @Override
    public void close(Throwable cause) {
        int state = state(seen());
        if (state == OWNED) {
            // The linger will close the socket, unless the server stops first.
            if (governor.isStopping()) {
                innermost().close(cause);
            }
            return;
        }
        // An abort would destroy a response that was written whole, so linger instead.
        if (state != PASS && cause != null && isOutputShut() && !hasInputEnded() && !isWritePending() && isOpen()) {
            takeOver();
            return;
        }
        endPoint.close(cause);
    }

    @Override
    public void close() {
        close(null);
    }

    /** Without a response the upgrade is one by prior knowledge. */
    @Override
    public void upgrade(Connection newConnection) {
        if (connection == null) {
            endPoint.upgrade(newConnection);
            return;
        }
        boolean needed = connection.getBytesOut() > 0 || readAhead != null;
        endPoint.upgrade(governor.upgrading(this, newConnection, needed ? null : unwrap()));
    }

    @Override
    public void setConnection(Connection newConnection) {
        if (newConnection != connection) {
            leaves();
            if (phase() == ConnectionState.NEW) {
                forget();
            }
        }
        endPoint.setConnection(newConnection);
    }

    @Override
    public String toString() {
        return "%s@%x{%s,requests=%d,%s}"
                .formatted(TypeUtil.toShortName(getClass()), hashCode(), state(), requests(), endPoint);
    }
}
