package org.strictkeepalive.internal.server;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.FairShare;

/**
 * Chooses which idle connections are closed under pressure. Pure, except that it reads the connections' state.
 *
 * <p>The order is that of a segmented LRU. Never-reused connections go first, oldest progress first. At CRITICAL, where
 * they have no grace, those just accepted go last among them. Reused connections go only after all of these. So a flood
 * of newcomers that take one answer and stay can't push out the clients that keep-alive is for.
 *
 * <p>If fewer connections are idle than have to go, busy ones hold the room. Giving up the reused ones would not get it
 * back, so they stay.
 *
 * <p>If one peer holds more than its fair share of the idle connections, its surplus goes before the connections of all
 * others, in the same order. If all are from one peer, a proxy, this makes no difference.
 */
final class Eviction {
    /**
     * A connection that may go. {@code since} is the time of its last progress when it was chosen. If it is {@code
     * arriving}, its first request may be on its way, so those that have had their answer go before it.
     */
    record Candidate(GovernedConnection connection, Object peer, long idle, long since, boolean arriving)
            implements Comparable<Candidate> {
        /** Whether it may go at that level and time. */
        boolean mayGo(PressureLevel level, long now) {
            return !connection.isComing(now)
                    && connection.decisions().isEvictable(connection.isReused(), now - since, level);
        }

        /**
         * Arriving ones last, and else the longest idle first: by the difference, as nanoTime may wrap, and not by the
         * idle time, since they are not all considered at once.
         */
        @Override
        public int compareTo(Candidate that) {
            return arriving == that.arriving ? Long.signum(since - that.since) : arriving ? 1 : -1;
        }
    }

    private final List<Candidate> newcomers = new ArrayList<>();
    private final List<Candidate> reused = new ArrayList<>();
    private final FairShare fairShare;
    /** The peers with a newcomer that may not go yet. */
    private final Set<Object> waitedFor = new HashSet<>();

    private PressureLevel level;
    private boolean newcomersLeft;
    /** The idle connections, without those just accepted, which may be busy in a moment. */
    private int idle;

    private boolean relievable = true;
    private boolean surplusEnough;

    /**
     * Creates the choice of one round.
     *
     * @param others how many connections each peer has that are not governed, and count in its share
     */
    Eviction(double fairShare, Map<Object, Integer> others, PressureLevel level) {
        this.level = level;
        this.fairShare = new FairShare(fairShare, others);
    }

    /** Sets the level that holds from now on. */
    void at(PressureLevel now) {
        level = now;
    }

    /** Considers a connection. */
    void consider(GovernedConnection connection, long now) {
        long since = connection.since();
        ConnectionState state = connection.state();
        if (state == ConnectionState.BUSY || state == ConnectionState.LINGERING || connection.isComing(now)) {
            return;
        }
        boolean isReused = connection.isReused();
        boolean arriving = !isReused && state == ConnectionState.NEW && now - since < Decisions.NEWCOMER_GRACE;
        if (!arriving) {
            idle++;
        }
        Object peer = fairShare.isOn() ? connection.peer() : null;
        fairShare.add(peer);
        Candidate candidate = new Candidate(connection, peer, now - since, since, arriving);
        if (connection.decisions().isEvictable(isReused, candidate.idle, level)) {
            (isReused ? reused : newcomers).add(candidate);
            if (reused.size() > 2 * Relief.MOST) {
                // No more can go in one round.
                reused.sort(null);
                reused.subList(Relief.MOST, reused.size()).clear();
            }
        } else if (!isReused) {
            newcomersLeft = true;
            waitedFor.add(peer);
        }
    }

    /**
     * Returns the connections to evict, in order, when all were considered.
     *
     * @param excess how many have to go
     */
    List<Candidate> choose(int excess) {
        return choose(excess, excess);
    }

    /**
     * Returns the connections to evict, in order, when all were considered.
     *
     * @param most how many may go now
     * @param excess how many have to go in all
     */
    List<Candidate> choose(int most, int excess) {
        relievable = idle >= excess;
        newcomers.sort(null);
        reused.sort(null);
        List<Candidate> chosen = new ArrayList<>();
        Map<Object, Integer> surplus = surplus();
        surplusEnough = sum(surplus) >= excess;
        if (!surplus.isEmpty()) {
            moveSurplus(newcomers, chosen, most, surplus);
            surplus.keySet().removeAll(waitedFor);
            if (relievable) {
                moveSurplus(reused, chosen, most, surplus);
            }
        }
        move(newcomers, chosen, most);
        newcomersLeft |= !newcomers.isEmpty();
        if (relievable && !newcomersLeft) {
            move(reused, chosen, most);
        }
        return chosen;
    }

    /**
     * Returns newcomers to evict, in order, when not all connections were considered yet. It chooses among those that
     * were considered since the last call; the others have to wait for the next round.
     *
     * @param excess how many have to go
     * @param surplus what peers held beyond their fair share in the last round
     */
    List<Candidate> chooseNewcomers(int excess, Map<Object, Integer> surplus) {
        newcomers.sort(null);
        List<Candidate> chosen = new ArrayList<>();
        if (!surplus.isEmpty()) {
            moveSurplus(newcomers, chosen, excess, new HashMap<>(surplus));
        }
        move(newcomers, chosen, excess);
        newcomersLeft |= !newcomers.isEmpty();
        newcomers.clear();
        return chosen;
    }

    private static int sum(Map<Object, Integer> counts) {
        int sum = 0;
        for (int count : counts.values()) {
            sum += count;
        }
        return sum;
    }

    /** Moves the first ones, until {@code most} are chosen. */
    private static void move(List<Candidate> from, List<Candidate> chosen, int most) {
        List<Candidate> first = from.subList(0, Math.min(from.size(), Math.max(most - chosen.size(), 0)));
        chosen.addAll(first);
        first.clear();
    }

    /** Moves the first ones of each peer that are its surplus, until {@code most} are chosen. Takes them off the surplus. */
    private static void moveSurplus(
            List<Candidate> from, List<Candidate> chosen, int most, Map<Object, Integer> surplus) {
        from.removeIf(candidate -> chosen.size() < most
                && candidate.peer != null
                && surplus.merge(candidate.peer, -1, Integer::sum) >= 0
                && chosen.add(candidate));
    }

    /** How many of the connections considered each peer holds beyond its fair share. */
    Map<Object, Integer> surplus() {
        return fairShare.surplus();
    }

    /** After {@link #choose}: whether a never-reused connection is left to evict, now or when its grace is over. */
    boolean hasNewcomersLeft() {
        return newcomersLeft;
    }

    /** After {@link #choose}: whether the idle connections are enough for what has to go. */
    boolean isRelievable() {
        return relievable;
    }

    /** After {@link #choose}: whether what greedy peers hold beyond their share is enough for what has to go. */
    boolean isSurplusEnough() {
        return surplusEnough;
    }
}
