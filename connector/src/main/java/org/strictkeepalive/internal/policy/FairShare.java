package org.strictkeepalive.internal.policy;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * Counts how many of the idle connections each peer holds, and finds peers with more than a share of them. Connections
 * that are not governed count too, since they hold room, but they are never part of what a peer has to give up. Pure.
 */
public final class FairShare {
    private final double share;
    private final Map<Object, Integer> others;
    private final Map<Object, Integer> held = new HashMap<>();
    private int all;

    /**
     * Creates a count. If the share is zero or less, no peer holds too many.
     *
     * @param others how many connections each peer has that are not governed; it may change meanwhile
     */
    public FairShare(double share, Map<Object, Integer> others) {
        this.share = share;
        this.others = others;
    }

    public boolean isOn() {
        return share > 0;
    }

    /** Counts a connection of a peer, null for an unknown one. */
    public void add(Object peer) {
        all++;
        if (peer != null) {
            held.merge(peer, 1, Integer::sum);
        }
    }

    /**
     * How many connections each peer that holds too many holds beyond its share. A share is one connection at least.
     */
    public Map<Object, Integer> surplus() {
        int most = Math.max(1, (int) (share * (all + othersOfAll())));
        Map<Object, Integer> surplus = new HashMap<>();
        if (isOn()) {
            for (Map.Entry<Object, Integer> peer : held.entrySet()) {
                int beyond = peer.getValue() + others.getOrDefault(peer.getKey(), 0) - most;
                if (beyond > 0) {
                    surplus.put(peer.getKey(), Math.min(peer.getValue(), beyond));
                }
            }
        }
        return surplus;
    }

    private int othersOfAll() {
        int sum = 0;
        for (int count : others.values()) {
            sum += count;
        }
        return sum;
    }

    /** The peers that hold too many. */
    public Set<Object> greedy() {
        return Set.copyOf(surplus().keySet());
    }
}
