package org.strictkeepalive.internal.observe;

import org.strictkeepalive.PressureLevel;

/**
 * Bounds what is logged of level changes: one line on a rise and one on the fall back to normal, each at most once in
 * ten seconds, with the number of changes left out. Pure.
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
     * Tells what to log at this moment; asked at each sample, so that a line that was held back comes late but comes.
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

    /** The changes since the last line that no line told of. */
    int takeOmitted() {
        int omitted = Math.max(changes - 1, 0);
        changes = 0;
        return omitted;
    }

    /** Whether a line is held back, so that the log has to be asked again. */
    boolean isBehind() {
        return last == PressureLevel.NORMAL && shown != last;
    }
}
