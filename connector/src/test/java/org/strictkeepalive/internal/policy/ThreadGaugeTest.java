package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

class ThreadGaugeTest {
    private final ThreadGauge gauge = new ThreadGauge(KeepAlivePolicy.builder().build());

    private Threads next(Threads last, int blocked, int used, int waiting) {
        return gauge.next(last, blocked, used, 200, waiting);
    }

    @Test
    void theThresholdsAreThoseOfDescriptors() {
        assertEquals(PressureLevel.NORMAL, next(Threads.NONE, 139, 200, 9).level());
        assertEquals(PressureLevel.ELEVATED, next(Threads.NONE, 140, 200, 9).level());
        assertEquals(PressureLevel.HIGH, next(Threads.NONE, 160, 200, 0).level());
        assertEquals(PressureLevel.CRITICAL, next(Threads.NONE, 160, 200, 1).level());
        Threads high = next(Threads.NONE, 160, 200, 0);
        assertEquals(PressureLevel.HIGH, next(high, 151, 200, 0).level(), "held");
        assertEquals(PressureLevel.ELEVATED, next(high, 150, 200, 0).level());
        Threads elevated = next(Threads.NONE, 140, 200, 0);
        assertEquals(PressureLevel.ELEVATED, next(elevated, 131, 200, 0).level(), "held");
        assertEquals(PressureLevel.NORMAL, next(elevated, 129, 200, 0).level());
    }

    @Test
    void timesShrinkBetweenTheThresholds() {
        assertEquals(0, next(Threads.NONE, 140, 200, 0).squeeze(), 1e-9);
        assertEquals(0.5, next(Threads.NONE, 150, 200, 0).squeeze(), 1e-9);
        assertEquals(1, next(Threads.NONE, 160, 200, 0).squeeze(), 1e-9);
        assertEquals(0, next(Threads.NONE, 10, 200, 0).squeeze(), 1e-9);
    }

    @Test
    void onlyThreadsThatAreInUseCanBeBlocked() {
        assertEquals(0.75, next(Threads.NONE, 600, 150, 0).share());
        assertEquals(1, next(Threads.NONE, 600, 200, 9).share());
        assertEquals(1, next(Threads.NONE, 600, 300, 9).share());
    }

    @Test
    void soManyHaveToEndAsLeaveTheLevel() {
        assertEquals(0, next(Threads.NONE, 159, 200, 0).excess());
        assertEquals(200 - 150, next(Threads.NONE, 600, 200, 9).excess());
    }

    @Test
    void aPoolWithFreeThreadsIsCalm() {
        assertTrue(gauge.isCalm(129, 200));
        assertFalse(gauge.isCalm(130, 200));
        assertTrue(gauge.isCalm(5, 0));
        assertSame(Threads.NONE, next(next(Threads.NONE, 200, 200, 0), 100, 100, 0));
    }

    @Test
    void levelsThatAreOffAreNotReached() {
        ThreadGauge off = new ThreadGauge(
                KeepAlivePolicy.builder().elevatedAt(0).highAt(0).build());
        assertTrue(off.isCalm(200, 200));
        assertSame(Threads.NONE, off.next(Threads.NONE, 200, 200, 200, 9));
    }
}
