package org.strictkeepalive.internal.time;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SliceTest {
    private static final long LENGTH = 50_000;

    private long now = Long.MAX_VALUE - LENGTH / 2;
    private final TaskThread closer = new TaskThread("closer", true, failure -> {});
    private final Slice slice = new Slice(() -> now, closer);

    @AfterEach
    void endCloser() {
        closer.end();
    }

    @Test
    void itIsOverAfterItsTime() {
        for (int i = 0; i < 3; i++) {
            slice.begin(LENGTH);
            assertFalse(slice.getAsBoolean());
            now += LENGTH - 1;
            assertFalse(slice.getAsBoolean());
            now += Slice.CLOSE;
            assertTrue(slice.getAsBoolean());
        }
    }

    @Test
    void stepsThatCloseNothingMayTakeLonger() {
        slice.begin(LENGTH);
        long begun = now;
        do {
            now += Slice.CLOSE - 1;
        } while (!slice.getAsBoolean());
        assertTrue(now - begun >= Slice.LONGEST);
        assertTrue(now - begun < Slice.LONGEST + Slice.CLOSE);
    }

    @Test
    void aCloseCountsHoweverShort() {
        slice.begin(LENGTH);
        now += LENGTH - 1;
        assertFalse(slice.isOver(true));
        now++;
        assertFalse(slice.isOver(false));
        now++;
        assertTrue(slice.isOver(true));
    }

    @Test
    void eachCloseCounts() {
        slice.begin(LENGTH);
        for (int i = 0; i < 5; i++) {
            now += 1_000;
            assertFalse(slice.getAsBoolean());
            now += 9_000;
            assertFalse(slice.getAsBoolean());
        }
        now += 5_000;
        assertTrue(slice.getAsBoolean());
    }

    @Test
    void itIsOverWhenItHasHandedOnEnough() {
        for (int i = 0; i < 3; i++) {
            slice.begin(LENGTH);
            hand(Slice.MOST_TASKS - 1);
            assertFalse(slice.getAsBoolean());
            hand(1);
            assertTrue(slice.getAsBoolean());
        }
    }

    @Test
    void oneWithoutEndIsNeverOver() {
        slice.begin(Slice.ENDLESS);
        now += 100 * LENGTH;
        hand(100 * Slice.MOST_TASKS);
        assertFalse(slice.getAsBoolean());
        slice.begin(LENGTH);
        now += LENGTH;
        assertTrue(slice.getAsBoolean());
    }

    private void hand(int count) {
        for (int i = 0; i < count; i++) {
            closer.execute(() -> {});
        }
    }
}
