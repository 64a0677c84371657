package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.PressureLevel;

class PressureTest {
    private static final long SECOND = 1_000_000_000L;

    private static Pressure high(boolean squeezing, Set<Object> greedy) {
        return new Pressure(
                PressureLevel.HIGH,
                1,
                1,
                900,
                1000,
                16,
                900,
                0,
                0,
                new Verdict(false, squeezing, false, false, greedy));
    }

    /** Else one more address, that is greedy, would buy an attacker with many the time that others are left. */
    @Test
    void timeIsLeftOnlyToConnectionsOfOthersInUse() {
        Pressure pressure = high(true, Set.of("greedy"));
        assertEquals(1, pressure.squeeze(true, SECOND - 1, "other"));
        assertEquals(0, pressure.squeeze(true, SECOND, "other"));
        assertEquals(1, pressure.squeeze(false, SECOND, "other"));
        assertEquals(1, pressure.squeeze(true, SECOND, "greedy"));
        assertEquals(1, pressure.squeeze(true, SECOND, null));
    }

    @Test
    void reusedConnectionsKeepTheirTimeUntilGivingUpIdleOnesHelps() {
        assertEquals(0, high(false, Set.of()).squeeze(true, 0, "other"));
        assertEquals(1, high(false, Set.of()).squeeze(false, 0, "other"));
        assertEquals(1, high(true, Set.of()).squeeze(true, 0, "other"));
    }

    @Test
    void thoseWhoAreNotGreedyAreSparedIfSomebodyIs() {
        assertTrue(high(true, Set.of("greedy")).spares("other"));
        assertFalse(high(true, Set.of("greedy")).spares("greedy"));
        assertFalse(high(true, Set.of("greedy")).spares(null));
        assertFalse(high(true, Set.of()).spares("other"));
    }
}
