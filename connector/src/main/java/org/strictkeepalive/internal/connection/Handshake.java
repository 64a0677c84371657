package org.strictkeepalive.internal.connection;

import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.policy.Arrival;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Peers;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * A connection in a phase before HTTP: TLS handshake, ALPN, PROXY or protocol detection. The server can't answer it in
 * HTTP.
 */
public final class Handshake extends GovernedConnection {
    private final Governor governor;
    private final EndPoint endPoint;
    private final long since;
    private final AtomicReference<CloseReason> closing = new AtomicReference<>();
    private boolean seenClosed;

    public Handshake(Governor governor, EndPoint endPoint) {
        this.governor = governor;
        this.endPoint = endPoint;
        since = governor.now();
    }

    /** The endpoint of the socket. */
    public EndPoint endPoint() {
        return endPoint;
    }

    public CloseReason reason() {
        CloseReason reason = closing.get();
        return governor.isStopping() ? CloseReason.STOP : reason == null ? CloseReason.HANDSHAKE : reason;
    }

    /** The nanoTime of the next look, with the pressure as it is now. */
    public long due() {
        return due(governor.pressure());
    }

    private long due(Pressure pressure) {
        long timeout = governor.decisions().handshake(pressure.squeeze(), governor.idleTimeout());
        return timeout == Decisions.NEVER ? since + ConnectionDeadlines.RELOOK : since + timeout;
    }

    @Override
    public long look(Tick tick) {
        long now = tick.now();
        Pressure pressure = tick.pressure();
        if (!endPoint.isOpen()) {
            // Jetty reports a close on a thread of the application's pool, which may have none left.
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

    /** The phase is over, and another connection has the endpoint. From now on this one closes nothing. */
    public void over() {
        closing.compareAndSet(null, CloseReason.OTHER_PROTOCOL);
    }

    private boolean close(CloseReason because) {
        if (!closing.compareAndSet(null, because)) {
            return false;
        }
        governor.closing(endPoint.getConnection(), because);
        handOn(governor, 1);
        return true;
    }

    /** Closes the endpoint of the socket: a task of the handshake may hold the lock of the TLS endpoint. */
    @Override
    public void act(int what) {
        endPoint.close();
    }

    @Override
    public boolean isOf(Object other) {
        return governor == other;
    }

    @Override
    public Decisions decisions() {
        return governor.decisions();
    }

    @Override
    public ConnectionState state() {
        return closing.get() == null ? ConnectionState.NEW : ConnectionState.LINGERING;
    }

    @Override
    public boolean isReused() {
        return false;
    }

    @Override
    public boolean isComing(long now) {
        Connection connection = endPoint.getConnection();
        return connection != null && Arrival.isComing(now - since, connection.getBytesIn());
    }

    @Override
    public String protocol() {
        return "none";
    }

    @Override
    public long requests() {
        return 0;
    }

    @Override
    public long since() {
        return since;
    }

    @Override
    public long openedAt() {
        return since;
    }

    @Override
    public SocketAddress remoteAddress() {
        return endPoint.getRemoteSocketAddress();
    }

    @Override
    public Object peer() {
        return Peers.key(endPoint.getRemoteSocketAddress());
    }

    @Override
    public boolean evict(long asOf, long now) {
        return close(CloseReason.EVICTED);
    }

    @Override
    public void endQuietLinger() {
        // A handshake doesn't linger.
    }

    @Override
    public String toString() {
        return "Handshake@%x{%s}".formatted(hashCode(), endPoint);
    }
}
