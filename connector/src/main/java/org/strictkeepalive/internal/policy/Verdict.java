package org.strictkeepalive.internal.policy;

import java.util.Set;

/**
 * What relief has found in its last round over all connections.
 *
 * @param newcomersGone whether no never-reused connection is left to evict, so that reused connections have to go too
 * @param squeezing whether deadlines of reused connections shrink. They do if giving up all idle connections would have
 *     been enough for a while. If it is not enough, it would not get the room back. If it is enough only since a moment
 *     ago, a crowd may just have come, and what looks idle may be busy soon
 * @param stuck whether nothing could go and nothing was about to
 * @param full whether busy exchanges hold so much that too little is left, and is about to go, for visitors
 * @param greedy the peers with more than their fair share; empty if what they hold beyond it is less than what has to
 *     go
 */
public record Verdict(boolean newcomersGone, boolean squeezing, boolean stuck, boolean full, Set<Object> greedy) {
    /** Nothing is known yet: no reused connection has to go, and something else may go. */
    public static final Verdict NONE = new Verdict(false, false, false, false, Set.of());

    /** The same verdict after a connection has gone: no longer stuck. */
    public Verdict moving() {
        return stuck ? new Verdict(newcomersGone, squeezing, false, full, greedy) : this;
    }
}
