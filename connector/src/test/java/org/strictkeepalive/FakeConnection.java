package org.strictkeepalive;

import java.net.SocketAddress;

/** A connection whose state is set by a test, and that remembers what was done to it. */
class FakeConnection extends GovernedConnection {
    final String name;
    ConnectionState state = ConnectionState.IDLE;
    boolean reused;
    long since;
    /** How long before that it was opened. */
    long usedFor;

    long lookAgain = Long.MAX_VALUE;
    int looks;
    int evictions;
    int lingersEnded;
    RuntimeException failure;
    Object peer;
    boolean coming;
    Decisions decisions = new Decisions(KeepAlivePolicy.defaults());

    FakeConnection(String name) {
        this.name = name;
    }

    FakeConnection(String name, ConnectionState state, boolean reused, long since) {
        this(name);
        this.state = state;
        this.reused = reused;
        this.since = since;
    }

    @Override
    long look(Tick tick) {
        looks++;
        if (failure != null) {
            throw failure;
        }
        return lookAgain == Long.MAX_VALUE ? tick.now() + 60_000_000_000L : lookAgain;
    }

    @Override
    boolean isOf(Object governor) {
        return true;
    }

    @Override
    Decisions decisions() {
        return decisions;
    }

    @Override
    ConnectionState state() {
        return state;
    }

    @Override
    boolean isReused() {
        return reused;
    }

    @Override
    boolean isComing(long now) {
        return coming;
    }

    @Override
    long requests() {
        return reused ? 2 : 1;
    }

    @Override
    long since() {
        return since;
    }

    @Override
    long openedAt() {
        return since - usedFor;
    }

    @Override
    SocketAddress remoteAddress() {
        return null;
    }

    @Override
    Object peer() {
        return peer;
    }

    @Override
    boolean evict(long asOf, long now) {
        evictions++;
        state = ConnectionState.LINGERING;
        return true;
    }

    @Override
    void endQuietLinger() {
        lingersEnded++;
    }

    @Override
    void act(int what) {}

    @Override
    public String toString() {
        return name;
    }
}
