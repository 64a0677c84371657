package org.strictkeepalive.internal.policy;

import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

/**
 * Computes from the use of a pool how far exchanges that wait for their clients hold its threads. It has the thresholds
 * of the pressure on descriptors. Pure: the last result goes in, the next comes out.
 */
public final class ThreadGauge {
    private final Thresholds thresholds;

    public ThreadGauge(KeepAlivePolicy policy) {
        thresholds = Thresholds.of(policy);
    }

    /**
     * Whether so few threads are in use that exchanges need not be counted: not even ELEVATED could follow.
     *
     * @param used the threads that run tasks of connections
     * @param all the threads that can do so
     */
    public boolean isCalm(int used, int all) {
        return all <= 0 || used < (thresholds.elevatedAt() - thresholds.hysteresis()) * all;
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
        PressureLevel level = thresholds.level(last.level(), share);
        boolean high = level == PressureLevel.HIGH;
        if (high && waiting > 0) {
            level = PressureLevel.CRITICAL;
        }
        int most = (int) (all * thresholds.belowHigh());
        return new Threads(share, level, thresholds.squeeze(level, share), high ? Math.max(0, held - most) : 0);
    }
}
