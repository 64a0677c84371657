package org.strictkeepalive;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.thread.AutoLock;
import org.strictkeepalive.internal.observe.Holders;
import org.strictkeepalive.internal.observe.Json;
import org.strictkeepalive.internal.server.Census;

/**
 * The state of a server as JSON, for a route of a framework; {@link KeepAliveStatusHandler} answers with the same.
 *
 * <pre>{@code
 * KeepAliveStatus status = new KeepAliveStatus(strict.getDescriptorMonitor());
 * }</pre>
 *
 * <p>The object has a {@code version}, which changes where a field changes its meaning or goes. Names, states, reasons and
 * buckets that have not occurred are there with zero. {@code operations.md} lists the fields.
 *
 * <p>It is at most a second old: it is made once for all who ask meanwhile. Safe for use by any thread.
 */
public final class KeepAliveStatus {
    private static final int VERSION = 1;

    private final DescriptorMonitor monitor;
    private final AutoLock lock = new AutoLock();
    private volatile boolean showAddresses;
    /** Written under the lock. */
    private volatile Answer latest;

    private record Answer(Census.Snapshot snapshot, boolean addresses, String json, ByteBuffer encoded) {}

    /**
     * Creates the status of a server, which shows no addresses.
     *
     * @param monitor the monitor of the server
     * @throws NullPointerException if the monitor is null
     */
    public KeepAliveStatus(DescriptorMonitor monitor) {
        this.monitor = Objects.requireNonNull(monitor, "monitor");
    }

    boolean isOf(DescriptorMonitor other) {
        return monitor == other;
    }

    /**
     * Tells whether the addresses of clients are shown.
     *
     * @return true if they are; false is the default
     */
    public boolean isShowAddresses() {
        return showAddresses;
    }

    /**
     * Sets whether the addresses of clients are shown.
     *
     * @param showAddresses true to show them
     */
    public void setShowAddresses(boolean showAddresses) {
        this.showAddresses = showAddresses;
    }

    /**
     * Returns the state.
     *
     * @return a JSON object
     */
    public String getJson() {
        return answer().json;
    }

    /** The state in UTF-8, in a buffer of the caller's own. */
    ByteBuffer encoded() {
        return answer().encoded.slice();
    }

    /** The answer, which is made anew with each snapshot. */
    private Answer answer() {
        Answer seen = latest;
        if (isOf(seen, monitor.governor().snapshot())) {
            return seen;
        }
        try (AutoLock ignored = lock.lock()) {
            Census.Snapshot snapshot = monitor.governor().snapshot();
            Answer answer = latest;
            if (!isOf(answer, snapshot)) {
                boolean addresses = showAddresses;
                String json = Json.write(status(snapshot, addresses));
                ByteBuffer encoded = StandardCharsets.UTF_8.encode(json).asReadOnlyBuffer();
                answer = new Answer(snapshot, addresses, json, encoded);
                latest = answer;
            }
            return answer;
        }
    }

    @SuppressWarnings("ReferenceEquality") // The same snapshot, not one that is alike.
    private boolean isOf(Answer answer, Census.Snapshot snapshot) {
        return answer != null && answer.snapshot == snapshot && answer.addresses == showAddresses;
    }

    private Map<String, Object> status(Census.Snapshot snapshot, boolean addresses) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        Map<String, Object> descriptors = new LinkedHashMap<>();
        descriptors.put("used", monitor.getUsedDescriptors());
        descriptors.put("mostUsed", statistics.getMostUsedDescriptors());
        descriptors.put("limit", monitor.getDescriptorLimit());
        descriptors.put("reserved", monitor.getReservedDescriptors());
        descriptors.put("probe", monitor.getProbeName());
        Map<String, Object> connections = new LinkedHashMap<>();
        connections.put("opened", statistics.getOpened());
        connections.put("open", statistics.getOpen());
        connections.put("mostOpen", statistics.getMostOpen());
        connections.put("byState", statistics.getConnectionsByState());
        connections.put("byProtocol", statistics.getConnectionsByProtocol());
        connections.put("byConnector", statistics.getConnectionsByConnector());
        connections.put("eventStreams", snapshot.eventStreams());
        connections.put("ungovernedByKind", statistics.getUngovernedByKind());
        connections.put("longestIdle", longestIdle(snapshot, addresses));
        connections.put("busy", busy(snapshot, addresses));
        connections.put("reusesByIdleMs", statistics.getReusesByIdleTime());
        Map<String, Object> closed = new LinkedHashMap<>();
        closed.put("total", statistics.getClosed());
        closed.put("byReason", statistics.getClosedByReason());
        closed.put("byRequests", statistics.getClosedByRequests());
        closed.put("byAgeMs", statistics.getClosedByAge());
        closed.put("regretsByReason", byReason(statistics.getRegretsByReason()));
        Map<String, Object> races = new LinkedHashMap<>();
        races.put("total", statistics.getRaces());
        races.put("byReason", byReason(statistics.getRacesByReason()));
        if (addresses) {
            races.put("byPeer", statistics.getRacesByPeer());
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("version", VERSION);
        result.put("level", monitor.getLevel());
        result.put("pressure", monitor.getPressure());
        result.put("threadPressure", monitor.getThreadPressure());
        result.put("acceptingPaused", monitor.isAcceptingPaused());
        result.put("draining", monitor.isDraining());
        result.put("acceptPauses", monitor.getAcceptPauseCount());
        result.put("descriptors", descriptors);
        result.put("connections", connections);
        result.put("closed", closed);
        result.put("races", races);
        result.put("requests", statistics.getRequests());
        result.put("advice", monitor.getAdvice());
        result.put("probeFailures", monitor.getProbeFailureCount());
        return result;
    }

    /** With all reasons, also those that have not occurred. */
    private static Map<String, Long> byReason(Map<String, Long> occurred) {
        Map<String, Long> result = new LinkedHashMap<>();
        for (CloseReason reason : CloseReason.values()) {
            result.put(reason.name(), occurred.getOrDefault(reason.name(), 0L));
        }
        return result;
    }

    private static List<Map<String, Object>> longestIdle(Census.Snapshot snapshot, boolean addresses) {
        List<Map<String, Object>> result = new ArrayList<>();
        for (Census.Idle idle : snapshot.longestIdle()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("idleMs", TimeUnit.NANOSECONDS.toMillis(idle.idle()));
            row.put("ageMs", TimeUnit.NANOSECONDS.toMillis(idle.age()));
            row.put("requests", idle.requests());
            row.put("state", ConnectionState.IDLE);
            row.put("protocol", idle.protocol());
            if (addresses) {
                row.put("address", String.valueOf(idle.address()));
            }
            result.add(row);
        }
        return result;
    }

    /** Whom the busy connections wait for. */
    private static Map<String, Object> busy(Census.Snapshot snapshot, boolean addresses) {
        Holders holders = snapshot.holders();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("ofConnections", snapshot.looked());
        result.put("waitingFor", holders.byWait());
        result.put("gone", holders.gone());
        result.put("addresses", holders.addresses());
        if (addresses) {
            result.put("byAddress", holders.byAddress(Census.SHOWN));
        }
        return result;
    }
}
