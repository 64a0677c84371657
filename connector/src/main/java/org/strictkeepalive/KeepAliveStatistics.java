package org.strictkeepalive;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.eclipse.jetty.util.annotation.ManagedOperation;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.Protocol;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.server.GovernedConnector;
import org.strictkeepalive.internal.server.ServerGovernor;

/**
 * The numbers of a server's governed connections. They add up: opened is open plus the sum over the close reasons.
 *
 * <p>Safe for use by any thread. Connections are counted as they change, so that to read a number costs next to nothing,
 * however many are open.
 */
@ManagedObject("The numbers of the governed connections")
public final class KeepAliveStatistics {
    private final Counters counters;
    private final ServerGovernor governor;
    /**
     * The closes before the last reset. Their sum is taken off the opened connections too, so that the numbers still
     * add up.
     */
    private volatile Map<CloseReason, Long> forgotten = Map.of();

    private volatile long forgottenRequests;

    KeepAliveStatistics(ServerGovernor governor) {
        this.governor = governor;
        counters = governor.counters();
    }

    /**
     * Returns how many connections were opened.
     *
     * @return the number since start or the last {@link #reset}
     */
    @ManagedAttribute("connections opened")
    public long getOpened() {
        return counters.opened() - sum(forgotten);
    }

    /**
     * Returns how many connections are open, handshaking and lingering ones too.
     *
     * @return the number
     */
    @ManagedAttribute("connections open")
    public long getOpen() {
        return governor.open();
    }

    /**
     * Returns how many requests came with complete headers, on open and closed connections.
     *
     * @return the number since start or the last {@link #reset}
     */
    @ManagedAttribute("requests")
    public long getRequests() {
        return counters.requests() - forgottenRequests;
    }

    /**
     * Returns how many connections were closed or left the policy.
     *
     * @return the number since start or the last {@link #reset}
     */
    @ManagedAttribute("connections closed")
    public long getClosed() {
        return sum(counters.closed()) - sum(forgotten);
    }

    /**
     * Returns how many connections were closed for a reason.
     *
     * @param reason the reason
     * @return the number since start or the last {@link #reset}
     */
    public long getClosed(CloseReason reason) {
        return counters.closed(reason) - forgotten.getOrDefault(reason, 0L);
    }

    /**
     * Returns how many connections were closed for each reason. The keys are the names of {@link CloseReason}, so that
     * JMX clients without the classes of this library can read it.
     *
     * @return a snapshot with all reasons, in their order
     */
    @ManagedAttribute("connections closed, by reason")
    public Map<String, Long> getClosedByReason() {
        Map<String, Long> result = new LinkedHashMap<>();
        for (CloseReason reason : CloseReason.values()) {
            result.put(reason.name(), getClosed(reason));
        }
        return result;
    }

    /**
     * Returns how many connections are in a state.
     *
     * @param state the state
     * @return the number
     */
    public int getOpen(ConnectionState state) {
        return counters.states().count(state);
    }

    /**
     * Returns how many connections are in each state. The keys are the names of {@link ConnectionState}.
     *
     * @return a snapshot with all states, in their order
     */
    @ManagedAttribute("connections open, by state")
    public Map<String, Integer> getConnectionsByState() {
        Map<String, Integer> result = new LinkedHashMap<>();
        for (ConnectionState state : ConnectionState.values()) {
            result.put(state.name(), getOpen(state));
        }
        return result;
    }

    /**
     * Returns how many connections are in a state and speak a protocol.
     *
     * @param state the state
     * @param protocol {@code HTTP/1.1}, {@code HTTP/2}, or {@code none} before the protocol is known
     * @return the number
     */
    public int getOpen(ConnectionState state, String protocol) {
        for (Protocol one : Protocol.values()) {
            if (one.toString().equals(protocol)) {
                return counters.states().count(state, one);
            }
        }
        return 0;
    }

    /**
     * Returns how many connections speak each protocol. The keys are {@code HTTP/1.1}, {@code HTTP/2}, and {@code none}
     * for connections whose protocol is not known yet.
     *
     * @return a snapshot with all protocols
     */
    @ManagedAttribute("connections open, by protocol")
    public Map<String, Integer> getConnectionsByProtocol() {
        Map<String, Integer> result = new LinkedHashMap<>();
        for (Protocol protocol : Protocol.values()) {
            result.put(protocol.toString(), counters.states().count(protocol));
        }
        return result;
    }

