package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.strictkeepalive.internal.connection.StallJudge.Answer.END;
import static org.strictkeepalive.internal.connection.StallJudge.Answer.LEAVE;
import static org.strictkeepalive.internal.connection.StallJudge.Answer.OFFER;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Verdict;

/** With the defaults an exchange is judged after 5 s of waiting, and has to move 240 bytes a second. */
class StallJudgeTest {
    private static final long SECOND = 1_000_000_000L;
    private static final Decisions DEFAULTS = new Decisions(KeepAlivePolicy.defaults());
    private static final Pressure ELEVATED =
            new Pressure(PressureLevel.ELEVATED, 0.7, 0, 0, 0, 0, 0, 0, 0, Verdict.NONE);

    private long start = 7;
    private final StallJudge judge = new StallJudge(start);

    private StallJudge.Answer judge(double seconds, boolean reading, boolean writing, long moved) {
        return judge.judge(start + (long) (seconds * SECOND), reading, writing, moved, DEFAULTS, ELEVATED);
    }

    private StallJudge.Answer reads(double seconds, long moved) {
        return judge(seconds, true, false, moved);
    }

    private StallJudge.Answer writes(double seconds, long moved) {
        return judge(seconds, false, true, moved);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 7, Long.MAX_VALUE - 3 * SECOND})
    void aReaderWithoutProgressIsEndedBehindItsGrace(long now) {
        start = now;
        StallJudge other = new StallJudge(now);
        assertEquals(LEAVE, other.judge(now + 5 * SECOND, true, false, 0, DEFAULTS, ELEVATED));
        assertEquals(END, other.judge(now + 5 * SECOND + 1, true, false, 0, DEFAULTS, ELEVATED));
        assertTrue(other.isStalled(0));
    }

    @Test
    void progressBeginsAnotherWait() {
        assertEquals(LEAVE, reads(6, 6 * 240));
        assertEquals(LEAVE, reads(11, 6 * 240), "5 s since then");
        assertEquals(END, reads(11.1, 6 * 240));
    }

    @Test
    void whileTheApplicationHasTheMoveNothingIsJudged() {
        assertEquals(LEAVE, judge(100, false, false, 0));
    }

    @Test
    void theTimesOfDemandsAddUp() {
        judge.isMet(start + 3 * SECOND);
        assertEquals(LEAVE, judge(10, false, false, 0));
        judge.demands(start + 10 * SECOND);
        assertEquals(LEAVE, reads(12, 0), "3 s and 2 s");
        assertEquals(END, reads(12.1, 0));
    }

    @Test
    void aWriterIsOfferedTheRestWhenItsWaitBeginsAndBeforeItsEnd() {
        assertEquals(OFFER, writes(0, 0));
        assertTrue(judge.isOffering());
        judge.offered();
        assertEquals(OFFER, writes(0.1, 1000), "it has taken some, and may take more");
        judge.offered();
        assertEquals(LEAVE, writes(0.11, 1000), "from here on, with a full buffer");
        assertEquals(LEAVE, writes(5.1, 1000));
        assertEquals(OFFER, writes(5.2, 1000));
        assertEquals(LEAVE, writes(5.3, 1000), "the offer is under way");
        judge.offered();
        assertEquals(END, writes(5.4, 1000));
    }

    /** Over TLS all of a record of 16 KiB has moved when the socket begins to take it: at 240 bytes a second, in 68 s. */
    @Test
    void whoTakesARecordGoesOnWhileTheSocketMoves() {
        aWriterIsOfferedTheRestWhenItsWaitBeginsAndBeforeItsEnd();
        long now = start + (long) (5.4 * SECOND);
        assertFalse(judge.spareWithinRecord(now, 5 * SECOND, DEFAULTS), "nothing for as long as the grace");
        assertTrue(judge.spareWithinRecord(now, 4 * SECOND, DEFAULTS));
        assertFalse(judge.isStalled(1000));
        assertFalse(judge.spareWithinRecord(now, 0, DEFAULTS), "nothing was judged since");
        assertEquals(LEAVE, writes(6.3, 1000));
        assertEquals(OFFER, writes(6.4, 1000), "a second later");
        judge.offered();
        assertEquals(END, writes(68, 1000));
        assertTrue(judge.spareWithinRecord(start + 68 * SECOND, 0, DEFAULTS));
        assertEquals(OFFER, writes(69.1, 1000));
        judge.offered();
        assertEquals(END, writes(69.2, 1000));
        assertFalse(judge.spareWithinRecord(start + 69 * SECOND, 0, DEFAULTS), "longer than a record may take");
        assertTrue(judge.isStalled(1000));
    }

    /** A large window opens in steps, so a second without one says little. */
    @Test
    void aReaderHasTheWholeTimeAtEveryLevel() {
        Pressure high = new Pressure(PressureLevel.HIGH, 0.9, 1, 0, 0, 0, 0, 0, 0, Verdict.NONE);
        judge.judge(start, false, true, 0, DEFAULTS, high);
        judge.offered();
        judge.judge(start + 1, false, true, 0, DEFAULTS, high);
        assertEquals(LEAVE, judge.judge(start + 5 * SECOND, false, true, 0, DEFAULTS, high));
        assertEquals(OFFER, judge.judge(start + 5 * SECOND + 2, false, true, 0, DEFAULTS, high));
    }

    @Test
    void atCriticalTheRestIsOfferedAgainAndAgain() {
        Pressure critical = new Pressure(PressureLevel.CRITICAL, 1, 1, 0, 0, 0, 0, 0, 0, Verdict.NONE);
        long at = start;
        int offers = 0;
        for (int i = 0; i < 300; i++, at += SECOND / 100) {
            // What the kernel takes: 2 KiB each half second.
            if (judge.judge(at, false, true, 2048L * (i / 50), DEFAULTS, critical) == OFFER) {
                judge.offered();
                offers++;
            }
        }
        assertEquals(8, offers);
        assertEquals(3 * 2048 / 1.99, judge.clientRate().perSecond(), 50, "from the second second on");
        assertEquals(LEAVE, judge.judge(at, false, true, 12288, DEFAULTS, ELEVATED));
    }

    @Test
    void anOfferThatCanNotBeMadeIsAskedForAgain() {
        assertEquals(OFFER, writes(0, 0));
        judge.notOffered();
        assertFalse(judge.isOffering());
        assertEquals(OFFER, writes(0.1, 0));
    }

    @Test
    void anotherWriteBeginsAnew() {
        writes(0, 0);
        judge.offered();
        assertEquals(LEAVE, judge(1, false, false, 0));
        assertEquals(OFFER, writes(2, 0));
        judge.offered();
        writes(2.1, 0);
        assertEquals(LEAVE, writes(7, 0), "not yet 5 s");
    }

    @Test
    void whatHasMovedSinceTheJudgementKeepsTheExchange() {
        assertEquals(END, reads(6, 10));
        assertFalse(judge.isStalled(11));
        assertEquals(LEAVE, reads(7, 11), "its end is under way");
        judge.ended();
        assertFalse(judge.isStalled(11));
        assertEquals(END, reads(8, 11));
    }

    // ---- How quick the client is

    /** One that takes all that it is offered is no less judged. */
    @Test
    void theBuffersAreNotFilledForEver() {
        long moved = 0;
        int offers = 0;
        while (writes(0.01 * offers, moved) == OFFER) {
            judge.offered();
            moved += 100_000;
            offers++;
        }
        assertEquals(8, offers);
    }

    private long perSecond() {
        return Math.round(judge.clientRate().perSecond());
    }

    @Test
    void theRateIsThatOfTheTimeInWhichTheClientIsWaitedFor() {
        reads(1, 300);
        assertEquals(300, perSecond());
        judge.isMet(start + 2 * SECOND);
        assertEquals(LEAVE, judge(4, false, false, 600));
        assertNull(judge.clientRate(), "the application has the move");
        judge.demands(start + 9 * SECOND);
        reads(10, 900);
        assertEquals(300, perSecond());
    }

    @Test
    void whatFillsTheKernelsBuffersIsNotTheClients() {
        writes(0, 4_000_000);
        assertEquals(0, perSecond());
        judge.offered();
        assertEquals(OFFER, writes(0.1, 4_300_000));
        judge.offered();
        writes(0.2, 4_300_000);
        assertEquals(0, judge.clientRate().waited());
        writes(1.19, 4_800_000);
        assertEquals(0, judge.clientRate().waited(), "the buffers may still grow");
        writes(2.19, 4_802_048);
        assertEquals(2048, perSecond());
        // The next part of the response: what it moves has been the client's.
        judge(2.2, false, false, 5_000_000);
        writes(2.2, 5_008_192);
        judge.offered();
        writes(3.1, 5_008_192);
        assertTrue(perSecond() > 4000, "" + perSecond());
    }

    /** 800 MB were read at full speed, then pressure comes, and the client reads a megabyte a second. */
    @Test
    void whoWasFasterThanNowIsFast() {
        Pressure critical = new Pressure(PressureLevel.CRITICAL, 1, 1, 0, 0, 0, 0, 0, 0, Verdict.NONE);
        long moved = 800_000_000;
        for (int i = 0; i < 300; i++) {
            moved += 10_000;
            if (judge.judge(start + i * SECOND / 100, false, true, moved, DEFAULTS, critical) == OFFER) {
                judge.offered();
            }
        }
        assertEquals(-1, DEFAULTS.slowness(judge.clientRate(), critical, false));
    }

    /** A large write that is being flushed for the first time: for that moment all of it counts as moved. */
    @Test
    void whatIsBeingFlushedHasNotMoved() {
        judge(0, false, false, 16_000_000);
        writes(0.01, 4_000_000);
        judge.offered();
        writes(0.02, 4_000_000);
        writes(1.01, 4_500_000);
        writes(2.01, 4_504_096);
        assertEquals(4096, perSecond());
    }

    /** 1 KiB each 250 ms, and a pause of two seconds: at HIGH the others have one second. */
    @Test
    void aMobileClientMayPause() {
        Pressure high = new Pressure(PressureLevel.HIGH, 0.9, 1, 0, 0, 0, 0, 0, 0, Verdict.NONE);
        long at = start;
        for (int i = 0; i < 40; i++) {
            at += SECOND / 4;
            assertEquals(LEAVE, judge.judge(at, true, false, 1024L * i, DEFAULTS, high));
        }
        assertEquals(LEAVE, judge.judge(at + 2 * SECOND, true, false, 40_000, DEFAULTS, high));
        assertEquals(END, judge.judge(at + 7 * SECOND, true, false, 40_000, DEFAULTS, high));
    }

    @Test
    void theSlowestEndsEvenIfSomethingMovesAtTheLastMoment() {
        reads(1, 300);
        assertTrue(judge.endAsSlowest());
        assertEquals(CloseReason.SLOWEST, judge.reason());
        assertNull(judge.clientRate(), "its end is under way");
        assertFalse(judge.endAsSlowest());
        assertTrue(judge.isStalled(301));
        judge.ended();
        assertFalse(judge.isStalled(301));
        assertEquals(CloseReason.DATA_RATE, judge.reason());
    }

    /** A flush that completes while it is counted. */
    @Test
    void whatMovesIsNeverLess() {
        assertEquals(LEAVE, reads(4, 6 * 240));
        assertEquals(LEAVE, reads(6, 0));
        assertEquals(LEAVE, reads(6.1, 6 * 240));
    }

    /** A body is demanded while a write is being flushed: for that moment all of the write counts as moved. */
    @Test
    void whatWasSaidToHaveMovedTooMuchDoesNotKeepAStalledExchange() {
        judge(1, true, false, 100_000);
        boolean ended = false;
        for (double seconds = 1.1; seconds < 900 && !ended; seconds += 1) {
            StallJudge.Answer answer = judge(seconds, true, true, 60_000);
            if (answer == OFFER) {
                judge.offered();
            } else if (answer == END) {
                ended = judge.isStalled(60_000);
                judge.ended();
            }
        }
        assertTrue(ended);
    }
}
