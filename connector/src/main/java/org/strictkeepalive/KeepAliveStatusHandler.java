package org.strictkeepalive;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
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
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.strictkeepalive.internal.observe.Json;

/**
 * Answers requests with the state of its server's {@link DescriptorMonitor} as JSON, at any path:
 *
 * <pre>{@code
 * ContextHandler status = new ContextHandler(new KeepAliveStatusHandler(), "/keep-alive");
 * }</pre>
 *
 * <p>It changes nothing. It shows no client's address unless that is switched on. It answers GET and HEAD with 200, or
 * with 503 if no connector of the server is governed, and other methods with 405. Safe for use by any thread.
 */
@ManagedObject("Answers the numbers of the governed connections as JSON")
public final class KeepAliveStatusHandler extends Handler.Abstract.NonBlocking {
    private static final int MOST_SHOWN = 10;

    private volatile boolean showAddresses;

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
        this.showAddresses = showAddresses;
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
        byte[] json = Json.write(status(monitor)).getBytes(StandardCharsets.UTF_8);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, json.length);
        response.write(true, HttpMethod.HEAD.is(method) ? null : BufferUtil.toBuffer(json), callback);
        return true;
    }

    private Map<String, Object> status(DescriptorMonitor monitor) {
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
        connections.put("eventStreams", statistics.getEventStreams());
        connections.put("ungovernedByKind", statistics.getUngovernedByKind());
        connections.put("longestIdle", longestIdle(monitor));
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

    private List<Map<String, Object>> longestIdle(DescriptorMonitor monitor) {
        long now = monitor.governor().now();
        List<Map<String, Object>> result = new ArrayList<>();
        monitor.governor()
                .looks()
                .idle()
                .sorted(Comparator.comparingLong(connection -> connection.since() - now))
                .limit(MOST_SHOWN)
                .forEach(connection -> {
                    Map<String, Object> row = new LinkedHashMap<>();
                    row.put("idleMs", TimeUnit.NANOSECONDS.toMillis(now - connection.since()));
                    row.put("ageMs", TimeUnit.NANOSECONDS.toMillis(now - connection.openedAt()));
                    row.put("requests", connection.requests());
                    row.put("state", connection.state());
                    row.put("protocol", connection.protocol());
                    if (showAddresses) {
                        row.put("address", String.valueOf(connection.remoteAddress()));
                    }
                    result.add(row);
                });
        return result;
    }
}
