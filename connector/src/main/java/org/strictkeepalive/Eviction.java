package org.strictkeepalive;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Chooses which idle connections go under pressure. Pure but for the connections' own state.
 *
 * <p>The order is that of a segmented LRU, so that a flood of newcomers that take one answer and sit there can't push
 * out the clients that keep-alive is for: first those never reused, oldest progress first (at CRITICAL, where they have
 * no grace, those just accepted last), and only then the reused.
 *
 * <p>Where one peer holds more than its fair share of the idle connections, what it holds beyond that goes before those
 * of all others, in the same order. So where all are from one peer, a proxy, it makes no difference.
 */
final class Eviction {
    /**
     * A connection that may go, with its peer, if that matters, the time of its last progress as it was when chosen, and
     * whether it has just arrived: its first request may be on its way, so those that have had their answer go before it.
     */
    record Candidate(Tracked connection, Object peer, long idle, long since, boolean arriving) {}

    private final KeepAlivePolicy policy;
    private final Pressure pressure;
    private final List<Candidate> newcomers = new ArrayList<>();
    private final List<Candidate> reused = new ArrayList<>();
    private final FairShare fairShare;
    /** The peers with a newcomer that may not go yet. */
    private final Set<Object> waitedFor = new HashSet<>();

    private boolean newcomersLeft;

    Eviction(KeepAlivePolicy policy, Pressure pressure) {
        this.policy = policy;
        this.pressure = pressure;
        fairShare = new FairShare(policy.getFairShare());
    }

    /** Considers a connection. */
    void consider(Tracked connection, long now) {
        long since = connection.since();
        ConnectionState state = connection.state();
        if (state == ConnectionState.BUSY || state == ConnectionState.LINGERING) {
            return;
        }
        boolean isReused = connection.isReused();
        boolean arriving = state == ConnectionState.NEW && now - since < KeepAlivePolicy.NEWCOMER_GRACE;
        Object peer = fairShare.isOn() ? connection.peer() : null;
        fairShare.add(peer);
        Candidate candidate = new Candidate(connection, peer, now - since, since, arriving);
        if (policy.isEvictable(isReused, candidate.idle, pressure.level())) {
            (isReused ? reused : newcomers).add(candidate);
        } else if (!isReused) {
            newcomersLeft = true;
            waitedFor.add(peer);
        }
    }

    /**
     * Returns the connections to evict, in order.
     *
     * @param excess how many have to go
     */
    List<Candidate> choose(int excess) {
        Comparator<Candidate> longestIdleFirst =
                Comparator.comparingLong(Candidate::idle).reversed();
        newcomers.sort(Comparator.comparing(Candidate::arriving).thenComparing(longestIdleFirst));
        reused.sort(longestIdleFirst);
        List<Candidate> chosen = new ArrayList<>();
        Map<Object, Integer> surplus = fairShare.surplus();
        if (!surplus.isEmpty()) {
            Predicate<Candidate> isSurplus =
                    candidate -> candidate.peer != null && surplus.merge(candidate.peer, -1, Integer::sum) >= 0;
            move(newcomers, chosen, excess, isSurplus);
            surplus.keySet().removeAll(waitedFor);
            move(reused, chosen, excess, isSurplus);
        }
        move(newcomers, chosen, excess, candidate -> true);
        newcomersLeft |= !newcomers.isEmpty();
        if (!newcomersLeft) {
            move(reused, chosen, excess, candidate -> true);
        }
        return chosen;
    }

    /** Moves those that match, until so many are chosen. */
    private static void move(List<Candidate> from, List<Candidate> chosen, int most, Predicate<Candidate> matching) {
        from.removeIf(candidate -> chosen.size() < most && matching.test(candidate) && chosen.add(candidate));
    }

    /** Whether a never-reused connection is left, after {@link #choose}, now or as soon as its grace is over. */
    boolean hasNewcomersLeft() {
        return newcomersLeft;
    }
}
