package org.strictkeepalive;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Chooses which idle connections go under pressure. Pure but for the connections' own state.
 *
 * <p>The order is that of a segmented LRU, so that a flood of newcomers that take one answer and sit there can't push
 * out the clients that keep-alive is for: first those never reused, oldest progress first (at CRITICAL, where they have
 * no grace, those just accepted last), and only then the reused.
 */
final class Eviction {
    /**
     * A connection that may go, with the time of its last progress as it was when chosen, and whether it has just
     * arrived: its first request may be on its way, so those that have had their answer go before it.
     */
    record Candidate(Tracked connection, long idle, long since, boolean arriving) {}

    private final KeepAlivePolicy policy;
    private final Pressure pressure;
    private final List<Candidate> newcomers = new ArrayList<>();
    private final List<Candidate> reused = new ArrayList<>();
    private boolean newcomersLeft;

    Eviction(KeepAlivePolicy policy, Pressure pressure) {
        this.policy = policy;
        this.pressure = pressure;
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
        Candidate candidate = new Candidate(connection, now - since, since, arriving);
        if (policy.isEvictable(isReused, candidate.idle, pressure.level())) {
            (isReused ? reused : newcomers).add(candidate);
        } else if (!isReused) {
            newcomersLeft = true;
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
        List<Candidate> chosen = new ArrayList<>(newcomers.subList(0, Math.min(excess, newcomers.size())));
        newcomersLeft |= newcomers.size() > excess;
        if (!newcomersLeft) {
            chosen.addAll(reused.subList(0, Math.min(excess - chosen.size(), reused.size())));
        }
        return chosen;
    }

    /** Whether a never-reused connection is left, after {@link #choose}, now or as soon as its grace is over. */
    boolean hasNewcomersLeft() {
        return newcomersLeft;
    }
}
