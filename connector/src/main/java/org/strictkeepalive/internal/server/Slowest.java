package org.strictkeepalive.internal.server;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Tick;

/**
 * Chooses which exchanges that wait for their client end, so that visitors find room: the slowest. It reads the
 * connections' state and changes nothing. Used by one thread at a time.
 *
 * <p>An exchange that has not waited long enough to be judged is ranked with the others, and stays. None of the faster
 * half ends for those that are judged: among the others there are slower ones, which go soon. Of two that are equal, such
 * as readers of whom the kernel has not shown anything yet, the one that came later goes.
 */
final class Slowest {
    /** How long an exchange that was ended counts as about to go. The application may take its time to let it go. */
    private static final long GOING = TimeUnit.SECONDS.toNanos(1);

    /** For so long an exchange or a connection is new. */
    private static final long NEW = TimeUnit.MILLISECONDS.toNanos(500);

    /** For so long a client that comes back after its exchange was ended is assumed to be as slow as before. */
    private static final long RETURNS = TimeUnit.SECONDS.toNanos(10);

    private static final int MOST_PEERS = 4096;

    private static final ClientRate UNKNOWN = new ClientRate();

    private record Candidate(GovernedConnection connection, double rate, long busy, boolean judged, boolean arriving) {}

    private static final Comparator<Candidate> ORDER =
            Comparator.comparingDouble(Candidate::rate).thenComparingLong(Candidate::busy);

    private final List<Candidate> candidates = new ArrayList<>();
    /** When the exchange of a connection was ended, of those that may still be about to go. */
    private final Map<GovernedConnection, Long> ended = new HashMap<>();

    /** When an exchange of a peer was ended last, the peers with the latest ones last. */
    private final Map<Object, Long> slowPeers = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Object, Long> eldest) {
            return size() > MOST_PEERS;
        }
    };

    private int going;
    private int unjudged;

    /** Forgets all connections, but not who was slow. */
    void clear() {
        candidates.clear();
        ended.clear();
        going = 0;
    }

    /** A round begins. */
    void begin(long now) {
        candidates.clear();
        going = 0;
        ended.values().removeIf(at -> now - at >= GOING);
    }

    /** Considers a connection that was looked at. */
    void consider(GovernedConnection connection, Tick tick) {
        if (ended.containsKey(connection)) {
            going++;
            return;
        }
        long busy = tick.now() - connection.since();
        ConnectionState state = connection.state();
        ClientRate rate = connection.clientRate();
        if (rate == null) {
            if (!isUnknown(connection, state, busy, tick.now())) {
                return;
            }
            rate = UNKNOWN;
        }
        Decisions decisions = connection.decisions();
        boolean returns = returns(connection.peer(), tick.now() - busy, tick.now());
        double slowness = decisions.slowness(rate, tick.pressure(), returns);
        if (slowness >= 0) {
            boolean judged = decisions.isJudged(rate, tick.pressure(), returns);
            candidates.add(new Candidate(connection, slowness, busy, judged, state == ConnectionState.NEW));
            if (candidates.size() > 2 * Relief.MOST) {
                // No more can go in one round.
                candidates.sort(ORDER);
                candidates.subList(Relief.MOST, candidates.size()).clear();
            }
        }
    }

    /** As the next method, where as many have to go. */
    List<GovernedConnection> choose(int needed) {
        return choose(needed, needed);
    }

    /**
     * Returns the slowest of those that were considered and judged. None belongs to the faster half of all that were
     * considered, unless so many are needed.
     *
     * @param most how many go at most
     * @param needed how many have to go
     */
    List<GovernedConnection> choose(int most, int needed) {
        candidates.sort(ORDER);
        int slower = Math.min(Math.max(needed, candidates.size() / 2), candidates.size());
        List<GovernedConnection> chosen = new ArrayList<>();
        int soon = 0;
        for (Candidate candidate : candidates.subList(0, slower)) {
            if (candidate.judged() && chosen.size() < most) {
                chosen.add(candidate.connection());
            } else if (!candidate.judged() && !candidate.arriving()) {
                soon++;
            }
        }
        unjudged = Math.min(Math.max(most - chosen.size(), 0), soon);
        candidates.clear();
        return chosen;
    }

    /** After {@link #choose}: how many of the slowest have not been judged yet, so that they go soon. */
    int unjudged() {
        return unjudged;
    }

    /** Whether it will soon be known whether it waits for its client: it has just come, or its handshake goes on. */
    private static boolean isUnknown(GovernedConnection connection, ConnectionState state, long busy, long now) {
        return switch (state) {
            case BUSY -> busy < NEW;
            case NEW -> busy < NEW || connection.isComing(now);
            default -> false;
        };
    }

    private boolean returns(Object peer, long since, long now) {
        Long at = peer == null ? null : slowPeers.get(peer);
        return at != null && since - at > 0 && now - at < RETURNS;
    }

    /** The exchange of a connection was ended. */
    void onEnded(GovernedConnection connection, long now) {
        ended.put(connection, now);
        Object peer = connection.peer();
        if (peer != null) {
            slowPeers.remove(peer);
            slowPeers.put(peer, now);
        }
    }

    /** Whether the exchange of a connection was ended a moment ago. */
    boolean hasEnded(GovernedConnection connection) {
        return ended.containsKey(connection);
    }

    /** How many of the connections considered are about to go, since their exchange was ended. */
    int going() {
        return going;
    }
}
