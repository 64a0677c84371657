package org.strictkeepalive;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.eclipse.jetty.util.thread.AutoLock;
import org.strictkeepalive.internal.observe.Holders;
import org.strictkeepalive.internal.observe.Json;
import org.strictkeepalive.internal.server.Census;

/**
 * Answers requests with the state of its server's {@link DescriptorMonitor} as JSON, at any path:
 *
 * <pre>{@code
 * ContextHandler status = new ContextHandler(new KeepAliveStatusHandler(), "/keep-alive");
 * }</pre>
 *
 * <p>It changes nothing. An answer is at most a second old: it is made once for all who ask meanwhile. It shows no
 * client's address unless that is switched on. It answers GET and HEAD with 200, or with 503 if no connector of the
 * server is governed, and other methods with 405. Safe for use by any thread.
 */
@ManagedObject("Answers the numbers of the governed connections as JSON")
public final class KeepAliveStatusHandler extends Handler.Abstract.NonBlocking {
    private final AutoLock lock = new AutoLock();
    private volatile boolean showAddresses;
    /** Written under the lock. */
    private volatile Answer latest;

    private record Answer(Census.Snapshot snapshot, ByteBuffer json) {}

    /** Creates a handler that shows no addresses. */
    public KeepAliveStatusHandler() {}

    /**
     * Tells whether the addresses of clients are shown.
     *
     * @return true if they are; false is the default
     */
    @ManagedAttribute("whether the addresses of clients are shown")
    public boolean isShowAddresses() {
        return showAddresses;
    }

    /**
     * Sets whether the addresses of clients are shown.
     *
     * @param showAddresses true to show them
     */
    public void setShowAddresses(boolean showAddresses) {
        try (AutoLock ignored = lock.lock()) {
            this.showAddresses = showAddresses;
            latest = null;
        }
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        String method = request.getMethod();
        if (!HttpMethod.GET.is(method) && !HttpMethod.HEAD.is(method)) {
            response.getHeaders().put(HttpHeader.ALLOW, "GET, HEAD");
            Response.writeError(request, response, callback, HttpStatus.METHOD_NOT_ALLOWED_405);
            return true;
        }
        DescriptorMonitor monitor = getServer().getBean(DescriptorMonitor.class);
        if (monitor == null) {
            Response.writeError(
                    request, response, callback, HttpStatus.SERVICE_UNAVAILABLE_503, "No connector is governed");
            return true;
        }
        ByteBuffer json = json(monitor);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, json.remaining());
        response.write(true, HttpMethod.HEAD.is(method) ? null : json, callback);
        return true;
    }

    /** The answer, in a buffer of the caller's own. It is made anew with each snapshot. */
    private ByteBuffer json(DescriptorMonitor monitor) {
        Answer seen = latest;
        if (isOf(seen, monitor.governor().snapshot())) {
            return seen.json.slice();
        }
        try (AutoLock ignored = lock.lock()) {
            Census.Snapshot snapshot = monitor.governor().snapshot();
            if (!isOf(latest, snapshot)) {
                String json = Json.write(status(monitor, snapshot));
                latest =
                        new Answer(snapshot, StandardCharsets.UTF_8.encode(json).asReadOnlyBuffer());
            }
            return latest.json.slice();
        }
    }

    @SuppressWarnings("ReferenceEquality") // The same snapshot, not one that is alike.
    private static boolean isOf(Answer answer, Census.Snapshot snapshot) {
        return answer != null && answer.snapshot == snapshot;
    }

    private Map<String, Object> status(DescriptorMonitor monitor, Census.Snapshot snapshot) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        Map<String, Object> descriptors = new LinkedHashMap<>();
        descriptors.put("used", monitor.getUsedDescriptors());
        descriptors.put("limit", monitor.getDescriptorLimit());
        descriptors.put("reserved", monitor.getReservedDescriptors());
        descriptors.put("probe", monitor.getProbeName());
        Map<String, Object> connections = new LinkedHashMap<>();
        connections.put("opened", statistics.getOpened());
        connections.put("open", statistics.getOpen());
        connections.put("byState", statistics.getConnectionsByState());
        connections.put("byProtocol", statistics.getConnectionsByProtocol());
        connections.put("eventStreams", snapshot.eventStreams());
        connections.put("ungovernedByKind", statistics.getUngovernedByKind());
        connections.put("longestIdle", longestIdle(snapshot));
        connections.put("busy", busy(snapshot));
        connections.put("reusesByIdleMs", counted(statistics.getReusesByIdleTime()));
        Map<String, Object> closed = new LinkedHashMap<>();
        closed.put("total", statistics.getClosed());
        closed.put("byReason", statistics.getClosedByReason());
        closed.put("byRequests", counted(statistics.getClosedByRequests()));
        closed.put("byAgeMs", counted(statistics.getClosedByAge()));
        closed.put("regretsByReason", statistics.getRegretsByReason());
        Map<String, Object> races = new LinkedHashMap<>();
        races.put("total", statistics.getRaces());
        races.put("byReason", statistics.getRacesByReason());
        if (showAddresses) {
            races.put("byPeer", statistics.getRacesByPeer());
        }
        Map<String, Object> result = new LinkedHashMap<>();
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

    /** The buckets of a distribution that have something in them. */
    private static Map<Long, Long> counted(Map<Long, Long> distribution) {
        distribution.values().removeIf(count -> count == 0);
        return distribution;
    }

    private List<Map<String, Object>> longestIdle(Census.Snapshot snapshot) {
        List<Map<String, Object>> result = new ArrayList<>();
        for (Census.Idle idle : snapshot.longestIdle()) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("idleMs", TimeUnit.NANOSECONDS.toMillis(idle.idle()));
            row.put("ageMs", TimeUnit.NANOSECONDS.toMillis(idle.age()));
            row.put("requests", idle.requests());
            row.put("state", ConnectionState.IDLE);
            row.put("protocol", idle.protocol());
            if (showAddresses) {
                row.put("address", String.valueOf(idle.address()));
            }
            result.add(row);
        }
        return result;
    }

    /** Whom the busy connections wait for. */
    private Map<String, Object> busy(Census.Snapshot snapshot) {
        Holders holders = snapshot.holders();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("ofConnections", snapshot.looked());
        result.put("waitingFor", holders.byWait());
        result.put("gone", holders.gone());
        result.put("addresses", holders.addresses());
        if (showAddresses) {
            result.put("byAddress", holders.byAddress(Census.SHOWN));
        }
        return result;
    }
}
