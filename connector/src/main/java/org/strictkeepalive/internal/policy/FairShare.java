package org.strictkeepalive.internal.policy;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Counts how many of the idle connections each peer holds, and finds peers with more than a share of them. Pure. */
public final class FairShare {
    private final double share;
    private final Map<Object, Integer> held = new HashMap<>();
    private int all;

    /** Creates a count. If the share is zero or less, no peer holds too many. */
    public FairShare(double share) {
        this.share = share;
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
        int most = Math.max(1, (int) (share * all));
        Map<Object, Integer> surplus = new HashMap<>();
        if (isOn()) {
            for (Map.Entry<Object, Integer> peer : held.entrySet()) {
                if (peer.getValue() > most) {
                    surplus.put(peer.getKey(), peer.getValue() - most);
                }
            }
        }
        return surplus;
    }

    /** The peers that hold too many. */
    public Set<Object> greedy() {
        return Set.copyOf(surplus().keySet());
    }
}
