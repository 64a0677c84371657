package org.strictkeepalive.internal.observe;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.thread.AutoLock;
import org.strictkeepalive.CloseReason;

/**
 * Counts the requests that were lost because they crossed the server's FIN on an idle connection: their bytes arrive
 * after it. The client, a proxy mostly, reports a 502 that no log of the server shows.
 *
 * <p>Time is passed in. The number of peers is bounded: those whose last lost request is oldest are forgotten. Safe for
 * use by any thread.
 */
public final class RaceMeter {
    static final int MOST_PEERS = 64;
    static final long INTERVAL = TimeUnit.HOURS.toNanos(1);

    private final AutoLock lock = new AutoLock();
    private final Map<CloseReason, Long> byReason = new EnumMap<>(CloseReason.class);
    private final Map<String, Long> byPeer = latestLast();
    /** What no warning has reported yet. */
    private final Map<Culprit, Tally> untold = latestLast();

    private long untoldInAll;
    private boolean warned;
    private long warnedAt;

    private record Culprit(String peer, CloseReason reason) {}

    private record Tally(long count, long latest) {
        private Tally plus(long late) {
            return new Tally(count + 1, Math.max(latest, late));
        }
    }

    /**
     * A warning about the peer that has lost the most requests.
     *
     * @param peer its address
     * @param reason why its connections were closed
     * @param count how many of its requests were lost since the last warning
     * @param latest the longest time between the FIN and one of them, in nanoseconds
     * @param inAll how many requests were lost since the last warning, of all peers
     */
    record Warning(String peer, CloseReason reason, long count, long latest, long inAll) {
        /** What an operator can change. */
        String remedy() {
            return switch (reason) {
                case KEEP_ALIVE_TIMEOUT ->
                    "set keepAliveTimeout above the peer's own idle timeout, or that below keepAliveTimeout";
                case IDLE_TIMEOUT ->
                    "set the connector's idleTimeout above the peer's own idle timeout, or that below the connector's";
                case FIRST_REQUEST_TIMEOUT -> "raise firstRequestTimeout, or let the peer connect later";
                case REQUEST_HEADER_TIMEOUT -> "raise requestHeaderTimeout";
                case DRAIN -> "take the server out of the load balancer before the drain is over, or drain for longer";
                case STOP -> "drain before the stop";
                default -> "raise the descriptor limit (ulimit -n), or minKeepAliveTimeout";
            };
        }
    }

    private static <K, V> Map<K, V> latestLast() {
        return new LinkedHashMap<>(16, 0.75f, true);
    }

    /**
     * Forgets the eldest, if there are too many. A subclass of {@link LinkedHashMap} that does so by itself would, when
     * it is loaded, make the compiler throw away the code of all the maps of this kind that are in use.
     */
    private static <K> void bound(Map<K, ?> map) {
        if (map.size() > MOST_PEERS) {
            map.remove(map.keySet().iterator().next());
        }
    }

    /**
     * Counts a request that was lost.
     *
     * @param late how long after the FIN it came, in nanoseconds
     */
    public void onRace(CloseReason reason, String peer, long late) {
        try (AutoLock ignored = lock.lock()) {
            byReason.merge(reason, 1L, Long::sum);
            byPeer.merge(peer, 1L, Long::sum);
            bound(byPeer);
            Culprit culprit = new Culprit(peer, reason);
            Tally tally = untold.get(culprit);
            untold.put(culprit, (tally == null ? new Tally(0, 0) : tally).plus(late));
            bound(untold);
            untoldInAll++;
        }
    }

    /** Returns a warning, at most once an hour; null if there is none. */
    Warning warning(long now) {
        try (AutoLock ignored = lock.lock()) {
            if (untoldInAll == 0 || (warned && now - warnedAt < INTERVAL)) {
                return null;
            }
            Map.Entry<Culprit, Tally> worst = null;
            for (Map.Entry<Culprit, Tally> entry : untold.entrySet()) {
                if (worst == null || entry.getValue().count > worst.getValue().count) {
                    worst = entry;
                }
            }
            Culprit culprit = worst.getKey();
            Tally tally = worst.getValue();
            Warning warning = new Warning(culprit.peer, culprit.reason, tally.count, tally.latest, untoldInAll);
            warned = true;
            warnedAt = now;
            untold.clear();
            untoldInAll = 0;
            return warning;
        }
    }

    public long count() {
        try (AutoLock ignored = lock.lock()) {
            return byReason.values().stream().mapToLong(Long::longValue).sum();
        }
    }

    public Map<CloseReason, Long> byReason() {
        try (AutoLock ignored = lock.lock()) {
            return new EnumMap<>(byReason);
        }
    }

    public Map<String, Long> byPeer() {
        try (AutoLock ignored = lock.lock()) {
            return new LinkedHashMap<>(byPeer);
        }
    }
}
