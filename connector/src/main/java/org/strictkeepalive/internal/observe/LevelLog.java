package org.strictkeepalive.internal.observe;

import org.strictkeepalive.PressureLevel;

/**
 * Limits how often changes of the level are logged: one line on a rise and one on the fall back to normal, each at most
 * once in ten seconds, with the highest level since the last line and the number of changes that were left out. So each
 * rise is told, if late. Pure.
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
    /** The highest level since the last line. */
    private PressureLevel highest = PressureLevel.NORMAL;

    private PressureLevel told = PressureLevel.NORMAL;
    private long riseAt;
    private long fallAt;
    private boolean risen;
    private boolean fallen;
    private int changes;
    private long pauses;

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
        highest = highest.isAtLeast(level) ? highest : level;
        if (isRiseUntold() && (!risen || now - riseAt >= INTERVAL)) {
            risen = true;
            riseAt = now;
            shown = highest;
            return tell(Line.RISE);
        }
        if (isFallUntold() && (!fallen || now - fallAt >= INTERVAL)) {
            fallen = true;
            fallAt = now;
            shown = level;
            return tell(Line.FALL);
        }
        return null;
    }

    private Line tell(Line line) {
        told = highest;
        highest = last;
        return line;
    }

    /** The highest level from the line before the last one to the last one. */
    PressureLevel highestTold() {
        return told;
    }

    /** How many changes since the last line were not logged. Starts to count again. */
    int takeOmitted() {
        int omitted = Math.max(changes - 1, 0);
        changes = 0;
        return omitted;
    }

    /** How many of all pauses are new since the last line. */
    long takePauses(long all) {
        long result = all - pauses;
        pauses = all;
        return result;
    }

    /** Whether a line is held back, so that this has to be asked again. */
    boolean isBehind() {
        return isRiseUntold() || isFallUntold();
    }

    private boolean isRiseUntold() {
        return last != PressureLevel.NORMAL && highest.compareTo(shown) > 0;
    }

    private boolean isFallUntold() {
        return last == PressureLevel.NORMAL && (shown != last || highest != last);
    }
}
