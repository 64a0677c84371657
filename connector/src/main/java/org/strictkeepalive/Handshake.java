package org.strictkeepalive;

import java.net.SocketAddress;
import org.eclipse.jetty.io.EndPoint;

/** A connection in a phase before HTTP: ALPN, PROXY, protocol detection. There is no HTTP to answer in. */
final class Handshake extends Tracked {
    private final GovernedConnector connector;
    private final EndPoint endPoint;
    private final long since;
    private volatile CloseReason reason = CloseReason.HANDSHAKE;

    Handshake(GovernedConnector connector, EndPoint endPoint) {
        this.connector = connector;
        this.endPoint = endPoint;
        since = connector.monitor().now();
    }

    CloseReason reason() {
        return reason;
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

    private void close(CloseReason because) {
        reason = because;
        connector.monitor().onClosing(connector, endPoint.getConnection(), because);
        connector.connector().getExecutor().execute(endPoint::close);
    }

    @Override
    boolean isOf(GovernedConnector governed) {
        return connector == governed;
    }

    @Override
    ConnectionState state() {
        return ConnectionState.NEW;
    }

    @Override
    boolean isReused() {
        return false;
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
        close(CloseReason.EVICTED);
        return true;
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
