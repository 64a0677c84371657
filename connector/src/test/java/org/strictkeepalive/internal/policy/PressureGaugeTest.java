package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.function.UnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

class PressureGaugeTest {
    private static final PressureGauge GAUGE = new PressureGauge(KeepAlivePolicy.defaults());

    private static PressureGauge gauge(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return new PressureGauge(settings.apply(KeepAlivePolicy.builder()).build());
    }

    private static Pressure next(PressureLevel was, int open, long used, long limit) {
        return next(GAUGE, was, open, used, limit);
    }

    private static Pressure next(PressureGauge gauge, PressureLevel was, int open, long used, long limit) {
        return gauge.next(at(was), open, used, limit, 1, 0, open, 0, 0);
    }

    private static Pressure at(PressureLevel level) {
        return new Pressure(level, 0, 0, 0, 0, 0, 0, 0, 0, Verdict.NONE);
    }

    /** The level of a server whose room is 1000, where the application holds nothing. */
    private static PressureLevel level(PressureLevel was, int open) {
        return next(was, open, open, 1000).level();
    }

    // ---- The share

    @Test
    void pressureIsTheShareOfTheRoomThatConnectionsHold() {
        assertEquals(0.5, next(PressureLevel.NORMAL, 100, 100, 200).share());
        assertEquals(0.25, next(PressureLevel.NORMAL, 25, 125, 200).share());
        assertEquals(0, next(PressureLevel.NORMAL, 0, 125, 200).share());
    }

    @Test
    void anApplicationThatHoldsMostDescriptorsIsNoPressureByItself() {
        Pressure pressure = next(PressureLevel.NORMAL, 10, 8510, 10000);
        assertEquals(PressureLevel.NORMAL, pressure.level());
        assertEquals(10.0 / 1500, pressure.share());
        assertEquals(
                PressureLevel.NORMAL,
                next(PressureLevel.NORMAL, 1000, 52_000 + 1000 + 100, 65_536).level());
    }

    @Test
    void pressureRisesToAllOfItAsTheApplicationLeaksTheRoomAway() {
        double last = 0;
        for (long leaked = 0; leaked <= 900; leaked += 100) {
            double share = next(PressureLevel.NORMAL, 100, 100 + leaked, 1000).share();
            assertTrue(share > last);
            last = share;
        }
        assertEquals(1, last);
        assertEquals(
                PressureLevel.CRITICAL,
                next(PressureLevel.NORMAL, 100, 1000, 1000).level());
    }

    @Test
    void aCountOrALimitOfNoneIsKnown() {
        Pressure none = next(PressureLevel.NORMAL, 0, 0, 1000);
        assertTrue(none.isKnown());
        assertEquals(1000, none.free());
        assertTrue(none.reserve() > 0);
        Pressure noLimit = next(PressureLevel.NORMAL, 0, 0, 0);
        assertTrue(noLimit.isKnown());
        assertEquals(PressureLevel.CRITICAL, noLimit.level());
    }

    @Test
    void noRoomAtAllIsCritical() {
        Pressure pressure = next(PressureLevel.NORMAL, 0, 1000, 1000);
        assertEquals(PressureLevel.CRITICAL, pressure.level());
        assertEquals(1, pressure.share());
        assertEquals(1, pressure.squeeze());
        assertEquals(0, pressure.free());
    }

    @Test
    void moreUsedThanTheLimitIsNoRoomAndNeverNegative() {
        for (int open : new int[] {0, 100}) {
            Pressure pressure = next(PressureLevel.NORMAL, open, 1100, 1000);
            assertEquals(PressureLevel.CRITICAL, pressure.level());
            assertEquals(1, pressure.share());
            assertEquals(0, pressure.free());
        }
    }

    @Test
    void unknownDescriptorsAreNoPressure() {
        for (Pressure pressure : new Pressure[] {
            next(PressureLevel.NORMAL, 1000, -1, 1000),
            next(PressureLevel.NORMAL, 1000, 1000, -1),
            next(PressureLevel.CRITICAL, 1000, -1, -1)
        }) {
            assertEquals(PressureLevel.NORMAL, pressure.level());
            assertEquals(0, pressure.share());
            assertFalse(pressure.isKnown());
            assertEquals(Long.MAX_VALUE, pressure.free());
        }
    }

    // ---- The levels

    @ParameterizedTest
    @CsvSource({"0, NORMAL", "699, NORMAL", "700, ELEVATED", "799, ELEVATED", "800, HIGH", "983, HIGH", "984, CRITICAL"
    })
    void aLevelIsEnteredAtItsThreshold(int open, PressureLevel expected) {
        // 1 % of 1000 is 10, but the reserve is at least 16.
        assertEquals(expected, level(PressureLevel.NORMAL, open));
    }