    /**
     * Returns how many connections each governed connector has, governed or not. The keys are the names of the connectors
     * ({@code AbstractConnector.setName}), or {@code :} and its port for one without.
     *
     * @return a snapshot with the connectors that run
     */
    @ManagedAttribute("connections open, by connector")
    public Map<String, Integer> getConnectionsByConnector() {
        Map<String, Integer> result = new LinkedHashMap<>();
        for (GovernedConnector governed : governor.connectors()) {
            AbstractConnector connector = governed.connector();
            result.merge(governed.name(), connector.getConnectedEndPoints().size(), Integer::sum);
        }
        return result;
    }

    /**
     * Returns how many requests came with complete headers to each connector.
     *
     * @return a snapshot with the connectors that there have been since start, also those without a request
     */
    @ManagedAttribute("requests, by connector")
    public Map<String, Long> getRequestsByConnector() {
        return byConnector(Counters::requests);
    }

    /**
     * Returns how many connections each connector has opened.
     *
     * @return a snapshot with the connectors that there have been since start
     */
    @ManagedAttribute("connections opened, by connector")
    public Map<String, Long> getOpenedByConnector() {
        return byConnector(Counters::opened);
    }

    /**
     * Returns how many connections of a connector were closed for a reason.
     *
     * @param reason the reason
     * @param connector the connector's name, as in {@link #getConnectionsByConnector()}
     * @return the number since start, 0 for a name that is not known
     */
    public long getClosed(CloseReason reason, String connector) {
        return byConnector(of -> of.closed(reason)).getOrDefault(connector, 0L);
    }

    private Map<String, Long> byConnector(ToLongFunction<Counters> number) {
        return counters.byConnector(number);
    }

    /**
     * Tells the names of the governed connectors, as in {@link #getConnectionsByConnector()}: at once those that there
     * have been, and later each that starts, perhaps not for the first time.
     *
     * @param watcher called by the calling thread, later by the one that starts the connector
     */
    public void watchConnectors(Consumer<String> watcher) {
        counters.watch(watcher);
    }

    /**
     * Returns how many connections of the governed connectors are not governed, because they have left HTTP. They hold
     * descriptors, but are never closed. The keys are {@code websocket}, {@code tunnel} and {@code other}.
     *
     * @return a snapshot with all kinds
     */
    @ManagedAttribute("connections that are not governed, by kind")
    public Map<String, Integer> getUngovernedByKind() {
        return governor.connectors().ungoverned().byKind();
    }

    /**
     * Returns how many open connections have a response of server-sent events in progress ({@code Content-Type:
     * text/event-stream}). They are among those in the state BUSY. The policy closes such a connection only if its client
     * has gone.
     *
     * @return the number
     */
    @ManagedAttribute("connections open with server-sent events")
    public int getEventStreams() {
        return governor.snapshot().eventStreams();
    }

    /** {@return the longest keepAliveTimeout in force, in milliseconds; 0 if it is off, or nothing is governed} */
    @ManagedAttribute("the longest keepAliveTimeout in force, in milliseconds")
    public long getKeepAliveTimeout() {
        long longest = longestTimeout();
        return longest == Decisions.NEVER ? 0 : TimeUnit.NANOSECONDS.toMillis(longest);
    }

    /** The longest keepAliveTimeout in force, in nanoseconds, {@link Decisions#NEVER} for none. */
    long longestTimeout() {
        long longest = 0;
        for (GovernedConnector connector : governor.connectors()) {
            longest = Math.max(
                    longest, connector.decisions().timeout(ConnectionState.IDLE, 0, connector.idleTimeout(), 0));
        }
        return longest;
    }

    /** {@return the most governed connections that were open at once, as samples and accepts saw them} */
    @ManagedAttribute("the most connections that were open at once")
    public int getMostOpen() {
        return Math.max(governor.meter().mostOpen(), governor.open());
    }

