package org.strictkeepalive.internal.policy;

import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

/**
 * The shares of a resource at which the levels begin.
 *
 * @param elevatedAt the share at which ELEVATED begins, infinite if that is off
 * @param highAt the share at which HIGH begins, infinite if that is off
 * @param hysteresis how far the share falls below such a threshold before the level ends
 */
record Thresholds(double elevatedAt, double highAt, double hysteresis) {
    static Thresholds of(KeepAlivePolicy policy) {
        return new Thresholds(threshold(policy.getElevatedAt()), threshold(policy.getHighAt()), policy.getHysteresis());
    }

    private static double threshold(double setting) {
        return setting > 0 ? setting : Double.POSITIVE_INFINITY;
    }

    /** The level by a share alone, which is never CRITICAL. */
    PressureLevel level(PressureLevel last, double share) {
        if (holds(share, highAt, last.isAtLeast(PressureLevel.HIGH))) {
            return PressureLevel.HIGH;
        }
        return holds(share, elevatedAt, last.isAtLeast(PressureLevel.ELEVATED))
                ? PressureLevel.ELEVATED
                : PressureLevel.NORMAL;
    }

    private boolean holds(double share, double threshold, boolean held) {
        return share >= threshold || (held && share > threshold - hysteresis);
    }

    /** How far times shrink, from 0 to 1: all the way at {@code highAt}. */
    double squeeze(PressureLevel level, double share) {
        if (level == PressureLevel.NORMAL) {
            return 0;
        }
        double end = Math.min(highAt, 1);
        if (level.isAtLeast(PressureLevel.HIGH) || end <= elevatedAt) {
            return 1;
        }
        return Math.max(0, Math.min(1, (share - elevatedAt) / (end - elevatedAt)));
    }

    /** The share at which HIGH ends. */
    double belowHigh() {
        return Math.min(highAt, 1) - hysteresis;
    }
}
