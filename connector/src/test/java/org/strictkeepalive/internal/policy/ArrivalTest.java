package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArrivalTest {
    private static final long MS = 1_000_000L;

    @ParameterizedTest
    @CsvSource({
        "0, 0, false",
        "10, 0, false",
        "10, -1, false", // a phase that doesn't count its bytes
        "0, 1, true",
        "4, 1, true",
        "5, 1, false", // 200 bytes a second
        "500, 119, false",
        "500, 120, true",
        "999, 300, true",
        "1000, 1000000, false",
        "30000, 1000000, false",
    })
    void whoseBytesKeepComingIsOnItsWayForASecond(long millis, long bytes, boolean coming) {
        assertEquals(coming, Arrival.isComing(millis * MS, bytes));
    }

    @Test
    void manyBytesDoNotOverflow() {
        assertEquals(true, Arrival.isComing(999 * MS, Long.MAX_VALUE));
    }

    @Test
    void whatIsNotReadYetIsWaitedForUpToTenSeconds() {
        assertTrue(Arrival.isDelayed(9_999 * MS, () -> true));
        assertFalse(Arrival.isDelayed(0, () -> false));
        assertFalse(Arrival.isDelayed(10_000 * MS, () -> fail("it is not asked for")));
    }
}
