package org.strictkeepalive.internal.policy;

import java.util.Set;

/**
 * What relief has found when it last looked at all connections.
 *
 * @param newcomersGone whether nothing never-reused is left to evict, so that reused connections have to go too
 * @param squeezing whether deadlines of reused connections shrink: where giving up all that is idle has been enough
 *     for a while. Else a reused connection is worth more than what its descriptor gains. When a crowd has just come,
 *     what looks idle may be busy in a moment
 * @param stuck whether nothing could go and nothing was about to
 * @param greedy the peers with more than their fair share, empty also where that doesn't cover what has to go
 */
public record Verdict(boolean newcomersGone, boolean squeezing, boolean stuck, Set<Object> greedy) {
    /** Nothing is known yet, so no reused connection has to go and something else may. */
    public static final Verdict NONE = new Verdict(false, false, false, Set.of());

    /** The same, now that something goes. */
    public Verdict moving() {
        return stuck ? new Verdict(newcomersGone, squeezing, false, greedy) : this;
    }
}
