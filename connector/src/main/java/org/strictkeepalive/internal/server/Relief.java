package org.strictkeepalive.internal.server;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
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
import org.strictkeepalive.internal.time.Slice;

/**
 * Relieves pressure from HIGH on: looks at connections and evicts, in rounds over all of them. A step of a round looks
 * at a bounded number of connections: first those accepted since the last step, then on from where that step ended. If
 * there are few connections, a step is a round.
 *
 * <p>What a step has chosen is closed in slices. The next step has to wait for the last one.
 *
 * <p>Newcomers may go at each step. Reused connections may go at the end of a round, when it is known that no newcomer
 * is left. The slowest exchanges may end then too, if nothing else is left. Used by one thread at a time.
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

    /** No more than this part of all goes beyond what is missing. */
    private static final int COMING_PART = 4;

    private final DeadlineWheel<GovernedConnection> wheel;
    private final Ungoverned ungoverned;
    private final Looks looks;
    private final Slice slice;

    // ---- A step, which takes several slices
    /** Those that it has still to look at. */
    private final Deque<GovernedConnection> unseen = new ArrayDeque<>();
    /** Those that it has found lingering. */
    private final Deque<GovernedConnection> quiet = new ArrayDeque<>();
    /** Those to evict, in order. */
    private final Deque<Eviction.Candidate> chosen = new ArrayDeque<>();
    /** Those whose exchange has to end, in order. */
    private final Deque<GovernedConnection> slow = new ArrayDeque<>();

    private boolean unfinished;
    private boolean hasChosen;
    /** Whether the step ends a round that was seen from its begin. */
    private boolean endsRound;

    private int excess;
    private boolean enough;

    // ---- A round
    private Eviction eviction;
    /** Whether the next step begins a round of the wheel. */
    private boolean roundBegins = true;
    /**
     * Whether the eviction has seen the round from its begin. If pressure has fallen and risen in the middle of one, the
     * first part is not known at its end, and a newcomer may be in it.
     */
    private boolean whole;

    private int lingering;
    /** Those of the lingering ones whose exchange was ended for being the slowest. */
    private int leaving;

    private int evicted;

    private final Slowest slowest = new Slowest();
    private int ended;
    private boolean full;
    /** How many connections had been accepted when the slowest were chosen last, negative if they were not yet. */
    private long acceptedBefore = -1;

    // ---- What is known
    private boolean gained = true;
    private boolean begun;
    private long relievableSince;
    private long highUntil;
    /** When the last step began. */
    private long steppedAt;

    private int lingeringBefore;
    private Map<Object, Integer> surplusBefore = Map.of();
    private Verdict verdict = Verdict.NONE;

    /**
     * Creates the relief of a server.
     *
     * @param ungoverned the connections that are not governed, which count in the fair share of their peers
     * @param slice how long a tick may go on
     */
    Relief(DeadlineWheel<GovernedConnection> wheel, Ungoverned ungoverned, Looks looks, Slice slice) {
        this.wheel = wheel;
        this.ungoverned = ungoverned;
        this.looks = looks;
        this.slice = slice;
    }

    /** Pressure has fallen below HIGH. */
    void reset() {
        unseen.clear();
        quiet.clear();
        chosen.clear();
        slow.clear();
        slowest.clear();
        unfinished = false;
        eviction = null;
        gained = true;
        full = false;
        acceptedBefore = -1;
        verdict = Verdict.NONE;
    }

    /** Whether the last slice has left something of its step. */
    boolean isUnfinished() {
        return unfinished;
    }

    /** Whether a step may begin, or is unfinished. */
    boolean isDue(long now) {
        return unfinished || !begun || now - steppedAt >= INTERVAL;
    }

    /**
     * Makes a step, or goes on with the last one, until the slice is over. Returns what is known after it.
     *
     * @param visitors whether visitors have come, so that exchanges may be ended for them
     */
    Verdict step(Tick tick, PressureGauge gauge, boolean visitors) {
        if (unfinished) {
            eviction.at(tick.pressure().level());
            // The pressure may have fallen meanwhile.
            int most = gauge.excess(tick.pressure(), evicted);
            while (chosen.size() > most) {
                chosen.removeLast();
            }
            if (tick.pressure().level() != PressureLevel.CRITICAL) {
                quiet.clear();
                slow.clear();
            }
        } else {
            begin(tick, gauge);
        }
        boolean more = true;
        while (more) {
            boolean closes = unseen.isEmpty() && hasChosen;
            more = goOn(tick, gauge, visitors) && !(isAnyLeft() && slice.isOver(closes));
        }
        highUntil = tick.now();
        return verdict;
    }

    private void begin(Tick tick, PressureGauge gauge) {
        long now = tick.now();
        PressureLevel level = tick.pressure().level();
        DeadlineWheel.Step<GovernedConnection> step =
                wheel.step(level == PressureLevel.CRITICAL && !gained ? AT_LEISURE : MOST);
        if (!begun || now - highUntil > SETTLED) {
            begun = true;
            relievableSince = now;
        }
        steppedAt = now;
        if (eviction == null) {
            eviction = new Eviction(gauge.policy().getFairShare(), ungoverned.byPeer(), level);
            whole = roundBegins;
            lingering = 0;
            leaving = 0;
            evicted = 0;
            ended = 0;
            slowest.begin(now);
        }
        eviction.at(level);
        unseen.addAll(step.connections());
        roundBegins = step.last();
        endsRound = step.last() && whole;
        hasChosen = false;
        unfinished = true;
    }

    private boolean isAnyLeft() {
        return !hasChosen || !quiet.isEmpty() || !chosen.isEmpty() || !slow.isEmpty();
    }

    /** Does the next thing of a step. Returns false if that was the last one. */
    private boolean goOn(Tick tick, PressureGauge gauge, boolean visitors) {
        if (!unseen.isEmpty()) {
            see(unseen.remove(), tick);
        } else if (!hasChosen) {
            hasChosen = true;
            choose(tick, gauge);
            if (endsRound) {
                chooseSlowest(tick, gauge, visitors);
            }
        } else if (!quiet.isEmpty()) {
            looks.endQuietLinger(quiet.remove());
        } else if (!chosen.isEmpty()) {
            evict(chosen.remove(), tick);
        } else if (!slow.isEmpty()) {
            endExchange(slow.remove(), tick.now());
        } else {
            end(tick);
            return false;
        }
        return true;
    }

    private void see(GovernedConnection connection, Tick tick) {
        if (!wheel.lookAgain(connection, looks.look(connection, tick))) {
            return;
        }
        if (connection.state() == ConnectionState.LINGERING) {
            lingering++;
            leaving += slowest.hasEnded(connection) ? 1 : 0;
            if (tick.pressure().level() == PressureLevel.CRITICAL) {
                quiet.add(connection);
            }
        } else {
            eviction.consider(connection, tick.now());
            slowest.consider(connection, tick); // At HIGH as well: the level may rise before the round ends.
        }
    }

    private void choose(Tick tick, PressureGauge gauge) {
        int going = lingering + evicted;
        excess = gauge.excess(tick.pressure(), endsRound ? going : Math.max(lingeringBefore, going));
        int most = Math.min(excess, MOST);
        chosen.addAll(endsRound ? eviction.choose(most, excess) : eviction.chooseNewcomers(most, surplusBefore));
        enough = chosen.size() >= excess;
    }

    /**
     * If what is idle is not enough for visitors, the slowest exchanges have to end. Those who have just come and have
     * said nothing yet may be visitors, so they stay if others go in their place, or if they will be refused.
     */
    private void chooseSlowest(Tick tick, PressureGauge gauge, boolean visitors) {
        int idle =
                (int) chosen.stream().filter(candidate -> !candidate.arriving()).count();
        int going = slowest.going() + idle;
        int missing = gauge.shortage(tick.pressure(), lingering + evicted + going);
        int come = come(tick.pressure());
        // Those who were refused and come again are no reason to end more.
        int shortage = missing == 0 || (full && gauge.policy().isRefuseWhenFull()) ? missing : missing + come;
        List<GovernedConnection> found = slowest.choose(Math.min(shortage, MOST), missing);
        int enough = found.size() + slowest.unjudged();
        boolean relieves = eviction.isRelievable() && (!chosen.isEmpty() || lingering + evicted > 0);
        // Those who were refused linger, and give back the reserve only. Who has just come will not go for them. So the
        // room stays full until something else goes.
        full = !relieves && (full ? gauge.shortage(tick.pressure(), going + leaving) > found.size() : missing > enough);
        if (visitors) {
            slow.addAll(found);
        }
        spareArriving(full && gauge.policy().isRefuseWhenFull() ? chosen.size() : visitors ? enough : 0);
    }

    /**
     * How many go besides those that are missing. Those who wait to be accepted can't be counted. So it is as many as
     * have come since the last time, up to a part of all: where a crowd comes back at once, visitors wait behind it.
     */
    private int come(Pressure pressure) {
        long come = acceptedBefore < 0 ? 0 : pressure.accepted() - acceptedBefore;
        acceptedBefore = pressure.accepted();
        return (int) Math.max(0, Math.min(come, pressure.open() / COMING_PART));
    }

    /** Takes so many of those who have just come off the chosen ones, the last first. */
    private void spareArriving(int most) {
        int left = most;
        for (Iterator<Eviction.Candidate> i = chosen.descendingIterator(); left > 0 && i.hasNext(); ) {
            if (i.next().arriving()) {
                i.remove();
                left--;
            }
        }
    }

    private void endExchange(GovernedConnection connection, long now) {
        if (looks.endAsSlowest(connection)) {
            slowest.onEnded(connection, now);
            ended++;
            gained = true;
            verdict = verdict.moving();
        }
    }

    private void evict(Eviction.Candidate candidate, Tick tick) {
        long now = tick.now();
        // Since it was chosen, its handshake may have gone on, or the level may have fallen.
        if (candidate.mayGo(tick.pressure().level(), now)
                && looks.evict(candidate.connection(), candidate.since(), now)) {
            evicted++;
            gained = true;
            verdict = verdict.moving();
        }
    }

    private void end(Tick tick) {
        unfinished = false;
        if (endsRound) {
            endRound(tick);
        }
        if (roundBegins) {
            eviction = null;
        }
    }

    private void endRound(Tick tick) {
        gained = evicted > 0 || lingering > 0 || slowest.going() > 0 || ended > 0;
        lingeringBefore = lingering;
        surplusBefore = eviction.surplus();
        // If the connections that have got their FIN are enough, reused ones don't have to go as well.
        boolean gone = eviction.isRelievable() && !eviction.hasNewcomersLeft() && !enough;
        if (!eviction.isRelievable()) {
            relievableSince = tick.now();
        }
        verdict = new Verdict(
                gone,
                excess > 0 && eviction.isRelievable() && tick.now() - relievableSince >= SETTLED,
                tick.pressure().level() == PressureLevel.CRITICAL && !gained,
                full,
                eviction.isSurplusEnough() ? Set.copyOf(surplusBefore.keySet()) : Set.of());
    }
}
