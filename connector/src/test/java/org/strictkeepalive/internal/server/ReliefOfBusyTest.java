package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.PressureGauge;
import org.strictkeepalive.testkit.FakeConnection;

/** Relief where busy exchanges hold the room. */
class ReliefOfBusyTest extends ReliefFixture {
    /** Exchanges that have waited for their client for so long, with 100 bytes a second more from one to the next. */
    private List<FakeConnection> slow(int count, long waitedMillis) {
        List<FakeConnection> opened = open(count, ConnectionState.BUSY, true, 5_000);
        for (int i = 0; i < count; i++) {
            opened.get(i).rate = new ClientRate();
            opened.get(i).rate.add(waitedMillis * MS, 100L * i * waitedMillis / 1000, 1L << 40);
        }
        return opened;
    }

    private static long ended(List<FakeConnection> connections) {
        return connections.stream().filter(c -> c.exchangesEnded > 0).count();
    }

    @Test
    void whereNothingIsIdleTheSlowestEndAsManyAsVisitorsNeed() {
        List<FakeConnection> slow = slow(100, 1_000);
        List<FakeConnection> reused = open(10, ConnectionState.IDLE, true, 20_000);
        used = 990;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(0, ended(slow), "no visitor");
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        // A reserve of 16 and a twentieth of 120 have to be free, and one more.
        assertEquals(13, ended(slow));
        assertEquals(13, ended(slow.subList(0, 13)));
        assertEquals(0, evicted(reused), "they are not enough, and stay");
        assertFalse(verdict.stuck());
        assertFalse(verdict.full());
        step(PressureLevel.CRITICAL, 1);
        assertEquals(13, ended(slow), "they are about to go");
    }

    @Test
    void whatIsIdleGoesFirst() {
        List<FakeConnection> slow = slow(100, 1_000);
        List<FakeConnection> silent = open(20, ConnectionState.NEW, false, 2_000);
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(20, evicted(silent));
        assertEquals(0, ended(slow));
    }

    @Test
    void belowCriticalNobodyEndsForBeingTheSlowest() {
        List<FakeConnection> slow = slow(100, 1_000);
        visitors = true;
        for (int i = 0; i < 10; i++) {
            step(PressureLevel.HIGH, 1);
        }
        assertEquals(0, ended(slow));
        assertFalse(verdict.full());
    }

    @Test
    void whoHasNotBeenJudgedIsWaitedFor() {
        List<FakeConnection> slow = slow(100, 300);
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(0, ended(slow));
        assertFalse(verdict.full());
        slow.forEach(connection -> connection.rate.add(200 * MS, 0, 1L << 40));
        step(PressureLevel.CRITICAL, 1);
        assertEquals(12, ended(slow));
    }

    @Test
    void itIsFullWhereTheApplicationHoldsAllRoom() {
        open(100, ConnectionState.BUSY, true, 5_000);
        List<FakeConnection> slow = slow(5, 1_000);
        open(10, ConnectionState.IDLE, true, 20_000);
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(5, ended(slow));
        assertTrue(verdict.full());
        used = 900;
        step(PressureLevel.CRITICAL, 1);
        assertFalse(verdict.full());
    }

    /** They give back the reserve, in which they were accepted, and no more. */
    @Test
    void itStaysFullWhileThoseWhoWereRefusedLingerAndOthersCome() {
        open(100, ConnectionState.BUSY, true, 5_000);
        used = 984;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertTrue(verdict.full());
        used = 995;
        open(11, ConnectionState.LINGERING, true, 1);
        step(PressureLevel.CRITICAL, 1);
        assertTrue(verdict.full());
        open(20, ConnectionState.BUSY, true, 1);
        step(PressureLevel.CRITICAL, 1);
        assertTrue(verdict.full(), "nobody knows yet whom their exchanges wait for");
        used = 970;
        step(PressureLevel.CRITICAL, 1);
        assertFalse(verdict.full());
    }

    /** Where a crowd comes back at once, visitors wait behind it. */
    @Test
    void asManyMoreEndAsHaveComeButNotThoseOfTheCalmBefore() {
        List<FakeConnection> slow = slow(100, 1_000);
        used = 990;
        visitors = true;
        accepted = 1_000_000;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(12, ended(slow));
        accepted += 5;
        used = 995;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(12 + 5 + 5, ended(slow), "5 are missing, and 5 have come");
    }

    @Test
    void itIsNotFullWhereAsManyEndAsAreMissing() {
        open(100, ConnectionState.BUSY, true, 5_000);
        List<FakeConnection> slow = slow(40, 1_000);
        used = 990;
        visitors = true;
        step(PressureLevel.HIGH, 1);
        accepted += 35;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(20, ended(slow), "the slower half");
        assertFalse(verdict.full());
    }

    @Test
    void onceThePressureIsOverItIsFullNoMore() {
        List<FakeConnection> held = open(100, ConnectionState.BUSY, true, 5_000);
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertTrue(verdict.full());
        relief.reset();
        held.forEach(wheel::remove);
        slow(100, 300);
        step(PressureLevel.CRITICAL, 1);
        assertFalse(verdict.full(), "the slow ones can be judged soon");
    }

    @Test
    void theSlowestEndInSlicesAndNoLongerOnceThePressureHasFallen() {
        List<FakeConnection> slow = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            FakeConnection connection = new FakeConnection("slow" + i, ConnectionState.BUSY, true, now) {
                @Override
                public boolean endAsSlowest() {
                    time += 100_000;
                    return super.endAsSlowest();
                }
            };
            connection.rate = new ClientRate();
            connection.rate.add(SECOND, 300, 1L << 40);
            slow.add(connection);
            all.add(connection);
            wheel.add(connection, now + 60 * SECOND);
        }
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(2, ended(slow));
        assertTrue(relief.isUnfinished());
        step(PressureLevel.HIGH, 1);
        assertEquals(2, ended(slow));
        assertFalse(relief.isUnfinished());
    }

    @Test
    void whoHasJustComeStaysIfASlowOneGoesInItsPlace() {
        List<FakeConnection> slow = slow(100, 1_000);
        List<FakeConnection> arriving = open(20, ConnectionState.NEW, false, 5);
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(13, ended(slow));
        // 16 and a twentieth of 130, and one more, are 13 more than are free: 7 have no slow one in their place.
        assertEquals(7, evicted(arriving));
        assertEquals(7, evicted(arriving.subList(13, 20)), "the oldest");
    }

    @Test
    void whoHasJustComeGoesIfNobodyElseCan() {
        open(100, ConnectionState.BUSY, true, 5_000);
        List<FakeConnection> arriving = open(20, ConnectionState.NEW, false, 5);
        used = 990;
        visitors = true;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(20, evicted(arriving));
    }

    @Test
    void whoHasJustComeStaysIfItIsToBeRefused() {
        gauge = new PressureGauge(KeepAlivePolicy.builder().refuseWhenFull(true).build());
        open(100, ConnectionState.BUSY, true, 5_000);
        List<FakeConnection> arriving = open(20, ConnectionState.NEW, false, 5);
        used = 990;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(0, evicted(arriving));
        assertTrue(verdict.full());
        now += 250 * MS;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(20, evicted(arriving), "it has said nothing for too long");
    }
}