    @ParameterizedTest
    @CsvSource({
        "ELEVATED, 651, ELEVATED",
        "ELEVATED, 649, NORMAL",
        "HIGH, 751, HIGH",
        "HIGH, 750, ELEVATED",
        "HIGH, 651, ELEVATED",
        "HIGH, 649, NORMAL",
        "CRITICAL, 984, CRITICAL",
        "CRITICAL, 934, CRITICAL",
        "CRITICAL, 933, HIGH",
        "CRITICAL, 751, HIGH",
        "CRITICAL, 0, NORMAL"
    })
    void aLevelIsLeftAtTheHysteresisBelowIt(PressureLevel was, int open, PressureLevel expected) {
        assertEquals(expected, level(was, open));
    }

    @Test
    void withoutHysteresisALevelIsLeftAsItWasEntered() {
        PressureGauge gauge = gauge(b -> b.hysteresis(0));
        assertEquals(
                PressureLevel.HIGH,
                next(gauge, PressureLevel.HIGH, 800, 800, 1000).level());
        assertEquals(
                PressureLevel.ELEVATED,
                next(gauge, PressureLevel.HIGH, 799, 799, 1000).level());
        assertEquals(
                PressureLevel.NORMAL,
                next(gauge, PressureLevel.ELEVATED, 699, 699, 1000).level());
        assertEquals(
                PressureLevel.HIGH,
                next(gauge, PressureLevel.CRITICAL, 983, 983, 1000).level());
    }

    @Property
    void inTheBandOfAThresholdTheLevelStaysWhatItWas(@ForAll @IntRange(min = 751, max = 799) int open) {
        assertEquals(PressureLevel.HIGH, level(PressureLevel.HIGH, open));
        assertEquals(PressureLevel.ELEVATED, level(PressureLevel.ELEVATED, open));
    }

    @Test
    void aLevelThatIsOffIsNotUsed() {
        PressureGauge off = gauge(b -> b.elevatedAt(0).highAt(0));
        assertEquals(
                PressureLevel.NORMAL,
                next(off, PressureLevel.NORMAL, 983, 983, 1000).level());
        assertEquals(
                PressureLevel.CRITICAL,
                next(off, PressureLevel.NORMAL, 984, 984, 1000).level());
        PressureGauge onlyElevated = gauge(b -> b.highAt(0));
        assertEquals(
                PressureLevel.ELEVATED,
                next(onlyElevated, PressureLevel.NORMAL, 983, 983, 1000).level());
        PressureGauge onlyHigh = gauge(b -> b.elevatedAt(0));
        assertEquals(
                PressureLevel.NORMAL,
                next(onlyHigh, PressureLevel.NORMAL, 799, 799, 1000).level());
        assertEquals(
                PressureLevel.HIGH,
                next(onlyHigh, PressureLevel.NORMAL, 800, 800, 1000).level());
    }

    // ---- The squeeze

    @Test
    void whereElevatedBeginsAtAllOfTheRoomTimeoutsAreShrunkAtOnce() {
        PressureGauge gauge = gauge(b -> b.elevatedAt(1).highAt(0));
        Pressure pressure = gauge.next(at(PressureLevel.NORMAL), 10, -1, -1, 1, 1, 10, 0, 0);
        assertEquals(PressureLevel.ELEVATED, pressure.level());
        assertEquals(1, pressure.squeeze());
    }

    @ParameterizedTest
    @CsvSource({
        "NORMAL, 500, 0",
        "NORMAL, 700, 0",
        "NORMAL, 750, 0.5",
        "NORMAL, 775, 0.75",
        "NORMAL, 800, 1",
        "NORMAL, 990, 1",
        "ELEVATED, 660, 0",
        "HIGH, 760, 1"
    })
    void timeoutsShrinkLinearlyFromElevatedToHigh(PressureLevel was, int open, double squeeze) {
        assertEquals(squeeze, next(was, open, open, 1000).squeeze(), 1e-9);
    }

    @Test
    void withHighOffTimeoutsShrinkUpToAllOfTheRoom() {
        PressureGauge gauge = gauge(b -> b.highAt(0).elevatedAt(0.5));
        assertEquals(0.5, next(gauge, PressureLevel.NORMAL, 750, 750, 1000).squeeze(), 1e-9);
    }

    // ---- The reserve

