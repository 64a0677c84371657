package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.observe.LevelLog.Line;

class LevelLogTest {
    private static final long SECOND = 1_000_000_000L;

    private final LevelLog log = new LevelLog();

    @Test
    void atNormalThereIsNothingToTell() {
        for (int i = 0; i < 100; i++) {
            assertNull(log.next(PressureLevel.NORMAL, i * SECOND));
        }
        assertFalse(log.isBehind());
        assertEquals(0, log.takeOmitted());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -5, Long.MAX_VALUE - 1_000_000_000L, Long.MIN_VALUE})
    void aRiseAndTheFallBackAreToldAtOnceWheneverTheClockBegan(long origin) {
        assertEquals(Line.RISE, log.next(PressureLevel.ELEVATED, origin));
        assertEquals(0, log.takeOmitted());
        assertNull(log.next(PressureLevel.ELEVATED, origin + SECOND));
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, origin + 2 * SECOND));
        assertEquals(0, log.takeOmitted());
        assertFalse(log.isBehind());
    }

    @Test
    void aFurtherRiseIsToldAfterTenSecondsIfItLasts() {
        assertEquals(Line.RISE, log.next(PressureLevel.ELEVATED, 0));
        assertNull(log.next(PressureLevel.HIGH, SECOND));
        assertNull(log.next(PressureLevel.CRITICAL, 10 * SECOND - 1));
        assertEquals(Line.RISE, log.next(PressureLevel.CRITICAL, 10 * SECOND));
    }

    @Test
    void aFallThatIsNotToNormalIsNotTold() {
        assertEquals(Line.RISE, log.next(PressureLevel.CRITICAL, 0));
        assertEquals(0, log.takeOmitted());
        assertNull(log.next(PressureLevel.HIGH, 20 * SECOND));
        assertNull(log.next(PressureLevel.ELEVATED, 40 * SECOND));
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, 60 * SECOND));
        assertEquals(2, log.takeOmitted());
    }

    @Test
    void aFallThatIsHeldBackComesLateButComes() {
        assertEquals(Line.RISE, log.next(PressureLevel.HIGH, 0));
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, SECOND));
        log.takeOmitted();
        assertNull(log.next(PressureLevel.HIGH, 2 * SECOND), "at most one rise in ten seconds");
        assertEquals(Line.RISE, log.next(PressureLevel.HIGH, 10 * SECOND));
        assertNull(log.next(PressureLevel.NORMAL, 10 * SECOND + 1), "at most one fall in ten seconds");
        assertTrue(log.isBehind());
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, 11 * SECOND));
        assertFalse(log.isBehind());
    }

    @Test
    void aRiseThatHasFallenBackIsToldWithTheNextLine() {
        assertEquals(Line.RISE, log.next(PressureLevel.ELEVATED, 0));
        assertEquals(PressureLevel.ELEVATED, log.highestTold());
        assertNull(log.next(PressureLevel.CRITICAL, SECOND));
        assertNull(log.next(PressureLevel.ELEVATED, 2 * SECOND));
        assertTrue(log.isBehind());
        assertEquals(Line.RISE, log.next(PressureLevel.ELEVATED, 10 * SECOND));
        assertEquals(PressureLevel.CRITICAL, log.highestTold());
        assertFalse(log.isBehind());
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, 11 * SECOND));
        assertEquals(PressureLevel.ELEVATED, log.highestTold());

        assertNull(log.next(PressureLevel.HIGH, 12 * SECOND));
        assertNull(log.next(PressureLevel.NORMAL, 13 * SECOND));
        assertTrue(log.isBehind());
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, 21 * SECOND), "the server is back at normal");
        assertEquals(PressureLevel.HIGH, log.highestTold());
        assertFalse(log.isBehind());
    }

    @Test
    void pausesAreCountedFromLineToLine() {
        assertEquals(3, log.takePauses(3));
        assertEquals(0, log.takePauses(3));
        assertEquals(2, log.takePauses(5));
    }

    @Test
    void changesThatNoLineTellsOfAreCounted() {
        assertEquals(Line.RISE, log.next(PressureLevel.HIGH, 0));
        assertEquals(0, log.takeOmitted());
        assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, 1));
        assertEquals(0, log.takeOmitted());
        for (int i = 0; i < 50; i++) {
            assertNull(log.next(PressureLevel.HIGH, 2 + 2 * i));
            assertNull(log.next(PressureLevel.NORMAL, 3 + 2 * i));
        }
        assertEquals(Line.RISE, log.next(PressureLevel.HIGH, 10 * SECOND));
        assertEquals(100, log.takeOmitted());
        assertEquals(0, log.takeOmitted());
    }

    @Property(tries = 200)
    void thereIsAtMostOneLineOfEachKindInTenSeconds(@ForAll @Size(max = 2000) List<PressureLevel> levels) {
        LevelLog log = new LevelLog();
        long rise = -10 * SECOND;
        long fall = -10 * SECOND;
        int changes = 0;
        int told = 0;
        PressureLevel last = PressureLevel.NORMAL;
        long now = 0;
        for (PressureLevel level : levels) {
            now += 100_000_000L;
            changes += level == last ? 0 : 1;
            last = level;
            Line line = log.next(level, now);
            if (line == Line.RISE) {
                assertTrue(now - rise >= 10 * SECOND);
                assertTrue(level != PressureLevel.NORMAL);
                rise = now;
            } else if (line == Line.FALL) {
                assertTrue(now - fall >= 10 * SECOND);
                assertEquals(PressureLevel.NORMAL, level);
                fall = now;
            }
            if (line != null) {
                told += 1 + log.takeOmitted();
            }
        }
        assertTrue(told <= changes);
        // A fall that is owed is told once its time has come.
        if (last == PressureLevel.NORMAL && log.isBehind()) {
            assertEquals(Line.FALL, log.next(PressureLevel.NORMAL, now + 10 * SECOND));
        }
        assertFalse(last == PressureLevel.NORMAL && log.isBehind());
    }
}
