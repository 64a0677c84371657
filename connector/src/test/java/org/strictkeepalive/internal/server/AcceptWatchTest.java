package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.GovernorFixture;

/** What an accept finds. */
class AcceptWatchTest extends GovernorFixture {
    @Test
    void aSampleIsTakenAgainAtAcceptWhenTheLastIsOld() throws Exception {
        start(b -> b);
        int before = probe.asked;
        assertTrue(accept());
        assertTrue(accept());
        assertEquals(before, probe.asked, "the last one is fresh");
        scheduler.now += 2 * MS;
        probe.used = 500;
        assertTrue(accept());
        assertEquals(before + 1, probe.asked);
        assertEquals(500, governor.pressure().used());
    }

    @Test
    void aDearProbeIsNotAskedAtEachAccept() throws Exception {
        probe.cheap = false;
        start(b -> b);
        int before = probe.asked;
        for (int i = 0; i < 50; i++) {
            scheduler.now += MS;
            accept();
        }
        assertEquals(before, probe.asked);
        scheduler.now += 60 * MS;
        accept();
        assertEquals(before + 1, probe.asked);
    }

    @Test
    void anAcceptBurstIsSeenWithoutADearCount() throws Exception {
        probe.cheap = false;
        start(b -> b);
        open(800);
        tick();
        assertEquals(PressureLevel.HIGH, governor.pressure().level());
        int before = probe.asked;
        for (int i = 0; i < 90; i++) {
            accept();
        }
        assertEquals(before, probe.asked);
        assertEquals(PressureLevel.CRITICAL, governor.pressure().level());
        assertFalse(connector.isAccepting());
    }

    @Test
    void anAcceptThatFindsTheReserveReachedBringsReliefSoon() throws Exception {
        start(b -> b);
        open(500);
        tick();
        assertTrue(scheduler.pending.get(0).at() - scheduler.now > 50 * MS);
        open(390);
        scheduler.now += 2 * MS;
        accept();
        assertFalse(connector.isAccepting());
        assertEquals(1, scheduler.pending.size());
        assertTrue(scheduler.pending.get(0).at() - scheduler.now <= 10 * MS);
    }

    @Test
    void maxConnectionsHoldWithinABurstThatIsQuickerThanASample() throws Exception {
        start(b -> b.maxConnections(10));
        open(9);
        scheduler.advance(SECOND);
        assertTrue(connector.isAccepting());
        accept();
        assertEquals(PressureLevel.CRITICAL, governor.pressure().level());
        assertFalse(connector.isAccepting());
    }

    @Test
    void whatIsAcceptedCountsBeforeItsEndPointIsMade() throws Exception {
        probe.used = 1;
        start(b -> b);
        for (int i = 0; i < 850; i++) {
            probe.add(1);
            accept();
        }
        scheduler.now += 2 * MS;
        accept();
        assertEquals(PressureLevel.HIGH, governor.pressure().level());
    }

    @Test
    void withoutAcceptorsWhatComesWhileNothingIsLeftIsRefused() throws Exception {
        probe.used = 997;
        start(0, b -> b);
        assertFalse(accept());
        assertEquals(1, monitor.getStatistics().getClosed(CloseReason.REFUSED));
        assertEquals(1, monitor.getStatistics().getOpened());
        assertEquals(0, monitor.getStatistics().getOpen());
    }
}