    /** {@return the most descriptors of the process that were open at once, as samples and accepts saw them} */
    @ManagedAttribute("the most descriptors that were open at once")
    public long getMostUsedDescriptors() {
        return governor.meter().mostUsed();
    }

    /**
     * Begins to count again: opened and closed connections, requests, and the most of what was open at once. Open connections count as opened since then.
     * Lost requests, regrets and distributions go on from start.
     */
    @ManagedOperation(value = "begins to count anew", impact = "ACTION")
    public void reset() {
        forgottenRequests = counters.requests();
        forgotten = counters.closed();
        governor.meter().forgetMost();
    }

    private static long sum(Map<CloseReason, Long> counts) {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * Returns how many requests were lost in the race between the server's close of an idle connection and its reuse:
     * their bytes came after the server's FIN, within the linger. A proxy in front reports each as a 502.
     *
     * @return the number since start
     */
    @ManagedAttribute("requests lost in a race with a close")
    public long getRaces() {
        return counters.races().count();
    }

    /**
     * Returns the {@linkplain #getRaces() lost requests} for one reason of the close.
     *
     * @param reason the reason
     * @return the number since start
     */
    public long getRaces(CloseReason reason) {
        return counters.races().byReason().getOrDefault(reason, 0L);
    }

    /**
     * Returns the {@linkplain #getRaces() lost requests} by the reason of the close.
     *
     * @return a snapshot with the reasons that have occurred
     */
    @ManagedAttribute("requests lost in a race with a close, by its reason")
    public Map<String, Long> getRacesByReason() {
        return byName(counters.races().byReason());
    }

    /**
     * Returns the {@linkplain #getRaces() lost requests} by the address of the socket's peer, which is that of a proxy
     * in front.
     *
     * @return a snapshot with the 64 peers that lost a request last
     */
    @ManagedAttribute("requests lost in a race with a close, by peer")
    public Map<String, Long> getRacesByPeer() {
        return counters.races().byPeer();
    }

    /**
     * Returns for how long connections had been idle when they were reused. Each key is a time in milliseconds, a power
     * of two. Its value is the number of reuses after less than that time, but not less than the time before. The last
     * key stands for all longer times.
     *
     * @return a snapshot with all times, the shortest first
     */
    @ManagedAttribute("reuses, by the time that the connection had been idle")
    public Map<Long, Long> getReusesByIdleTime() {
        return counters.reuses().byBound();
    }

    /**
     * Returns how many requests connections had carried when they were closed. Each key is a power of two. Its value is
     * the number of connections with fewer requests than that, but not fewer than the key before. The last key stands
     * for all larger numbers.
     *
     * @return a snapshot with all numbers, the smallest first
     */
    @ManagedAttribute("closed connections, by the requests that they had carried")
    public Map<Long, Long> getClosedByRequests() {
        return counters.requestsAtClose().byBound();
    }

    /**
     * Returns how old connections were when they were closed, in milliseconds. Keys and values are as in {@link
     * #getReusesByIdleTime()}.
     *
     * @return a snapshot with all times, the shortest first
     */
    @ManagedAttribute("closed connections, by their age in milliseconds")
    public Map<Long, Long> getClosedByAge() {
        return counters.ageAtClose().byBound();
    }

    /**
     * Returns how many clients came back within a second of the close of their idle connection, by the reason of that
     * close: such a connection should have been kept. A client is known by its address, or for IPv6 by its /64. Only
     * the 1024 clients of the last closes are known.
     *
     * @return a snapshot with the reasons that have occurred
     */
    @ManagedAttribute("clients back within a second of the close of their idle connection, by its reason")
    public Map<String, Long> getRegretsByReason() {
        return byName(counters.regret().byReason());
    }

    private static Map<String, Long> byName(Map<CloseReason, Long> counts) {
        Map<String, Long> result = new LinkedHashMap<>();
        counts.forEach((reason, count) -> result.put(reason.name(), count));
        return result;
    }

    @Override
    public String toString() {
        return "KeepAliveStatistics@%x{opened=%d,open=%d,closed=%s,races=%s}"
                .formatted(hashCode(), getOpened(), getOpen(), getClosedByReason(), getRacesByReason());
    }
}
