package org.strictkeepalive.internal.server;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.internal.time.DeadlineWheel;

/**
 * Relieves pressure that is HIGH or above: looks at the connections and evicts, in rounds. A step of a round costs a
 * bounded time whatever the number of connections: those accepted since the last step come first, then it goes on where
 * the last one ended. Where they are few a step is a round.
 *
 * <p>Newcomers may go at each step, reused ones at the end of a round, when it is known that no newcomer is left. Used by
 * one thread at a time.
 */
final class Relief {
    /** The connections that a step looks at, and evicts, at most. */
    static final int MOST = 2048;
    /** So many at CRITICAL, where steps are 10 ms apart, if the last round found nobody who could go. */
    static final int AT_LEISURE = 256;

    /** What looks at a connection, and answers when to look again. */
    @FunctionalInterface
    interface Look {
        long look(GovernedConnection connection, Tick tick);
    }

    /** How long giving up what is idle must have been enough before deadlines of reused connections shrink. */
    private static final long SETTLED = TimeUnit.SECONDS.toNanos(1);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final Look look;
    private final Consumer<GovernedConnection> endQuietLinger;
    private final BiPredicate<Eviction.Candidate, Long> evict;

    private Eviction eviction;
    private int lingering;
    private int evicted;
    private boolean gained = true;
    private boolean begun;
    private long relievableSince;
    private long highUntil;
    private int lingeringBefore;
    private Map<Object, Integer> surplusBefore = Map.of();
    private Verdict verdict = Verdict.NONE;

    /**
     * Makes one.
     *
     * @param look looks at a connection and doesn't throw
     * @param endQuietLinger ends the linger of one whose client has sent nothing more, and doesn't throw
     * @param evict evicts one at a nanoTime, tells whether it did, and doesn't throw
     */
    Relief(
            DeadlineWheel<GovernedConnection> wheel,
            Look look,
            Consumer<GovernedConnection> endQuietLinger,
            BiPredicate<Eviction.Candidate, Long> evict) {
        this.wheel = wheel;
        this.look = look;
        this.endQuietLinger = endQuietLinger;
        this.evict = evict;
    }

    /** Loads now what is needed then: with no descriptor free, a class of an exploded directory can't be loaded. */
    static void rehearse(long now, PressureGauge gauge) {
        new Relief(new DeadlineWheel<>(now), (connection, tick) -> now, connection -> {}, (candidate, at) -> false)
                .step(new Tick(now, Pressure.NONE), gauge);
    }

    /** Pressure has fallen below HIGH. */
    void reset() {
        eviction = null;
        gained = true;
        verdict = Verdict.NONE;
    }

    /** Makes a step and returns what is known then. */
    Verdict step(Tick tick, PressureGauge gauge) {
        long now = tick.now();
        Pressure pressure = tick.pressure();
        boolean critical = pressure.level() == PressureLevel.CRITICAL;
        DeadlineWheel.Step<GovernedConnection> step = wheel.step(critical && !gained ? AT_LEISURE : MOST);
        if (!begun || now - highUntil > SETTLED) {
            begun = true;
            relievableSince = now;
        }
        highUntil = now;
        if (eviction == null) {
            eviction = new Eviction(gauge.policy().getFairShare(), pressure.level());
            lingering = 0;
            evicted = 0;
        }
        eviction.at(pressure.level());
        List<GovernedConnection> connections = step.connections();
        connections.removeIf(connection -> !wheel.lookAgain(connection, look.look(connection, tick)));
        for (GovernedConnection connection : connections) {
            if (connection.state() == ConnectionState.LINGERING) {
                lingering++;
                if (critical) {
                    endQuietLinger.accept(connection);
                }
            } else {
                eviction.consider(connection, now);
            }
        }
        if (step.last()) {
            endRound(now, gauge.excess(pressure, lingering + evicted), critical);
        } else {
            int excess = gauge.excess(pressure, Math.max(lingeringBefore, lingering + evicted));
            evict(now, eviction.chooseNewcomers(Math.min(excess, MOST), surplusBefore));
            if (evicted > 0) {
                gained = true;
                verdict = verdict.moving();
            }
        }
        return verdict;
    }

    private void endRound(long now, int excess, boolean critical) {
        List<Eviction.Candidate> chosen = eviction.choose(Math.min(excess, MOST), excess);
        evict(now, chosen);
        gained = evicted > 0 || lingering > 0;
        lingeringBefore = lingering;
        surplusBefore = eviction.surplus();
        // Where those that have got their FIN are enough, nobody who uses a connection has to give it up as well.
        boolean gone = eviction.isRelievable() && !eviction.hasNewcomersLeft() && chosen.size() < excess;
        if (!eviction.isRelievable()) {
            relievableSince = now;
        }
        verdict = new Verdict(
                gone,
                excess > 0 && eviction.isRelievable() && now - relievableSince >= SETTLED,
                critical && !gained,
                eviction.isSurplusEnough() ? Set.copyOf(surplusBefore.keySet()) : Set.of());
        eviction = null;
    }

    private void evict(long now, List<Eviction.Candidate> chosen) {
        for (Eviction.Candidate candidate : chosen) {
            if (evict.test(candidate, now)) {
                evicted++;
            }
        }
    }
}
