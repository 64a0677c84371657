package org.strictkeepalive.internal.server;

import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
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

    /**
     * Ends as many exchanges as are needed, unless the last step was a moment ago.
     *
     * @param held how far each pool is held. Only those end that hold threads of the same pool
     */
    void step(Tick tick, long interval, Map<? extends Executor, Threads> held) {
        boolean critical = held.values().stream().anyMatch(threads -> threads.level() == PressureLevel.CRITICAL);
        if (!critical) {
            slowest.clear();
        } else if (!begun || tick.now() - steppedAt >= Math.max(interval, wheel.size() * CONSIDERED_EACH)) {
            begun = true;
            steppedAt = tick.now();
            List<GovernedConnection> all = wheel.list();
            held.forEach((pool, threads) -> {
                if (threads.level() == PressureLevel.CRITICAL) {
                    step(tick, pool, threads.excess(), all);
                }
            });
        }
    }

    private void step(Tick tick, Executor pool, int excess, List<GovernedConnection> all) {
        Tick onExchanges = new Tick(tick.now(), tick.onExchanges(false));
        slowest.begin(tick.now());
        for (GovernedConnection connection : all) {
            if (connection.blockedThreads() > 0 && connection.executor() == pool) {
                slowest.consider(connection, onExchanges);
            }
        }
        for (GovernedConnection connection : slowest.choose(Math.max(excess - slowest.going(), 0))) {
            if (looks.endAsSlowest(connection)) {
                slowest.onEnded(connection, tick.now());
            }
        }
    }
}
