package org.strictkeepalive.testkit;

import java.net.SocketAddress;
import java.util.concurrent.Executor;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Tick;

/** A connection whose state is set by a test, and that remembers what was done to it. */
public class FakeConnection extends GovernedConnection {
    final String name;
    public ConnectionState state = ConnectionState.IDLE;
    public boolean reused;
    public long since;
    /** How long before that it was opened. */
    long usedFor;

    long lookAgain = Long.MAX_VALUE;
    public int looks;
    public int evictions;
    public int lingersEnded;
    public RuntimeException failure;
    public Object peer;
    public boolean coming;
    /** How quick its client is, null if its exchange doesn't wait for the client. */
    public ClientRate rate;

    /** How many threads its exchange blocks, and of what pool. */
    public int blocked;

    public Executor executor;

    public int exchangesEnded;
    /** Where it is counted. */
    public Counters counters = new Counters();

    Decisions decisions = new Decisions(KeepAlivePolicy.defaults());

    public FakeConnection(String name) {
        this.name = name;
    }

    public FakeConnection(String name, ConnectionState state, boolean reused, long since) {
        this(name);
        this.state = state;
        this.reused = reused;
        this.since = since;
    }

    @Override
    public long look(Tick tick) {
        looks++;
        if (failure != null) {
            throw failure;
        }
        return lookAgain == Long.MAX_VALUE ? tick.now() + 60_000_000_000L : lookAgain;
    }

    @Override
    public boolean isOf(Object governor) {
        return true;
    }

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    public Decisions decisions() {
        return decisions;
    }

    @Override
    public ConnectionState state() {
        return state;
    }

    @Override
    public boolean isReused() {
        return reused;
    }

    @Override
    public boolean isComing(long now) {
        return coming;
    }

    @Override
    public long requests() {
        return reused ? 2 : 1;
    }

    @Override
    public long since() {
        return since;
    }

    @Override
    public long openedAt() {
        return since - usedFor;
    }

    @Override
    public SocketAddress remoteAddress() {
        return null;
    }

    @Override
    public Object peer() {
        return peer;
    }

    @Override
    public boolean evict(long asOf, long now) {
        evictions++;
        state = ConnectionState.LINGERING;
        return true;
    }

    @Override
    public int blockedThreads() {
        return blocked;
    }

    @Override
    public Executor executor() {
        return executor;
    }

    @Override
    public ClientRate clientRate() {
        return rate;
    }

    @Override
    public boolean endAsSlowest() {
        exchangesEnded++;
        rate = null;
        return true;
    }

    @Override
    public void endQuietLinger() {
        lingersEnded++;
    }

    @Override
    public void act(int what) {}

    @Override
    public String toString() {
        return name;
    }
}
