package org.strictkeepalive.internal.server;

import java.util.concurrent.TimeUnit;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.Threads;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.time.DeadlineWheel;

/**
 * Ends the slowest of the exchanges that block a thread while they wait for their client, where tasks of others wait for
 * a thread. {@code minDataRate} alone would let clients that are a little quicker hold all threads. Used by one thread at
 * a time.
 */
final class ThreadRelief {
    /** The time between two steps is this, times the connections: a step must not take the CPU. */
    private static final long CONSIDERED_EACH = TimeUnit.MICROSECONDS.toNanos(40);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final Looks looks;
    private final Slowest slowest = new Slowest();
    private boolean begun;
    private long steppedAt;

    ThreadRelief(DeadlineWheel<GovernedConnection> wheel, Looks looks) {
        this.wheel = wheel;
        this.looks = looks;
    }

    /** Ends as many exchanges as are needed, unless the last step was a moment ago. */
    void step(Tick tick, long interval) {
        long now = tick.now();
        Threads threads = tick.pressure().threads();
        boolean isSoon = begun && now - steppedAt < Math.max(interval, wheel.size() * CONSIDERED_EACH);
        if (threads.level() != PressureLevel.CRITICAL || isSoon) {
            return;
        }
        begun = true;
        steppedAt = now;
        Tick onExchanges = new Tick(now, tick.onExchanges(false));
        slowest.begin(now);
        for (GovernedConnection connection : wheel.list()) {
            if (connection.blockedThreads() > 0) {
                slowest.consider(connection, onExchanges);
            }
        }
        for (GovernedConnection connection : slowest.choose(Math.max(threads.excess() - slowest.going(), 0))) {
            if (looks.endAsSlowest(connection)) {
                slowest.onEnded(connection, now);
            }
        }
    }
}
