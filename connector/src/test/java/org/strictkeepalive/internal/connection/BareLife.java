package org.strictkeepalive.internal.connection;

import java.net.SocketAddress;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Tick;

/** A life that does nothing by itself. */
public final class BareLife extends ConnectionLife {
    @Override
    public long look(Tick tick) {
        return tick.now();
    }

    @Override
    public boolean isOf(Object governor) {
        return false;
    }

    /** Where it is counted. */
    final Counters counters = new Counters();

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    ConnectionState phase() {
        return ConnectionState.IDLE;
    }

    @Override
    public Decisions decisions() {
        return null;
    }

    @Override
    public ConnectionState state() {
        return ConnectionState.BUSY;
    }

    @Override
    public boolean isReused() {
        return false;
    }

    @Override
    public long requests() {
        return 0;
    }

    @Override
    public long since() {
        return 0;
    }

    @Override
    public long openedAt() {
        return 0;
    }

    @Override
    public SocketAddress remoteAddress() {
        return null;
    }

    @Override
    public boolean evict(long since, long now) {
        return false;
    }

    @Override
    public void endQuietLinger() {}

    @Override
    public void act(int what) {}
}
