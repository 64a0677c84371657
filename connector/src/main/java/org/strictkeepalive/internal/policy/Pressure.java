package org.strictkeepalive.internal.policy;

import org.strictkeepalive.PressureLevel;

/**
 * What is known of the pressure at one moment.
 *
 * @param level the level
 * @param share the pressure from 0 to 1, the highest of all sources
 * @param squeeze how far timeouts are shrunk, from 0 to 1
 * @param used the descriptors of the process that are open, -1 for unknown
 * @param limit the descriptor limit, -1 for unknown
 * @param reserve the descriptors kept free
 * @param open the governed connections
 * @param accepted the connections accepted, since start, when descriptors were counted
 * @param verdict what relief has found; {@link Verdict#NONE} below HIGH
 */
public record Pressure(
        PressureLevel level,
        double share,
        double squeeze,
        long used,
        long limit,
        long reserve,
        int open,
        long accepted,
        Verdict verdict) {
    /** How long after its accept a connection must still have been used for its time to be left to it. */
    static final long IN_USE = 1_000_000_000L;

    public static final Pressure NONE = new Pressure(PressureLevel.NORMAL, 0, 0, -1, -1, 0, 0, 0, Verdict.NONE);

    public boolean isKnown() {
        return used >= 0 && limit >= 0;
    }

    /** The descriptors that are free, never below 0. */
    public long free() {
        return isKnown() ? Math.max(limit - used, 0) : Long.MAX_VALUE;
    }

    /** The same at ELEVATED, where it is lower. */
    public Pressure atLeastElevated() {
        return level.isAtLeast(PressureLevel.ELEVATED)
                ? this
                : new Pressure(PressureLevel.ELEVATED, share, squeeze, used, limit, reserve, open, accepted, verdict);
    }

    public Pressure with(Verdict found) {
        return found.equals(verdict)
                ? this
                : new Pressure(level, share, squeeze, used, limit, reserve, open, accepted, found);
    }

    /** Whether the pressure is the doing of greedy peers, and this is another one, that is known. */
    public boolean spares(Object peer) {
        return !verdict.greedy().isEmpty() && peer != null && !verdict.greedy().contains(peer);
    }

    /**
     * Whether a connection keeps its timeouts under pressure that is others' doing: one that is in use does. Two requests
     * at once and then silence are not enough. Else an attacker with many addresses would make one of them greedy, so that
     * the connections of all the others stay.
     *
     * @param reused whether it has carried two or more requests
     * @param usedFor the time from its accept to its last progress, in nanoseconds
     */
    public boolean keepsTimeouts(boolean reused, long usedFor, Object peer) {
        return reused && usedFor >= IN_USE && spares(peer);
    }

    /** How far the timeouts of a connection shrink, from 0 to 1. */
    public double squeeze(boolean reused, long usedFor, Object peer) {
        boolean waits = reused && level.isAtLeast(PressureLevel.HIGH) && !verdict.squeezing();
        return waits || keepsTimeouts(reused, usedFor, peer) ? 0 : squeeze;
    }
}
