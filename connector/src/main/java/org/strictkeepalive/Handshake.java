package org.strictkeepalive;

import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;

/** A connection in a phase before HTTP: ALPN, PROXY, protocol detection. There is no HTTP to answer in. */
final class Handshake extends Closing {
    private final GovernedConnector connector;
    private final EndPoint endPoint;
    private final long since;
    private final AtomicReference<CloseReason> closing = new AtomicReference<>();
    private boolean seenClosed;

    Handshake(GovernedConnector connector, EndPoint endPoint) {
        this.connector = connector;
        this.endPoint = endPoint;
        since = connector.monitor().now();
    }

    CloseReason reason() {
        CloseReason reason = closing.get();
        return reason == null ? CloseReason.HANDSHAKE : reason;
    }

    /** When it is due, with the pressure as it is. */
    long due() {
        return due(connector.monitor().pressure());
    }

    private long due(Pressure pressure) {
        long timeout = connector.policy().handshake(pressure.squeeze(), connector.idleTimeout());
        return timeout == KeepAlivePolicy.NEVER ? since + ConnectionGuard.RELOOK : since + timeout;
    }

    @Override
    long look(long now, Pressure pressure) {
        if (!endPoint.isOpen()) {
            // Jetty tells of a close in the application's pool, which may have no thread left.
            if (seenClosed) {
                connector.onHandshakeClosed(endPoint);
            }
            seenClosed = true;
            return now + ConnectionGuard.CLOSED_RELOOK;
        }
        long handshake = connector.policy().handshake(pressure.squeeze(), connector.idleTimeout());
        long stop = connector.stopTimeout(since, now);
        long timeout = Math.min(handshake, stop);
        if (timeout == KeepAlivePolicy.NEVER) {
            return now + ConnectionGuard.RELOOK;
        }
        if (now - since >= timeout) {
            close(stop < handshake ? CloseReason.STOP : CloseReason.HANDSHAKE);
            return now + ConnectionGuard.RELOOK;
        }
        return since + timeout;
    }

    private boolean close(CloseReason because) {
        if (!closing.compareAndSet(null, because)) {
            return false;
        }
        connector.monitor().onClosing(connector, endPoint.getConnection(), because);
        handOn(connector.closer(), 1);
        return true;
    }

    /** Closes the socket itself: an endpoint of TLS may be locked by a task of the handshake. */
    @Override
    void act(int what) {
        endPoint.close();
    }

    @Override
    boolean isOf(GovernedConnector governed) {
        return connector == governed;
    }

    @Override
    ConnectionState state() {
        return closing.get() == null ? ConnectionState.NEW : ConnectionState.LINGERING;
    }

    @Override
    boolean isReused() {
        return false;
    }

    @Override
    boolean isComing(long now) {
        Connection connection = endPoint.getConnection();
        return connection != null && Arrival.isComing(now - since, connection.getBytesIn());
    }

    @Override
    long requests() {
        return 0;
    }

    @Override
    long since() {
        return since;
    }

    @Override
    long openedAt() {
        return since;
    }

    @Override
    SocketAddress remoteAddress() {
        return endPoint.getRemoteSocketAddress();
    }

    @Override
    Object peer() {
        return Peers.key(endPoint.getRemoteSocketAddress());
    }

    @Override
    boolean evict(long asOf, long now) {
        return close(CloseReason.EVICTED);
    }

    @Override
    void endQuietLinger() {
        // It doesn't linger.
    }

    @Override
    public String toString() {
        return "Handshake@%x{%s}".formatted(hashCode(), endPoint);
    }
}
