package org.strictkeepalive.internal.policy;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Counts who holds how many of the idle connections, and who more than a share of them. Pure. */
public final class FairShare {
    private final double share;
    private final Map<Object, Integer> held = new HashMap<>();
    private int all;

    /** Makes one for a share; where that is not positive nobody holds too many. */
    public FairShare(double share) {
        this.share = share;
    }

    public boolean isOn() {
        return share > 0;
    }

    /** Counts a connection, that of a peer or, for null, of nobody known. */
    public void add(Object peer) {
        all++;
        if (peer != null) {
            held.merge(peer, 1, Integer::sum);
        }
    }

    /** What each peer that holds too many holds beyond its share, which is one at least. */
    public Map<Object, Integer> surplus() {
        int most = Math.max(1, (int) (share * all));
        Map<Object, Integer> surplus = new HashMap<>();
        if (isOn()) {
            held.forEach((peer, count) -> {
                if (count > most) {
                    surplus.put(peer, count - most);
                }
            });
        }
        return surplus;
    }

    /** The peers that hold too many. */
    public Set<Object> greedy() {
        return Set.copyOf(surplus().keySet());
    }
}
