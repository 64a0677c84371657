package org.strictkeepalive;

import java.net.SocketAddress;

/** A life that does nothing by itself. */
public final class BareLife extends ConnectionLife {
    @Override
    long look(Tick tick) {
        return tick.now();
    }

    @Override
    boolean isOf(Object governor) {
        return false;
    }

    @Override
    Decisions decisions() {
        return null;
    }

    @Override
    ConnectionState state() {
        return ConnectionState.BUSY;
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
        return 0;
    }

    @Override
    long openedAt() {
        return 0;
    }

    @Override
    SocketAddress remoteAddress() {
        return null;
    }

    @Override
    boolean evict(long since, long now) {
        return false;
    }

    @Override
    void endQuietLinger() {}

    @Override
    void act(int what) {}
}
