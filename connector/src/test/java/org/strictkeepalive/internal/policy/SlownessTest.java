package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions.Progress;

/** Which exchanges may end for visitors, how many have to, and when visitors are refused. */
class SlownessTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;
    private static final Decisions DEFAULTS = new Decisions(KeepAlivePolicy.defaults());
    private static final PressureGauge GAUGE = new PressureGauge(KeepAlivePolicy.defaults());

    private static KeepAlivePolicy settings(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return settings.apply(KeepAlivePolicy.builder()).build();
    }

    private static Decisions policy(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return new Decisions(settings(settings));
    }

    private static PressureGauge gauge(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return new PressureGauge(settings(settings));
    }

    private static Pressure at(PressureLevel level) {
        return new Pressure(level, 1, 1, 250, 256, 16, 200, 0, 0, Verdict.NONE);
    }

    /** What a client has moved in the last seconds, at that rate. */
    private static ClientRate rate(long millis, double perSecond) {
        ClientRate rate = new ClientRate();
        rate.add(millis * MS, (long) (perSecond * millis / 1000), 1L << 40);
        return rate;
    }

    @Test
    void whoWasQuickEnoughMayPauseForTheWholeGraceAtAnyLevel() {
        for (PressureLevel level : List.of(PressureLevel.HIGH, PressureLevel.CRITICAL)) {
            Pressure pressure = at(level);
            assertEquals(Progress.UNJUDGED, DEFAULTS.progress(5 * SECOND, 0, rate(3000, 240), false, pressure));
            assertEquals(Progress.NONE, DEFAULTS.progress(5 * SECOND + 1, 0, rate(3000, 4096), false, pressure));
            assertEquals(Progress.NONE, DEFAULTS.progress(1100 * MS, 0, rate(3000, 239), false, pressure));
        }
    }

    @Test
    void theSlowestAreRankedByTheirRateUpToTheFastOne() {
        Pressure critical = at(PressureLevel.CRITICAL);
        assertEquals(300, DEFAULTS.slowness(rate(2000, 300), critical, false), 1);
        assertEquals(16_384, DEFAULTS.slowness(rate(2000, 16_384), critical, false), 1);
        assertEquals(-1, DEFAULTS.slowness(rate(2000, 16_385), critical, false));
        assertEquals(
                150 + 1536, DEFAULTS.slowness(rate(250, 300), critical, false), 1, "and 3,072 for the other 250 ms");
    }

    @Test
    void nobodyIsTheSlowestIfThatIsOff() {
        Decisions policy = policy(b -> b.fastDataRate(0));
        assertEquals(-1, policy.slowness(new ClientRate(), at(PressureLevel.CRITICAL), false));
    }

    @Test
    void anExchangeIsJudgedForItsRateAfterTheGraceOfItsLevel() {
        Pressure critical = at(PressureLevel.CRITICAL);
        assertFalse(DEFAULTS.isJudged(rate(499, 0), critical, false));
        assertTrue(DEFAULTS.isJudged(rate(500, 0), critical, false));
        Decisions policy = policy(b -> b.dataRateGrace(Duration.ofMillis(200)));
        assertTrue(policy.isJudged(rate(200, 0), critical, false));
    }

    @Test
    void theHighestRateOfInterestIsAboveTheFastOne() {
        assertEquals(32_768, DEFAULTS.highestRate());
        assertEquals(32_768, policy(b -> b.fastDataRate(0)).highestRate());
        assertEquals(2_000_000, policy(b -> b.fastDataRate(1_000_000)).highestRate());
        assertTrue(policy(b -> b.fastDataRate(Long.MAX_VALUE)).highestRate() > 0);
    }

    // ---- Room for visitors

    private static Pressure critical(int open, long used, boolean full) {
        return new Pressure(
                PressureLevel.CRITICAL,
                1,
                1,
                used,
                256,
                16,
                open,
                0,
                0,
                new Verdict(false, false, true, full, Set.of()));
    }

    @Test
    void visitorsNeedTheReserveTheHysteresisAndOneMore() {
        // 16, and a twentieth of 200 + 6, and 1, less the 6 that are free.
        assertEquals(21, GAUGE.shortage(critical(200, 250, false), 0));
        assertEquals(1, GAUGE.shortage(critical(200, 250, false), 20));
        assertEquals(0, GAUGE.shortage(critical(200, 250, false), 21));
        assertEquals(0, GAUGE.shortage(critical(200, 200, false), 0));
        assertEquals(3, GAUGE.shortage(critical(3, 256, false), 0), "no more than there are");
        assertEquals(0, GAUGE.shortage(new Pressure(PressureLevel.HIGH, 0, 0, 0, 0, 0, 0, 0, 0, Verdict.NONE), 0));
        PressureGauge few = gauge(b -> b.maxConnections(100));
        assertEquals(5, few.shortage(critical(100, 50, false), 0));
    }

    @Test
    void visitorsAreRefusedWhereThatIsOnAndBusyRequestsHoldTheReserve() {
        PressureGauge refusing = gauge(b -> b.refuseWhenFull(true));
        assertTrue(refusing.isRefusing(critical(200, 250, true)));
        assertTrue(refusing.isRefusing(critical(200, 240, true)));
        assertFalse(refusing.isRefusing(critical(200, 239, true)), "more than the reserve is free");
        assertFalse(refusing.isRefusing(critical(200, 250, false)), "something will go");
        assertFalse(GAUGE.isRefusing(critical(200, 250, true)), "that is off");
        PressureGauge few = gauge(b -> b.refuseWhenFull(true).maxConnections(100));
        assertTrue(few.isRefusing(critical(100, 50, true)));
        assertFalse(few.isRefusing(critical(99, 50, true)));
    }
}
