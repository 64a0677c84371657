package org.strictkeepalive.internal.policy;

import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

/**
 * Computes from the use of a pool how far exchanges that wait for their clients hold its threads. It has the thresholds
 * of the pressure on descriptors. Pure: the last result goes in, the next comes out.
 */
public final class ThreadGauge {
    private final double elevatedAt;
    private final double highAt;
    private final double hysteresis;

    public ThreadGauge(KeepAlivePolicy policy) {
        elevatedAt = threshold(policy.getElevatedAt());
        highAt = threshold(policy.getHighAt());
        hysteresis = policy.getHysteresis();
    }

    private static double threshold(double setting) {
        return setting > 0 ? setting : Double.POSITIVE_INFINITY;
    }

    /**
     * Whether so few threads are in use that exchanges need not be counted: not even ELEVATED could follow.
     *
     * @param used the threads that run tasks of connections
     * @param all the threads that can do so
     */
    public boolean isCalm(int used, int all) {
        return all <= 0 || used < (elevatedAt - hysteresis) * all;
    }

    /**
     * Returns what follows.
     *
     * @param last the last result
     * @param blocked how many exchanges wait for their clients and block a thread
     * @param used the threads that run tasks of connections
     * @param all the threads that can do so
     * @param waiting the tasks that wait because no thread is free
     */
    public Threads next(Threads last, int blocked, int used, int all, int waiting) {
        if (isCalm(used, all)) {
            return Threads.NONE;
        }
        int held = Math.min(Math.min(blocked, used), all);
        double share = (double) held / all;
        boolean wasHigh = last.level().isAtLeast(PressureLevel.HIGH);
        boolean high = holds(share, highAt, wasHigh);
        PressureLevel level;
        if (high && waiting > 0) {
            level = PressureLevel.CRITICAL;
        } else if (high) {
            level = PressureLevel.HIGH;
        } else if (holds(share, elevatedAt, last.level().isAtLeast(PressureLevel.ELEVATED))) {
            level = PressureLevel.ELEVATED;
        } else {
            level = PressureLevel.NORMAL;
        }
        int most = (int) (all * (Math.min(highAt, 1) - hysteresis));
        return new Threads(share, level, squeeze(level, share), high ? Math.max(0, held - most) : 0);
    }

    /** A level is entered at its threshold, and left at {@code hysteresis} below it. */
    private boolean holds(double share, double threshold, boolean held) {
        return share >= threshold || (held && share > threshold - hysteresis);
    }

    private double squeeze(PressureLevel level, double share) {
        if (level == PressureLevel.NORMAL) {
            return 0;
        }
        double end = Math.min(highAt, 1);
        if (level.isAtLeast(PressureLevel.HIGH) || end <= elevatedAt) {
            return 1;
        }
        return Math.max(0, Math.min(1, (share - elevatedAt) / (end - elevatedAt)));
    }
}
