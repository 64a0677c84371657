package org.strictkeepalive;

import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;

/**
 * The numbers of a server's governed connections. They add up: opened is open plus the sum over the close reasons.
 *
 * <p>Safe for use by any thread. Counts of open connections are taken by looking at each of them when asked.
 */
@ManagedObject("The numbers of the governed connections")
public class KeepAliveStatistics {
    private final LongAdder opened = new LongAdder();
    private final LongAdder requestsOfClosed = new LongAdder();
    private final Map<CloseReason, LongAdder> closed = new EnumMap<>(CloseReason.class);
    private final RaceMeter races = new RaceMeter();
    private final IdleHistogram reuses = new IdleHistogram();
    private final Regret regret = new Regret();
    private final Supplier<List<Tracked>> connections;

    KeepAliveStatistics(Supplier<List<Tracked>> connections) {
        this.connections = connections;
        for (CloseReason reason : CloseReason.values()) {
            closed.put(reason, new LongAdder());
        }
    }

    void onOpened() {
        opened.increment();
    }

    void onClosed(CloseReason reason, long requests) {
        requestsOfClosed.add(requests);
        closed.get(reason).increment();
    }

    RaceMeter races() {
        return races;
    }

    IdleHistogram reuses() {
        return reuses;
    }

    Regret regret() {
        return regret;
    }

    /**
     * Returns how many connections were opened.
     *
     * @return the number since start
     */
    @ManagedAttribute("connections opened")
    public long getOpened() {
        return opened.sum();
    }

    /**
     * Returns how many connections are open, handshaking and lingering ones too.
     *
     * @return the number
     */
    @ManagedAttribute("connections open")
    public long getOpen() {
        return connections.get().size();
    }

    /**
     * Returns how many requests arrived whole, of open and closed connections.
     *
     * @return the number since start
     */
    @ManagedAttribute("requests")
    public long getRequests() {
        return requestsOfClosed.sum()
                + connections.get().stream().mapToLong(Tracked::requests).sum();
    }

    /**
     * Returns how many connections were closed or left the policy.
     *
     * @return the number since start
     */
    @ManagedAttribute("connections closed")
    public long getClosed() {
        return closed.values().stream().mapToLong(LongAdder::sum).sum();
    }

    /**
     * Returns how many connections were closed for a reason.
     *
     * @param reason the reason
     * @return the number since start
     */
    public long getClosed(CloseReason reason) {
        return closed.get(reason).sum();
    }

    /**
     * Returns how many connections were closed for each reason.
     *
     * @return a snapshot with all reasons
     */
    @ManagedAttribute("connections closed, by reason")
    public Map<CloseReason, Long> getClosedByReason() {
        Map<CloseReason, Long> result = new EnumMap<>(CloseReason.class);
        closed.forEach((reason, count) -> result.put(reason, count.sum()));
        return Collections.unmodifiableMap(result);
    }

    /**
     * Returns how many connections are in each state.
     *
     * @return a snapshot with all states
     */
    @ManagedAttribute("connections open, by state")
    public Map<ConnectionState, Integer> getConnectionsByState() {
        Map<ConnectionState, Integer> result = new EnumMap<>(ConnectionState.class);
        for (ConnectionState state : ConnectionState.values()) {
            result.put(state, 0);
        }
        for (Tracked connection : connections.get()) {
            result.merge(connection.state(), 1, Integer::sum);
        }
        return Collections.unmodifiableMap(result);
    }

    /**
     * Returns how many requests were lost in the race between the server's close of an idle connection and its reuse:
     * their bytes came behind the server's FIN, within the linger. A proxy in front reports each as a 502.
     *
     * @return the number since start
     */
    @ManagedAttribute("requests lost in a race with a close")
    public long getRaces() {
        return races.count();
    }

    /**
     * Returns the {@linkplain #getRaces() lost requests} by the reason of the close.
     *
     * @return a snapshot with those reasons that there were
     */
    @ManagedAttribute("requests lost in a race with a close, by its reason")
    public Map<CloseReason, Long> getRacesByReason() {
        return Collections.unmodifiableMap(races.byReason());
    }

    /**
     * Returns the {@linkplain #getRaces() lost requests} by the address of the socket's peer, that of a proxy in front.
     *
     * @return a snapshot with the 64 peers that were heard of last
     */
    @ManagedAttribute("requests lost in a race with a close, by peer")
    public Map<String, Long> getRacesByPeer() {
        return Collections.unmodifiableMap(races.byPeer());
    }

    /**
     * Returns how long connections had been idle when they were reused: how many for less than each time, and not for
     * less than the one before. The times are powers of two milliseconds; the last one stands for all longer ones.
     *
     * @return a snapshot with all times, the shortest first
     */
    @ManagedAttribute("reuses, by the time that the connection had been idle")
    public Map<Duration, Long> getReusesByIdleTime() {
        Map<Duration, Long> result = new LinkedHashMap<>();
        long[] counts = reuses.counts();
        for (int i = 0; i < counts.length; i++) {
            result.put(Duration.ofMillis(IdleHistogram.boundMillis(i)), counts[i]);
        }
        return Collections.unmodifiableMap(result);
    }

    /**
     * Returns how many clients came back within a second of the close of their idle connection, by the reason of that:
     * it had better been kept. A client is known by its address, of IPv6 the /64; those of the last 1024 closes are.
     *
     * @return a snapshot with those reasons that there were
     */
    @ManagedAttribute("clients back within a second of the close of their idle connection, by its reason")
    public Map<CloseReason, Long> getRegretsByReason() {
        return Collections.unmodifiableMap(regret.byReason());
    }

    @Override
    public String toString() {
        return "KeepAliveStatistics@%x{opened=%d,open=%d,closed=%s,races=%s}"
                .formatted(hashCode(), getOpened(), getOpen(), getClosedByReason(), getRacesByReason());
    }
}