    @ParameterizedTest
    @CsvSource({
        "1000, 1000, 1, 16",
        "4096, 4096, 1, 40",
        "65536, 65536, 1, 256",
        "1048576, 1048576, 1, 256",
        "256, 256, 1, 16",
        "256, 100, 1, 10",
        "256, 20, 1, 2",
        "256, 0, 1, 2",
        "256, 20, 4, 5",
        "256, 100, 0, 10",
        "256, 0, 0, 1"
    })
    void theReserveIsAPercentWithinBoundsAndAtMostATenthOfTheRoomAndAboveTheAcceptors(
            long limit, long room, int acceptors, long reserve) {
        assertEquals(reserve, GAUGE.reserve(limit, room, acceptors));
    }

    @ParameterizedTest
    @CsvSource({"50, 1000, 1, 50", "500, 1000, 1, 100", "3, 1000, 1, 3", "0, 1000, 1, 2", "-5, 1000, 3, 4"})
    void aConfiguredReserveHasTheSameBounds(int configured, long room, int acceptors, long reserve) {
        assertEquals(reserve, gauge(b -> b.reservedDescriptors(configured)).reserve(1000, room, acceptors));
    }

    @Test
    void theReserveIsReachedWhenNoMoreThanItIsFree() {
        PressureGauge gauge = gauge(b -> b.reservedDescriptors(50));
        assertEquals(
                PressureLevel.HIGH,
                next(gauge, PressureLevel.NORMAL, 949, 949, 1000).level());
        assertEquals(
                PressureLevel.CRITICAL,
                next(gauge, PressureLevel.NORMAL, 950, 950, 1000).level());
        assertEquals(50, next(gauge, PressureLevel.NORMAL, 950, 950, 1000).reserve());
    }

    // ---- Further limits

    @Test
    void connectionsAtTheirMaximumAreAPressureOfOne() {
        PressureGauge gauge = gauge(b -> b.maxConnections(100));
        assertEquals(
                PressureLevel.NORMAL,
                next(gauge, PressureLevel.NORMAL, 69, 69, 10_000).level());
        assertEquals(
                PressureLevel.ELEVATED,
                next(gauge, PressureLevel.NORMAL, 70, 70, 10_000).level());
        assertEquals(
                PressureLevel.HIGH,
                next(gauge, PressureLevel.NORMAL, 80, 80, 10_000).level());
        assertEquals(
                PressureLevel.HIGH,
                next(gauge, PressureLevel.NORMAL, 99, 99, 10_000).level());
        Pressure full = next(gauge, PressureLevel.NORMAL, 100, 100, 10_000);
        assertEquals(PressureLevel.CRITICAL, full.level());
        assertEquals(1, full.share());
        assertEquals(1, next(gauge, PressureLevel.NORMAL, 150, 150, 10_000).share(), "never above 1");
    }

    @Test
    void connectionsAtTheirMaximumCountAlsoWhereDescriptorsAreUnknown() {
        PressureGauge gauge = gauge(b -> b.maxConnections(100));
        assertEquals(
                PressureLevel.HIGH,
                next(gauge, PressureLevel.NORMAL, 90, -1, -1).level());
        assertEquals(
                PressureLevel.CRITICAL,
                next(gauge, PressureLevel.NORMAL, 100, -1, -1).level());
    }

    @ParameterizedTest
    @CsvSource({"99, CRITICAL", "96, CRITICAL", "95, HIGH"})
    void leavingTheMaximumOfConnectionsNeedsTheHysteresisToo(int open, PressureLevel expected) {
        PressureGauge gauge = gauge(b -> b.maxConnections(100));
        assertEquals(
                expected,
                next(gauge, PressureLevel.CRITICAL, open, open, 10_000).level());
        assertEquals(expected, next(gauge, PressureLevel.CRITICAL, open, -1, -1).level());
    }

    @ParameterizedTest
    @CsvSource({"0, 0.1, NORMAL", "0.69, 0.69, NORMAL", "0.7, 0.7, ELEVATED", "0.8, 0.8, HIGH", "1, 1, HIGH"})
    void theHighestSourceCounts(double further, double share, PressureLevel level) {
        Pressure pressure = GAUGE.next(Pressure.NONE, 100, 100, 1000, 1, further, 0, 0, 0);
        assertEquals(share, pressure.share());
        assertEquals(level, pressure.level());
    }

    @Test
    void aFurtherSourceDoesNotHideTheDescriptors() {
        assertEquals(
                PressureLevel.HIGH,
                GAUGE.next(Pressure.NONE, 800, 800, 1000, 1, 0.1, 0, 0, 0).level());
    }

