package org.strictkeepalive.internal.http2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.testkit.VirtualGovernor;

/** Whose turn it is on a connection of HTTP/2, and for how long. */
class Http2ProgressTest {
    private static final long SECOND = 1_000_000_000L;

    private final VirtualGovernor governor = new VirtualGovernor(Long.MAX_VALUE - 5 * SECOND); // nanoTime may wrap
    private final BareHttp2 connection = new BareHttp2(governor);

    private void begin() {
        connection.streams++;
        connection.opened++;
        assertTrue(connection.onRequest(governor.now));
    }

    private void end(boolean waited) {
        connection.streams--;
        connection.ended++;
        connection.onExchangeOver(waited);
    }

    private void look(PressureLevel level) {
        boolean calm = level == PressureLevel.NORMAL;
        governor.pressure = new Pressure(level, calm ? 0 : 1, calm ? 0 : 1, 0, 0, 0, 0, 0, 0, Verdict.NONE);
        connection.look(new Tick(governor.now, governor.pressure));
    }

    /** A request each half minute, and a look at each of them. */
    @ParameterizedTest
    @EnumSource(names = {"ELEVATED", "CRITICAL"})
    void aWaitIsNotThatOfAnEarlierExchange(PressureLevel level) {
        begin();
        connection.waits();
        governor.now += SECOND / 10;
        look(PressureLevel.NORMAL);
        end(true);
        governor.now += 29 * SECOND;
        begin();
        connection.waits();
        governor.now += SECOND / 10;
        look(level);
        assertNull(connection.closing());
        assertEquals(0, connection.clientRate().waited());
    }

    @BeforeEach
    void judgesByTheRateOnly() {
        governor.decisions =
                new Decisions(KeepAlivePolicy.builder().minDataRate(0).build());
    }

    private void trickle() {
        begin();
        connection.waits();
        for (int i = 0; i < 200; i++) {
            governor.now += SECOND / 100;
            connection.moved += 10;
            look(PressureLevel.CRITICAL);
        }
        assertNotNull(connection.clientRate());
    }

    @Test
    void theSlowestEnds() {
        trickle();
        assertTrue(connection.endAsSlowest());
        assertEquals(CloseReason.SLOWEST, connection.closing());
    }

    @Test
    void aConnectionWithoutAStreamIsNotTheSlowest() {
        trickle();
        end(true);
        assertFalse(connection.endAsSlowest());
    }

    @Test
    void whoHasGotAnotherRequestForTheApplicationIsNotTheSlowest() {
        trickle();
        begin();
        assertFalse(connection.endAsSlowest());
    }

    @Test
    void itIsCheckedOnceMoreJustBeforeTheEnd() {
        trickle();
        connection.late = this::begin;
        assertTrue(connection.endAsSlowest());
        assertNull(connection.closing());
        assertEquals(Http2Life.OPEN, connection.life());
    }
}
