package org.strictkeepalive.internal.observe;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.thread.AutoLock;
import org.strictkeepalive.CloseReason;

/**
 * Counts the clients that come back within a second of the close of their idle connection: it should have been kept. Where
 * an address has opened another connection while that one was idle, it opens them anyway, or many clients share it. Then
 * nothing is counted.
 *
 * <p>Time is passed in. The number of peers is bounded: those of the oldest closes are forgotten. Safe for use by any
 * thread.
 */
public final class Regret {
    static final int MOST_PEERS = 1024;
    static final long WINDOW = TimeUnit.SECONDS.toNanos(1);

    private final AutoLock lock = new AutoLock();
    private final Map<CloseReason, Long> byReason = new EnumMap<>(CloseReason.class);
    /** The last closes by peer, in the order of the closes. */
    private final Map<Object, Closed> closed = new LinkedHashMap<>();
    /** When each peer has opened its last connection, in this order. */
    private final Map<Object, Long> opened = new LinkedHashMap<>();

    /**
     * The last close of a peer's connection. {@code count} is how many such closes no new connection has answered yet.
     */
    private record Closed(CloseReason reason, int count, long at) {}

    /** A connection was closed that was idle since a time. Its peer is null if that is not known. */
    public void onClosed(Object peer, CloseReason reason, long since, long now) {
        if (peer == null || reason == CloseReason.DRAIN || reason == CloseReason.STOP) {
            return; // These clients have to come back to another server.
        }
        try (AutoLock ignored = lock.lock()) {
            Long last = opened.get(peer);
            if (last != null && last - since > 0) {
                return;
            }
            Closed before = closed.remove(peer);
            int count = before == null || now - before.at > WINDOW ? 0 : before.count;
            closed.put(peer, new Closed(reason, count + 1, now));
            bound(closed);
        }
    }

    private static void bound(Map<Object, ?> map) {
        if (map.size() > MOST_PEERS) {
            map.remove(map.keySet().iterator().next());
        }
    }

    /** A connection was opened. */
    public void onOpened(Object peer, long now) {
        if (peer == null) {
            return;
        }
        try (AutoLock ignored = lock.lock()) {
            opened.remove(peer);
            opened.put(peer, now);
            bound(opened);
            Closed last = closed.get(peer);
            if (last == null) {
                return;
            }
            boolean inTime = now - last.at <= WINDOW;
            if (inTime) {
                byReason.merge(last.reason, 1L, Long::sum);
            }
            if (inTime && last.count > 1) {
                closed.put(peer, new Closed(last.reason, last.count - 1, last.at));
            } else {
                closed.remove(peer);
            }
        }
    }

    public Map<CloseReason, Long> byReason() {
        try (AutoLock ignored = lock.lock()) {
            return new EnumMap<>(byReason);
        }
    }
}