    @Test
    void whatWasMeasuredIsHandedOn() {
        Pressure pressure = GAUGE.next(Pressure.NONE, 10, 20, 1000, 1, 0, 77, 0, 0);
        assertEquals(20, pressure.used());
        assertEquals(1000, pressure.limit());
        assertEquals(10, pressure.open());
        assertEquals(77, pressure.accepted());
        assertEquals(980, pressure.free());
    }

    @Test
    void thatNewcomersAreGoneIsForgottenBelowHigh() {
        Pressure gone = at(PressureLevel.HIGH).with(new Verdict(true, false, false, false, Set.of()));
        assertTrue(GAUGE.next(gone, 800, 800, 1000, 1, 0, 0, 0, 0).verdict().newcomersGone());
        assertFalse(GAUGE.next(gone, 700, 700, 1000, 1, 0, 0, 0, 0).verdict().newcomersGone());
        assertFalse(GAUGE.next(at(PressureLevel.HIGH), 800, 800, 1000, 1, 0, 0, 0, 0)
                .verdict()
                .newcomersGone());
    }

    // ---- How many have to go

    @ParameterizedTest
    @CsvSource({"750, 0, 0", "751, 0, 1", "800, 0, 50", "1000, 0, 250", "800, 20, 30", "800, 60, 0", "100, 0, 0"})
    void asManyHaveToGoAsBringItDownToTheHysteresisBelowHigh(int open, int lingering, int excess) {
        Pressure pressure = next(PressureLevel.NORMAL, open, open, 1000);
        assertEquals(excess, GAUGE.excess(pressure, lingering));
    }

    @Property
    void afterTheExcessIsGoneHighIsLeft(
            @ForAll @IntRange(min = 1, max = 5000) int open,
            @ForAll @IntRange(max = 5000) int free,
            @ForAll @IntRange(max = 100_000) int held) {
        Pressure pressure =
                GAUGE.next(Pressure.NONE, open, (long) open + held, (long) open + held + free, 1, 0, 0, 0, 0);
        int excess = GAUGE.excess(pressure, 0);
        assertTrue(excess >= 0 && excess <= open);
        double left = (double) (open - excess) / (open + free);
        assertTrue(left <= 0.75 + 1e-9, () -> "left " + left);
        assertTrue(excess == 0 || (double) (open - excess + 1) / (open + free) > 0.75 - 1e-9, "no more than needed");
        assertEquals(0, GAUGE.excess(pressure, open));
    }

    @Test
    void reserveDoesNotShrinkWhileClosedSocketsAreStillToBeFreed() {
        // 100 connections are closed, and their descriptors still in use: the room looks smaller than it is.
        assertEquals(
                13,
                GAUGE.next(at(PressureLevel.CRITICAL), 110, 236, 256, 1, 0, 0, 0, 0)
                        .reserve());
        assertEquals(
                16,
                GAUGE.next(at(PressureLevel.CRITICAL), 110, 236, 256, 1, 0, 0, 230, 0)
                        .reserve());
    }

    // ---- Connections that are not governed

    private static Pressure withOthers(int open, int others, long used, long limit) {
        return GAUGE.next(Pressure.NONE, open, used, limit, 1, 0, open, open + others + (limit - used), others);
    }

    @ParameterizedTest
    @CsvSource({
        "3, 180, 203, NORMAL",
        "3, 185, 208, ELEVATED",
        "3, 200, 224, HIGH",
        "3, 216, 239, HIGH",
        "3, 217, 240, CRITICAL",
        "3, 230, 253, CRITICAL"
    })
    void levelsFollowTheLimitWhereFewConnectionsAreGoverned(int open, int others, long used, PressureLevel level) {
        assertEquals(level, withOthers(open, others, used, 256).level());
    }

    @Test
    void keepAliveIsKeptWhileThereIsPlentyForThoseWhoUseIt() {
        assertEquals(
                PressureLevel.NORMAL, withOthers(1000, 52_000, 53_100, 65_536).level());
    }

    @Test
    void whatTheApplicationHoldsIsNoRoomOfConnections() {
        assertEquals(PressureLevel.NORMAL, withOthers(10, 0, 480, 512).level());
        assertEquals(4, withOthers(10, 0, 480, 512).reserve());
    }

    @Test
    void asManyAreEvictedAsTheReserveNeeds() {
        Pressure pressure = withOthers(30, 200, 250, 256);
        assertEquals(16, pressure.reserve());
        assertEquals(34 - 4, GAUGE.excess(pressure, 4), "a quarter of 160 has to be free");
        assertEquals(20, GAUGE.excess(withOthers(20, 210, 250, 256), 0), "no more than there are");
        assertEquals(0, GAUGE.excess(withOthers(30, 100, 150, 256), 0));
    }
}
