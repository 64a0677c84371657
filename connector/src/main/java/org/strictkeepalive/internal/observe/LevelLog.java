package org.strictkeepalive.internal.observe;

import org.strictkeepalive.PressureLevel;

/**
 * Limits how often changes of the level are logged: one line on a rise and one on the fall back to normal, each at most
 * once in ten seconds, with the number of changes that were left out. Pure.
 */
final class LevelLog {
    private static final long INTERVAL = 10_000_000_000L;

    /** What to log. */
    enum Line {
        RISE,
        FALL
    }

    private PressureLevel shown = PressureLevel.NORMAL;
    private PressureLevel last = PressureLevel.NORMAL;
    private long riseAt;
    private long fallAt;
    private boolean risen;
    private boolean fallen;
    private int changes;

    /**
     * Tells what to log now. It is asked at each sample, so a line that was held back is logged later.
     *
     * @return the line, or null for none
     */
    Line next(PressureLevel level, long now) {
        if (level != last) {
            last = level;
            changes++;
        }
        if (level.compareTo(shown) > 0 && (!risen || now - riseAt >= INTERVAL)) {
            risen = true;
            riseAt = now;
            shown = level;
            return Line.RISE;
        }
        if (level == PressureLevel.NORMAL && shown != level && (!fallen || now - fallAt >= INTERVAL)) {
            fallen = true;
            fallAt = now;
            shown = level;
            return Line.FALL;
        }
        return null;
    }

    /** How many changes since the last line were not logged. Starts to count again. */
    int takeOmitted() {
        int omitted = Math.max(changes - 1, 0);
        changes = 0;
        return omitted;
    }

    /** Whether a line is held back, so that this has to be asked again. */
    boolean isBehind() {
        return last == PressureLevel.NORMAL && shown != last;
    }
}
