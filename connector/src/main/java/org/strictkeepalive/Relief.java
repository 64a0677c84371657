package org.strictkeepalive;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiPredicate;
import java.util.function.Consumer;

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

    /**
     * What the last round has found.
     *
     * @param newcomersGone whether nothing never-reused is left to evict, so that reused connections have to go too
     * @param squeezing whether deadlines of reused connections shrink: where giving up all that is idle has been enough
     *     for a while. Else a reused connection is worth more than what its descriptor gains. When a crowd has just come,
     *     what looks idle may be busy in a moment
     * @param stuck whether nothing could go and nothing was about to
     * @param greedy the peers with more than their fair share, empty also where that doesn't cover what has to go
     */
    record Verdict(boolean newcomersGone, boolean squeezing, boolean stuck, Set<Object> greedy) {
        /** Nothing is known yet, so no reused connection has to go and something else may. */
        static final Verdict NONE = new Verdict(false, false, false, Set.of());

        /** Whether the pressure is the doing of greedy peers, and this connection is from another one, that is known. */
        boolean spares(Tracked connection) {
            if (greedy.isEmpty()) {
                return false;
            }
            Object peer = connection.peer();
            return peer != null && !greedy.contains(peer);
        }

        /**
         * Whether a connection keeps its timeouts under pressure that is others' doing: one that is in use does. Two
         * requests at once and then silence are not enough. Else an attacker with many addresses would make one of them
         * greedy, so that the connections of all the others stay.
         */
        boolean keepsTimeouts(Tracked connection) {
            return connection.isReused() && connection.since() - connection.openedAt() >= IN_USE && spares(connection);
        }

        /** How far the timeouts of a connection shrink, from 0 to 1. */
        double squeeze(Tracked connection, Pressure pressure) {
            boolean waits = pressure.level().isAtLeast(PressureLevel.HIGH) && connection.isReused() && !squeezing;
            return waits || keepsTimeouts(connection) ? 0 : pressure.squeeze();
        }

        private Verdict moving() {
            return stuck ? new Verdict(newcomersGone, squeezing, false, greedy) : this;
        }
    }

    /** What looks at a connection, and answers when to look again. */
    @FunctionalInterface
    interface Look {
        long look(Tracked connection, long now, Pressure pressure);
    }

    /** How long giving up what is idle must have been enough before deadlines of reused connections shrink. */
    private static final long SETTLED = TimeUnit.SECONDS.toNanos(1);
    /** How long after its accept a connection must still have been used for its time to be left to it. */
    static final long IN_USE = TimeUnit.SECONDS.toNanos(1);

    private final DeadlineWheel wheel;
    private final Look look;
    private final Consumer<Tracked> endQuietLinger;
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
            DeadlineWheel wheel,
            Look look,
            Consumer<Tracked> endQuietLinger,
            BiPredicate<Eviction.Candidate, Long> evict) {
        this.wheel = wheel;
        this.look = look;
        this.endQuietLinger = endQuietLinger;
        this.evict = evict;
    }

    /** Pressure has fallen below HIGH. */
    void reset() {
        eviction = null;
        gained = true;
        verdict = Verdict.NONE;
    }

    /** Makes a step and returns what is known then. */
    Verdict step(long now, Pressure pressure, KeepAlivePolicy policy, PressureGauge gauge) {
        boolean critical = pressure.level() == PressureLevel.CRITICAL;
        DeadlineWheel.Step step = wheel.step(critical && !gained ? AT_LEISURE : MOST);
        if (!begun || now - highUntil > SETTLED) {
            begun = true;
            relievableSince = now;
        }
        highUntil = now;
        if (eviction == null) {
            eviction = new Eviction(policy, pressure);
            lingering = 0;
            evicted = 0;
        }
        eviction.at(pressure.level());
        List<Tracked> connections = step.connections();
        connections.removeIf(connection -> !wheel.lookAgain(connection, look.look(connection, now, pressure)));
        for (Tracked connection : connections) {
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
