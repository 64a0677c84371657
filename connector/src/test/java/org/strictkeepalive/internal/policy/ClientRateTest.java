package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ClientRateTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;
    private static final long MOST = 32_768;

    private final ClientRate rate = new ClientRate();

    /** So many bytes at once in each period. */
    private void steps(double seconds, long period, long bytes) {
        for (long time = 0; time < seconds * SECOND; time += 10 * MS) {
            rate.add(10 * MS, time % period == 0 ? bytes : 0, MOST);
        }
    }

    @Test
    void aNewOneIsAssumedToGoOnAtAnotherRate() {
        assertEquals(0, rate.perSecond());
        assertEquals(2048, rate.perSecond(500 * MS, 2048));
        rate.add(250 * MS, 75, MOST);
        assertEquals(300, rate.perSecond(), 1);
        assertEquals(150 + 1024, rate.perSecond(500 * MS, 2048), 1);
        rate.add(250 * MS, 75, MOST);
        assertEquals(300, rate.perSecond(500 * MS, 2048), 1);
    }

    @Test
    void aSteadyRateIsFound() {
        steps(30, 250 * MS, 1024);
        assertEquals(4096, rate.perSecond(), 250);
        assertEquals(ClientRate.MEMORY, rate.waited());
    }

    /** 4 KiB a second in one step each two seconds, as the kernel's buffers show it. */
    @Test
    void stepsDoNotHideTheRate() {
        steps(20, 2 * SECOND, 8192);
        for (int i = 0; i < 40; i++) {
            double now = rate.perSecond();
            assertTrue(now > 2600 && now < 6000, "" + now);
            rate.add(50 * MS, i == 0 ? 8192 : 0, MOST);
        }
    }

    @Test
    void whoStopsIsForgottenSoonHoweverMuchItMoved() {
        rate.add(SECOND, 1L << 40, MOST);
        assertTrue(rate.perSecond() > 16_384);
        steps(8, 8 * SECOND, 0);
        assertTrue(rate.perSecond() < 16_384, "" + rate.perSecond());
        steps(25, 25 * SECOND, 0);
        assertTrue(rate.perSecond() < 240, "" + rate.perSecond());
    }

    @Test
    void aLongTimeAtOnceCountsAsItsAverage() {
        rate.add(SECOND, 1, MOST);
        rate.add(3600 * SECOND, 3600 * 300, MOST);
        assertEquals(5 * SECOND, rate.waited());
        assertEquals(300, rate.perSecond(), 1);
    }

    @Test
    void whileTheApplicationHasTheMoveNoTimePasses() {
        rate.add(SECOND, 4096, MOST);
        for (int i = 0; i < 1000; i++) {
            rate.add(0, 0, MOST);
        }
        assertEquals(4096, rate.perSecond(), 1);
    }

    /** A reader whose window opens in steps of 64 KiB shows nothing for seconds. */
    @Test
    void whatIsShownInStepsIsNeverKnownToBeSlow() {
        rate.add(SECOND, 0, MOST);
        assertEquals(0, rate.perSecond(500 * MS, 3072));
        rate.inSteps(true);
        assertEquals(3072, rate.perSecond(500 * MS, 3072));
        rate.add(SECOND, 10_000, MOST);
        assertEquals(5000, rate.perSecond(500 * MS, 3072), 1);
    }

    @Test
    void resetForgetsAll() {
        rate.add(SECOND, 4096, MOST);
        rate.reset();
        assertEquals(0, rate.waited());
        assertEquals(0, rate.perSecond());
    }

    @Property(tries = 500)
    void whoIsQuickerAllTheTimeIsRankedHigher(
            @ForAll List<@IntRange(max = 4_000) Integer> bytes,
            @ForAll List<@IntRange(min = 1, max = 7_000) Integer> millis) {
        ClientRate slow = new ClientRate();
        ClientRate quick = new ClientRate();
        for (int i = 0; i < Math.min(bytes.size(), millis.size()); i++) {
            slow.add(millis.get(i) * MS, bytes.get(i), 1L << 40);
            quick.add(millis.get(i) * MS, bytes.get(i) + 1, 1L << 40);
            assertTrue(quick.perSecond(500 * MS, 2048) > slow.perSecond(500 * MS, 2048));
            assertTrue(slow.waited() <= ClientRate.MEMORY);
        }
    }

    @Test
    void wherePendingWritesAreNotTriedAgainItTakesLonger() {
        rate.inSteps(true);
        rate.unoffered(true);
        rate.add(SECOND, 0, MOST);
        assertFalse(rate.isKnown(SECOND));
        for (int second = 2; second <= 5; second++) {
            rate.add(SECOND, 0, MOST);
        }
        assertTrue(rate.isKnown(SECOND));
        rate.reset();
        rate.unoffered(false);
        rate.add(SECOND, 0, MOST);
        assertTrue(rate.isKnown(SECOND));
    }
}
