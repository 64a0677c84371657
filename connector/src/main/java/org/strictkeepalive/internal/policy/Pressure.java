package org.strictkeepalive.internal.policy;

import org.strictkeepalive.PressureLevel;

/**
 * What is known of the pressure at one moment.
 *
 * @param level the level
 * @param share the pressure from 0 to 1, the highest of all sources but the threads
 * @param squeeze how far timeouts are shrunk, from 0 to 1
 * @param used the descriptors of the process that are open, -1 for unknown
 * @param limit the descriptor limit, -1 for unknown
 * @param reserve the descriptors kept free
 * @param open the governed connections
 * @param others the connections of the governed connectors that are not governed, such as WebSockets and tunnels
 * @param accepted how many connections had been accepted since start when descriptors were counted
 * @param verdict what relief has found; {@link Verdict#NONE} below HIGH
 * @param threads how far exchanges hold the threads, which is a pressure on them alone
 */
public record Pressure(
        PressureLevel level,
        double share,
        double squeeze,
        long used,
        long limit,
        long reserve,
        int open,
        int others,
        long accepted,
        Verdict verdict,
        Threads threads) {
    /** A connection keeps its timeouts only if it was still used this long after its accept, in nanoseconds. */
    static final long IN_USE = 1_000_000_000L;

    public static final Pressure NONE = new Pressure(PressureLevel.NORMAL, 0, 0, -1, -1, 0, 0, 0, 0, Verdict.NONE);

    /** A pressure without one on threads. */
    public Pressure(
            PressureLevel level,
            double share,
            double squeeze,
            long used,
            long limit,
            long reserve,
            int open,
            int others,
            long accepted,
            Verdict verdict) {
        this(level, share, squeeze, used, limit, reserve, open, others, accepted, verdict, Threads.NONE);
    }

    public boolean isKnown() {
        return used >= 0 && limit >= 0;
    }

    /** The descriptors that are free, never below 0; {@code Long.MAX_VALUE} if that is not known. */
    public long free() {
        return isKnown() ? Math.max(limit - used, 0) : Long.MAX_VALUE;
    }

    /** The same pressure, with the level ELEVATED if it is lower. */
    public Pressure atLeastElevated() {
        return level.isAtLeast(PressureLevel.ELEVATED) ? this : at(PressureLevel.ELEVATED, squeeze);
    }

    /** The pressure by which exchanges are judged that wait for their clients, since they also hold threads. */
    public Pressure onExchanges() {
        return level.isAtLeast(threads.level()) && squeeze >= threads.squeeze()
                ? this
                : at(highestLevel(), Math.max(squeeze, threads.squeeze()));
    }

    /** The higher one of the level and that of the threads. */
    public PressureLevel highestLevel() {
        return level.isAtLeast(threads.level()) ? level : threads.level();
    }

    /** The highest share of all sources, from 0 to 1. */
    public double highestShare() {
        return Math.max(share, threads.share());
    }

    private Pressure at(PressureLevel other, double squeezed) {
        return new Pressure(other, share, squeezed, used, limit, reserve, open, others, accepted, verdict, threads);
    }

    public Pressure with(Verdict found) {
        return found.equals(verdict)
                ? this
                : new Pressure(level, share, squeeze, used, limit, reserve, open, others, accepted, found, threads);
    }

    public Pressure with(Threads measured) {
        return measured.equals(threads)
                ? this
                : new Pressure(level, share, squeeze, used, limit, reserve, open, others, accepted, verdict, measured);
    }

    /** Whether greedy peers cause the pressure, and this peer is known and not one of them. */
    public boolean spares(Object peer) {
        return !verdict.greedy().isEmpty() && peer != null && !verdict.greedy().contains(peer);
    }

    /**
     * Whether a connection keeps its timeouts, because greedy peers cause the pressure and it is in use. Two requests
     * at once and then silence are not enough. Otherwise an attacker with many addresses could make one of them greedy,
     * so that the connections of all the others stay.
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
