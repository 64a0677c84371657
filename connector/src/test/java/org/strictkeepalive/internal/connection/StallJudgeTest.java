package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.strictkeepalive.internal.connection.StallJudge.Answer.END;
import static org.strictkeepalive.internal.connection.StallJudge.Answer.LEAVE;
import static org.strictkeepalive.internal.connection.StallJudge.Answer.OFFER;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
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
        assertEquals(LEAVE, writes(0.1, 1000), "from here on, with a full buffer");
        assertEquals(LEAVE, writes(5.1, 1000));
        assertEquals(OFFER, writes(5.2, 1000));
        assertEquals(LEAVE, writes(5.3, 1000), "the offer is under way");
        judge.offered();
        assertEquals(END, writes(5.4, 1000));
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
