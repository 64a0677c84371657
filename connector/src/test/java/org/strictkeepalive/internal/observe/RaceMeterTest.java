package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;

class RaceMeterTest {
    private static final long MS = 1_000_000L;
    private static final long HOUR = 3_600_000 * MS;
    /** Just before the clock wraps. */
    private long now = Long.MAX_VALUE - HOUR / 2;

    private final RaceMeter meter = new RaceMeter();

    @Test
    void racesAreCountedByReasonAndPeer() {
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.1", MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", MS);
        meter.onRace(CloseReason.EVICTED, "10.0.0.2", MS);
        assertEquals(3, meter.count());
        assertEquals(Map.of(CloseReason.KEEP_ALIVE_TIMEOUT, 2L, CloseReason.EVICTED, 1L), meter.byReason());
        assertEquals(Map.of("10.0.0.1", 1L, "10.0.0.2", 2L), meter.byPeer());
    }

    @Test
    void theWarningNamesTheWorstPeerHowManyHowLateAndTheRemedy() {
        meter.onRace(CloseReason.EVICTED, "10.0.0.1", 900 * MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", 3 * MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", 7 * MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", 5 * MS);
        RaceMeter.Warning warning = meter.warning(now);
        assertEquals(new RaceMeter.Warning("10.0.0.2", CloseReason.KEEP_ALIVE_TIMEOUT, 3, 7 * MS, 4), warning);
        assertTrue(warning.remedy().contains("keepAliveTimeout"), warning.remedy());
    }

    @Test
    void thereIsOneWarningAnHourAndItTellsOfWhatCameSince() {
        assertNull(meter.warning(now));
        meter.onRace(CloseReason.DRAIN, "10.0.0.1", MS);
        assertEquals(1, meter.warning(now).inAll());
        meter.onRace(CloseReason.STOP, "10.0.0.2", 2 * MS);
        meter.onRace(CloseReason.STOP, "10.0.0.2", MS);
        assertNull(meter.warning(now + HOUR - 1));
        assertEquals(new RaceMeter.Warning("10.0.0.2", CloseReason.STOP, 2, 2 * MS, 2), meter.warning(now + HOUR));
        assertNull(meter.warning(now + 5 * HOUR), "nothing new");
    }

    @Test
    void peersAreBoundedAndThoseHeardOfLastStay() {
        for (int i = 0; i < 10_000; i++) {
            meter.onRace(CloseReason.EVICTED, "attacker " + i, MS);
            if (i % 10 == 0) {
                meter.onRace(CloseReason.EVICTED, "proxy", MS);
            }
        }
        assertEquals(RaceMeter.MOST_PEERS, meter.byPeer().size());
        assertEquals(1000, meter.byPeer().get("proxy"));
        assertEquals(11_000, meter.count());
        RaceMeter.Warning warning = meter.warning(now);
        assertEquals("proxy", warning.peer());
        assertEquals(11_000, warning.inAll());
    }

    @ParameterizedTest
    @EnumSource(CloseReason.class)
    void eachReasonHasARemedy(CloseReason reason) {
        meter.onRace(reason, "p", MS);
        assertTrue(meter.warning(now).remedy().length() > 10);
    }
}
