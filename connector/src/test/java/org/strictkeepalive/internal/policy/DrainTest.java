package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Drain and stop. */
class DrainTest {
    private static final long SECOND = 1_000_000_000L;

    // ---- The decision

    @Test
    void theChanceOfACloseRisesToCertainty() {
        long from = Long.MAX_VALUE - SECOND; // it wraps
        Drain drain = new Drain(from, 4 * SECOND);
        assertFalse(drain.saysClose(from, 0));
        assertTrue(drain.saysClose(from + SECOND, 0.24));
        assertFalse(drain.saysClose(from + SECOND, 0.26));
        assertTrue(drain.saysClose(from + 3 * SECOND, 0.74));
        assertFalse(drain.saysClose(from + 3 * SECOND, 0.76));
        assertFalse(drain.isOver(from + 4 * SECOND - 1));
        assertTrue(drain.isOver(from + 4 * SECOND));
        assertTrue(drain.saysClose(from + 4 * SECOND, 0.999999));
    }

    @Test
    void aDrainOfNoTimeIsOverAtOnce() {
        Drain drain = new Drain(5, 0);
        assertTrue(drain.isOver(5));
        assertTrue(drain.saysClose(5, 0.999999));
    }
}
