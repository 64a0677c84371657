package org.strictkeepalive.internal.observe;

import java.net.InetAddress;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Who holds busy connections: whom their exchanges wait for, how many clients have gone, and from which addresses they
 * come. Filled by one thread, then only read.
 */
public final class Holders {
    private final Map<Wait, Integer> byWait = new EnumMap<>(Wait.class);
    private final Map<Object, Integer> byPeer = new HashMap<>();
    private int gone;

    /**
     * Adds a busy connection.
     *
     * @param isGone whether its client is known to have gone
     * @param peer as {@link org.strictkeepalive.internal.policy.Peers} defines it; null if that is not known
     */
    public void add(Wait wait, boolean isGone, Object peer) {
        byWait.merge(wait, 1, Integer::sum);
        if (isGone) {
            gone++;
        }
        if (peer != null) {
            byPeer.merge(peer, 1, Integer::sum);
        }
    }

    /** How many exchanges wait for whom. */
    public Map<String, Integer> byWait() {
        Map<String, Integer> result = new LinkedHashMap<>();
        for (Wait wait : Wait.values()) {
            result.put(wait.toString(), byWait.getOrDefault(wait, 0));
        }
        return result;
    }

    /** How many clients are known to have gone. Their exchanges are also counted by whom they wait for. */
    public int gone() {
        return gone;
    }

    /** How many addresses the clients have. All of an IPv6 /64 are one. */
    public int addresses() {
        return byPeer.size();
    }

    /** The addresses with the most connections, the most first. */
    public Map<String, Integer> byAddress(int most) {
        Map<String, Integer> result = new LinkedHashMap<>();
        List<Map.Entry<Object, Integer>> sorted = byPeer.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
                .limit(most)
                .toList();
        sorted.forEach(entry -> result.put(text(entry.getKey()), entry.getValue()));
        return result;
    }

    private static String text(Object peer) {
        if (peer instanceof InetAddress address) {
            return address.getHostAddress();
        }
        if (peer instanceof Long prefix) {
            return "%x:%x:%x:%x::/64"
                    .formatted(prefix >>> 48, (prefix >>> 32) & 0xFFFF, (prefix >>> 16) & 0xFFFF, prefix & 0xFFFF);
        }
        return peer.toString();
    }

    /** As in the log. */
    @Override
    public String toString() {
        StringBuilder out = new StringBuilder();
        byWait().forEach((wait, count) ->
                out.append(wait).append('=').append(count).append(' '));
        out.append("gone=").append(gone).append(" addresses=").append(addresses());
        byAddress(1)
                .forEach((address, count) ->
                        out.append(" most=").append(count).append(" from ").append(address));
        return out.toString();
    }
}
