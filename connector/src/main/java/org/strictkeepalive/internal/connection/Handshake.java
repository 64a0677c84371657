package org.strictkeepalive.internal.connection;

import java.net.SocketAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.Protocol;
import org.strictkeepalive.internal.policy.Arrival;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Peers;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * A connection in a phase before HTTP: TLS handshake, ALPN, PROXY or protocol detection. The server can't answer it in
 * HTTP.
 *
 * <p>Only the time in which the server waits for the client counts against the client. If handshakes take all CPUs, each
 * takes seconds, and closing those that the server itself delays would waste what was computed for them. The client
 * would come back, and none would get through. A look finds out whose turn it is, and its answer holds for the time
 * since the last look.
 */
public final class Handshake extends GovernedConnection {
    private final Governor governor;
    private final EndPoint endPoint;
    private final long openedAt;
    /** When the server would have begun to wait if it had waited all the time. Written by the timer. */
    private volatile long since;
    /** When the timer looked last. Written by the timer. */
    private volatile long lookedAt;

    private final AtomicReference<CloseReason> closing = new AtomicReference<>();
    private boolean seenClosed;

    public Handshake(Governor governor, EndPoint endPoint) {
        this.governor = governor;
        this.endPoint = endPoint;
        openedAt = governor.now();
        since = openedAt;
        lookedAt = openedAt;
    }

    /**
     * Whether the server has to go on: it works on what has come, or has not read it yet. If it can't write, it reads
     * nothing more, and the client has to take what was written.
     */
    private boolean isServersTurn() {
        return !isWritePending() && Sockets.isServersTurn(endPoint);
    }

    private boolean isWritePending() {
        return endPoint instanceof AbstractEndPoint ep && ep.getWriteFlusher().isPending();
    }

    /** Counts the time since the last look to those who had the turn. Used by the timer only. Returns as above. */
    private boolean lookWhoseTurn(long now) {
        boolean servers = isServersTurn();
        if (servers) {
            since = sinceAtEnd(now);
        }
        lookedAt = now;
        return servers;
    }

    /** The nanoTime from which on the client has to be waited for, if it has done its part of this phase now. */
    public long sinceAtEnd(long now) {
        return since + Math.max(0, now - lookedAt);
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
        long timeout = timeout(pressure);
        return timeout == Decisions.NEVER ? openedAt + ConnectionDeadlines.RELOOK : openedAt + timeout;
    }

    /** How long the phase may take, in nanoseconds from the accept. */
    private long timeout(Pressure pressure) {
        Decisions decisions = governor.decisions();
        long waiting = decisions.timeout(ConnectionState.NEW, pressure.squeeze(), governor.idleTimeout(), 0);
        long all = decisions.handshake(0, governor.idleTimeout());
        return waiting == Decisions.NEVER ? all : Math.min(all, waiting + since - openedAt);
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
        lookWhoseTurn(now);
        long handshake = timeout(pressure);
        long stop = governor.stopTimeout(openedAt, now);
        long timeout = Math.min(handshake, stop);
        if (timeout == Decisions.NEVER) {
            return now + ConnectionDeadlines.RELOOK;
        }
        if (now - openedAt >= timeout) {
            boolean shortened = now - openedAt < timeout(Pressure.NONE);
            close(stop < handshake ? CloseReason.STOP : shortened ? CloseReason.SHORTENED : CloseReason.HANDSHAKE);
            return now + ConnectionDeadlines.RELOOK;
        }
        return openedAt + timeout;
    }

    /** The phase is over, and another connection has the endpoint. From now on this one closes nothing. */
    public void over() {
        closing.compareAndSet(null, CloseReason.OTHER_PROTOCOL);
    }

    private boolean close(CloseReason because) {
        if (!closing.compareAndSet(null, because)) {
            return false;
        }
        recount();
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

    /** Used by the timer only. */
    @Override
    public boolean isComing(long now) {
        if (lookWhoseTurn(now)) {
            return true;
        }
        Connection connection = endPoint.getConnection();
        return connection != null && Arrival.isComing(now - since, connection.getBytesIn());
    }

    @Override
    public Counters counters() {
        return governor.counters();
    }

    @Override
    public Protocol protocol() {
        return Protocol.NONE;
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
        return openedAt;
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
        return !isServersTurn() && close(CloseReason.EVICTED);
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
