package org.strictkeepalive.internal.server;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;

/**
 * The connections of governed connectors that have left the policy: WebSockets, tunnels, other protocols. They are
 * counted, but nothing is done to them. Safe for use by any thread.
 */
public final class Ungoverned {
    private static final long PURGED_EACH = TimeUnit.SECONDS.toNanos(10);
    private static final String WEBSOCKET = "websocket";
    private static final String TUNNEL = "tunnel";
    private static final String OTHER = "other";

    private record Known(String kind, Object peer) {}

    /** By the endpoint of the socket. */
    private final Map<EndPoint, Known> open = new ConcurrentHashMap<>();

    private final Map<String, LongAdder> byKind =
            Map.of(WEBSOCKET, new LongAdder(), TUNNEL, new LongAdder(), OTHER, new LongAdder());
    private final Map<Object, Integer> byPeer = new ConcurrentHashMap<>();
    private volatile long purgedAt;

    /**
     * A connection has left the policy.
     *
     * @param socket the endpoint of its socket
     * @param peer its peer, as {@link org.strictkeepalive.internal.policy.Peers} defines it; null if that is not known
     */
    public void add(EndPoint socket, Connection connection, Object peer) {
        // Its close may be reported at the same time, so both counts change in one step.
        open.computeIfAbsent(socket, added -> {
            if (peer != null) {
                byPeer.merge(peer, 1, Integer::sum);
            }
            String kind = kind(connection);
            byKind.get(kind).increment();
            return new Known(kind, peer);
        });
    }

    /** It was closed. Does nothing for other connections. */
    public void remove(EndPoint socket) {
        if (!open.isEmpty()) {
            open.computeIfPresent(socket, (removed, known) -> {
                byKind.get(known.kind).decrement();
                if (known.peer != null) {
                    byPeer.computeIfPresent(known.peer, (peer, count) -> count > 1 ? count - 1 : null);
                }
                return null;
            });
        }
    }

    /** Forgets from time to time those whose close Jetty has not reported. */
    void purge(long now) {
        if (!open.isEmpty() && now - purgedAt >= PURGED_EACH) {
            purgedAt = now;
            open.keySet().forEach(socket -> {
                if (!socket.isOpen()) {
                    remove(socket);
                }
            });
        }
    }

    /** How many there are of each kind, in the order of the kinds' names. */
    public Map<String, Integer> byKind() {
        Map<String, Integer> counts = new TreeMap<>();
        byKind.forEach((kind, count) -> counts.put(kind, count.intValue()));
        return counts;
    }

    /** A view of how many each peer has. */
    Map<Object, Integer> byPeer() {
        return byPeer;
    }

    /** Neither class is in a jar that has to be there, so they are known by their names. */
    private static String kind(Connection connection) {
        for (Class<?> type = connection.getClass(); type != null; type = type.getSuperclass()) {
            String name = type.getName();
            if (name.startsWith("org.eclipse.jetty.websocket.")) {
                return WEBSOCKET;
            }
            if (name.contains("ProxyConnection") || name.contains("ConnectHandler")) {
                return TUNNEL;
            }
        }
        return OTHER;
    }
}
