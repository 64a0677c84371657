package org.strictkeepalive.internal.server;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.internal.time.DeadlineWheel;

/**
 * Relieves pressure from HIGH on: looks at connections and evicts, in rounds over all of them. A step of a round looks
 * at a bounded number of connections: first those accepted since the last step, then on from where that step ended. If
 * there are few connections, a step is a round.
 *
 * <p>Newcomers may go at each step. Reused connections may go at the end of a round, when it is known that no newcomer
 * is left. Used by one thread at a time.
 */
final class Relief {
    /** The time between two steps while the reserve is reached. Waiting for a tick would cost visitors seconds. */
    static final long INTERVAL = TimeUnit.MILLISECONDS.toNanos(10);
    /** The most connections that a step looks at, and the most that it evicts. */
    static final int MOST = 2048;
    /** The most at CRITICAL, where steps are 10 ms apart, if nothing could go in the last round. */
    static final int AT_LEISURE = 256;

    /** How long the idle connections must have been enough for the excess before deadlines of reused ones shrink. */
    private static final long SETTLED = TimeUnit.SECONDS.toNanos(1);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final Looks looks;

    private Eviction eviction;
    /** Whether the next step begins a round of the wheel. */
    private boolean roundBegins = true;
    /**
     * Whether the eviction has seen the round from its begin. If pressure has fallen and risen in the middle of one, the
     * first part is not known at its end, and a newcomer may be in it.
     */
    private boolean whole;

    private int lingering;
    private int evicted;
    private boolean gained = true;
    private boolean begun;
    private long relievableSince;
    private long highUntil;
    private int lingeringBefore;
    private Map<Object, Integer> surplusBefore = Map.of();
    private Verdict verdict = Verdict.NONE;

    Relief(DeadlineWheel<GovernedConnection> wheel, Looks looks) {
        this.wheel = wheel;
        this.looks = looks;
    }

    /** Pressure has fallen below HIGH. */
    void reset() {
        eviction = null;
        gained = true;
        verdict = Verdict.NONE;
    }

    /** Makes a step and returns what is known after it. */
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
            whole = roundBegins;
            lingering = 0;
            evicted = 0;
        }
        eviction.at(pressure.level());
        for (GovernedConnection connection : step.connections()) {
            if (!wheel.lookAgain(connection, looks.look(connection, tick))) {
                continue; // It has been closed.
            }
            if (connection.state() == ConnectionState.LINGERING) {
                lingering++;
                if (critical) {
                    looks.endQuietLinger(connection);
                }
            } else {
                eviction.consider(connection, now);
            }
        }
        roundBegins = step.last();
        if (step.last() && whole) {
            endRound(now, gauge.excess(pressure, lingering + evicted), critical);
        } else {
            int excess = gauge.excess(pressure, Math.max(lingeringBefore, lingering + evicted));
            evict(now, eviction.chooseNewcomers(Math.min(excess, MOST), surplusBefore));
            if (evicted > 0) {
                gained = true;
                verdict = verdict.moving();
            }
            if (step.last()) {
                eviction = null;
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
        // If the connections that have got their FIN are enough, reused ones don't have to go as well.
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
            if (looks.evict(candidate.connection(), candidate.since(), now)) {
                evicted++;
            }
        }
    }
}
