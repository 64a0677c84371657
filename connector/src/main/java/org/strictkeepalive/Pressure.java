package org.strictkeepalive;

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
 * @param newcomersGone whether nothing never-reused is left to evict
 */
record Pressure(
        PressureLevel level,
        double share,
        double squeeze,
        long used,
        long limit,
        long reserve,
        int open,
        long accepted,
        boolean newcomersGone) {
    static final Pressure NONE = new Pressure(PressureLevel.NORMAL, 0, 0, -1, -1, 0, 0, 0, false);

    boolean isKnown() {
        return used >= 0 && limit >= 0;
    }

    /** The descriptors that are free, never below 0. */
    long free() {
        return isKnown() ? Math.max(limit - used, 0) : Long.MAX_VALUE;
    }

    /** The same at ELEVATED, where it is lower. */
    Pressure atLeastElevated() {
        return level.isAtLeast(PressureLevel.ELEVATED)
                ? this
                : new Pressure(
                        PressureLevel.ELEVATED, share, squeeze, used, limit, reserve, open, accepted, newcomersGone);
    }

    Pressure withNewcomersGone(boolean gone) {
        return gone == newcomersGone
                ? this
                : new Pressure(level, share, squeeze, used, limit, reserve, open, accepted, gone);
    }
}
