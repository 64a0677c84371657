package org.strictkeepalive;

import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;

/** A connection in a phase before HTTP: ALPN, PROXY, protocol detection. There is no HTTP to answer in. */
final class Handshake extends GovernedConnection {
    private final Governor governor;
    private final EndPoint endPoint;
    private final long since;
    private final AtomicReference<CloseReason> closing = new AtomicReference<>();
    private boolean seenClosed;

    Handshake(Governor governor, EndPoint endPoint) {
        this.governor = governor;
        this.endPoint = endPoint;
        since = governor.now();
    }

    /** The endpoint of the socket. */
    EndPoint endPoint() {
        return endPoint;
    }

    CloseReason reason() {
        CloseReason reason = closing.get();
        return governor.isStopping() ? CloseReason.STOP : reason == null ? CloseReason.HANDSHAKE : reason;
    }

    /** When it is due, with the pressure as it is. */
    long due() {
        return due(governor.pressure());
    }

    private long due(Pressure pressure) {
        long timeout = governor.decisions().handshake(pressure.squeeze(), governor.idleTimeout());
        return timeout == Decisions.NEVER ? since + ConnectionDeadlines.RELOOK : since + timeout;
    }

    @Override
    long look(Tick tick) {
        long now = tick.now();
        Pressure pressure = tick.pressure();
        if (!endPoint.isOpen()) {
            // Jetty tells of a close in the application's pool, which may have no thread left.
            if (seenClosed) {
                governor.closed(this, reason());
            }
            seenClosed = true;
            return now + ConnectionDeadlines.CLOSED_RELOOK;
        }
        long handshake = governor.decisions().handshake(pressure.squeeze(), governor.idleTimeout());
        long stop = governor.stopTimeout(since, now);
        long timeout = Math.min(handshake, stop);
        if (timeout == Decisions.NEVER) {
            return now + ConnectionDeadlines.RELOOK;
        }
        if (now - since >= timeout) {
            close(stop < handshake ? CloseReason.STOP : CloseReason.HANDSHAKE);
            return now + ConnectionDeadlines.RELOOK;
        }
        return since + timeout;
    }

    private boolean close(CloseReason because) {
        if (!closing.compareAndSet(null, because)) {
            return false;
        }
        governor.closing(endPoint.getConnection(), because);
        handOn(governor, 1);
        return true;
    }

    /** Closes the socket itself: an endpoint of TLS may be locked by a task of the handshake. */
    @Override
    void act(int what) {
        endPoint.close();
    }

    @Override
    boolean isOf(Object other) {
        return governor == other;
    }

    @Override
    Decisions decisions() {
        return governor.decisions();
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
