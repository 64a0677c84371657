package org.strictkeepalive.internal.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions.Progress;

class DecisionsTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;
    private static final Decisions DEFAULTS = new Decisions(KeepAlivePolicy.defaults());

    private static Decisions policy(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return new Decisions(settings.apply(KeepAlivePolicy.builder()).build());
    }

    private static Pressure pressure(PressureLevel level, double squeeze) {
        return new Pressure(level, 0.75, squeeze, 100, 200, 16, 50, 0, 50, Verdict.NONE);
    }

    private static Pressure pressure(PressureLevel level) {
        return pressure(level, level.isAtLeast(PressureLevel.HIGH) ? 1 : 0);
    }

    // ---- Timeouts

    @ParameterizedTest
    @CsvSource({"0, 30", "0.25, 22.75", "0.5, 15.5", "0.75, 8.25", "1, 1"})
    void keepAliveTimeoutShrinksLinearlyToItsMinimum(double squeeze, double seconds) {
        long expected = (long) (seconds * SECOND);
        assertEquals(expected, DEFAULTS.timeout(ConnectionState.IDLE, squeeze, 30 * SECOND, 0));
        assertEquals(
                expected,
                policy(b -> b.keepAliveTimeout(Duration.ofSeconds(30)))
                        .timeout(ConnectionState.IDLE, squeeze, 7 * SECOND, 0));
    }

    @ParameterizedTest
    @CsvSource({"0, 10", "0.5, 5.5", "1, 1"})
    void headerTimeoutsShrinkLinearlyToTheirMinimum(double squeeze, double seconds) {
        long expected = (long) (seconds * SECOND);
        assertEquals(expected, DEFAULTS.timeout(ConnectionState.NEW, squeeze, 10 * SECOND, 0));
        assertEquals(expected, DEFAULTS.timeout(ConnectionState.READING, squeeze, 30 * SECOND, 0));
    }

    @Test
    void aFirstRequestMayComeAsLateAsTheConnectorsIdleTimeout() {
        assertEquals(30 * SECOND, DEFAULTS.timeout(ConnectionState.NEW, 0, 30 * SECOND, 0));
        assertEquals(Decisions.NEVER, DEFAULTS.timeout(ConnectionState.NEW, 0, 0, 0));
    }

    @ParameterizedTest
    @CsvSource({"0, 10", "19.9, 10", "20, 10", "25, 5", "30, 0", "31, 0"})
    void theHeadersOfAFirstRequestHaveTheEarlierOfTwoDeadlines(double begunAfter, double seconds) {
        long expected = (long) (seconds * SECOND);
        assertEquals(expected, DEFAULTS.firstHeaders(0, 30 * SECOND, Math.round(begunAfter * SECOND)));
    }

    @Test
    void aFirstRequestWithoutALimitHasThatOfItsHeaders() {
        assertEquals(10 * SECOND, DEFAULTS.firstHeaders(0, 0, 100 * SECOND));
        Decisions off = policy(b -> b.requestHeaderTimeout(Duration.ZERO));
        assertEquals(Decisions.NEVER, off.firstHeaders(0, 0, 100 * SECOND));
    }

    @Test
    void aHandshakeHasTheEarlierOfTwoDeadlines() {
        assertEquals(10 * SECOND, DEFAULTS.handshake(0, 30 * SECOND));
        assertEquals(5 * SECOND, DEFAULTS.handshake(0, 5 * SECOND));
        assertEquals(SECOND, DEFAULTS.handshake(1, 30 * SECOND));
        Decisions off = policy(b -> b.handshakeTimeout(Duration.ZERO));
        assertEquals(30 * SECOND, off.handshake(0, 30 * SECOND));
        assertEquals(Decisions.NEVER, off.handshake(0, 0));
    }

    @Test
    void firstAndFurtherRequestsHaveTimeoutsOfTheirOwn() {
        Decisions policy =
                policy(b -> b.firstRequestTimeout(Duration.ofSeconds(3)).requestHeaderTimeout(Duration.ofSeconds(4)));
        assertEquals(3 * SECOND, policy.timeout(ConnectionState.NEW, 0, 0, 0));
        assertEquals(4 * SECOND, policy.timeout(ConnectionState.READING, 0, 0, 0));
    }

    @Property(tries = 500)
    void aShrunkTimeoutIsNeverBelowItsMinimumNorAboveItself(
            @ForAll @LongRange(min = 1, max = 100_000) long timeout,
            @ForAll @LongRange(min = -10, max = 100_000) long min,
            @ForAll @DoubleRange(min = 0, max = 1) double squeeze) {
        Decisions policy =
                policy(b -> b.keepAliveTimeout(Duration.ofMillis(timeout)).minKeepAliveTimeout(Duration.ofMillis(min)));
        long shrunk = policy.timeout(ConnectionState.IDLE, squeeze, 0, 0);
        assertTrue(shrunk <= timeout * MS);
        assertTrue(shrunk >= Math.min(timeout, Math.max(min, 0)) * MS);
        assertTrue(shrunk <= policy.timeout(ConnectionState.IDLE, squeeze / 2, 0, 0), "monotonous");
    }

    @Test
    void aMinimumNeverLengthensATimeout() {
        Decisions policy = policy(b -> b.keepAliveTimeout(Duration.ofMillis(200)));
        assertEquals(200 * MS, policy.timeout(ConnectionState.IDLE, 0, 30 * SECOND, 0));
        assertEquals(200 * MS, policy.timeout(ConnectionState.IDLE, 1, 30 * SECOND, 0));
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5, 1})
    void whatAKeepAliveFieldPromisedIsKept(double squeeze) {
        assertEquals(29 * SECOND, Math.min(29 * SECOND, promised(squeeze, 29 * SECOND)));
        assertTrue(promised(squeeze, 29 * SECOND) >= 29 * SECOND);
        assertEquals(DEFAULTS.timeout(ConnectionState.IDLE, squeeze, 30 * SECOND, 0), promised(squeeze, 0));
        assertEquals(30 * SECOND, promised(0, 29 * SECOND), "it shortens nothing");
        assertEquals(29 * SECOND, promised(1, 29 * SECOND));
    }

    private static long promised(double squeeze, long promised) {
        return DEFAULTS.timeout(ConnectionState.IDLE, squeeze, 30 * SECOND, promised);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5, 1})
    void aTimeoutThatIsOffIsNever(double squeeze) {
        Decisions off = policy(b -> b.keepAliveTimeout(Duration.ZERO)
                .firstRequestTimeout(Duration.ofSeconds(-1))
                .requestHeaderTimeout(Duration.ZERO));
        assertEquals(Decisions.NEVER, off.timeout(ConnectionState.IDLE, squeeze, 30 * SECOND, 0));
        assertEquals(Decisions.NEVER, off.timeout(ConnectionState.NEW, squeeze, 30 * SECOND, 0));
        assertEquals(Decisions.NEVER, off.timeout(ConnectionState.READING, squeeze, 30 * SECOND, 0));
        assertEquals(Decisions.NEVER, DEFAULTS.timeout(ConnectionState.IDLE, squeeze, 0, 0));
        assertEquals(Decisions.NEVER, DEFAULTS.timeout(ConnectionState.IDLE, squeeze, -1, 0));
        assertEquals(Decisions.NEVER, DEFAULTS.timeout(ConnectionState.BUSY, squeeze, 30 * SECOND, 0));
    }

    @Test
    void keepAliveTimeoutTellsWhetherItWasSetAndWhetherItIsOn() {
        assertFalse(DEFAULTS.isKeepAliveTimeoutSet());
        assertFalse(DEFAULTS.isKeepAliveTimeoutOn());
        Decisions off = policy(b -> b.keepAliveTimeout(Duration.ZERO));
        assertTrue(off.isKeepAliveTimeoutSet());
        assertFalse(off.isKeepAliveTimeoutOn());
        assertTrue(policy(b -> b.keepAliveTimeout(Duration.ofNanos(1))).isKeepAliveTimeoutOn());
    }

    // ---- Linger

    @ParameterizedTest
    @CsvSource({"NORMAL, 2000, 10000", "ELEVATED, 2000, 10000", "HIGH, 250, 250", "CRITICAL, 250, 250"})
    void lingerShrinksFromHighOn(PressureLevel level, long millis, long unreadMillis) {
        assertEquals(millis * MS, DEFAULTS.linger(level, false));
        assertEquals(unreadMillis * MS, DEFAULTS.linger(level, true));
    }

    @ParameterizedTest
    @EnumSource
    void aShorterLingerIsNotLengthened(PressureLevel level) {
        Decisions policy =
                policy(b -> b.lingerTimeout(Duration.ofMillis(10)).unreadBodyLingerTimeout(Duration.ofMillis(20)));
        assertEquals(10 * MS, policy.linger(level, false));
        assertEquals(20 * MS, policy.linger(level, true));
    }

    @ParameterizedTest
    @EnumSource
    void aLingerThatIsOffHasNoLimitButUnderPressure(PressureLevel level) {
        Decisions off = policy(b -> b.lingerTimeout(Duration.ZERO).unreadBodyLingerTimeout(Duration.ZERO));
        long expected = level.isAtLeast(PressureLevel.HIGH) ? 250 * MS : Decisions.NEVER;
        assertEquals(expected, off.linger(level, false));
        assertEquals(expected, off.linger(level, true));
    }

    // ---- Closing responses

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
    void numbersOfZeroOrLessSwitchTheirLimitOff(int off) {
        Decisions policy = policy(b -> b.maxRequestsPerConnection(off).minDataRate(off));
        assertNull(policy.closeAfter(1_000_000_000_000L, 0, 0, Pressure.NONE));
        assertEquals(Progress.UNJUDGED, policy.progress(Long.MAX_VALUE, 0, pressure(PressureLevel.CRITICAL)));
    }

    @ParameterizedTest
    @CsvSource({"1,", "9999,", "10000, MAX_REQUESTS", "10001, MAX_REQUESTS"})
    void theTenThousandthResponseCloses(long requests, CloseReason reason) {
        assertEquals(reason, DEFAULTS.closeAfter(requests, 0, 0, Pressure.NONE));
    }

    @Test
    void aMaximumOfOneClosesEachResponse() {
        assertEquals(
                CloseReason.MAX_REQUESTS,
                policy(b -> b.maxRequestsPerConnection(1)).closeAfter(1, 0, 0, Pressure.NONE));
    }

    @ParameterizedTest
    @CsvSource({"3600, 0, MAX_AGE", "3599, 0,", "3240, 1, MAX_AGE", "3239, 1,", "3420, 0.5, MAX_AGE", "3419, 0.5,"})
    void jitterShortensTheMaximumAge(long ageSeconds, double part, CloseReason reason) {
        assertEquals(reason, DEFAULTS.closeAfter(1, ageSeconds * SECOND, part, Pressure.NONE));
    }

    @Property(tries = 300)
    void maximumAgeStaysABoundWhateverTheJitter(
            @ForAll @DoubleRange(min = 0, max = 1) double jitter, @ForAll @DoubleRange(min = 0, max = 1) double part) {
        Decisions policy = policy(b -> b.maxConnectionAgeJitter(jitter));
        assertEquals(CloseReason.MAX_AGE, policy.closeAfter(1, 3600 * SECOND, part, Pressure.NONE));
        long least = (long) (3600 * SECOND * (1 - jitter));
        assertNull(policy.closeAfter(1, least - 1 - MS, part, Pressure.NONE));
    }

    @Test
    void anAgeThatIsOffClosesNothing() {
        assertNull(policy(b -> b.maxConnectionAge(Duration.ZERO)).closeAfter(1, Long.MAX_VALUE, 1, Pressure.NONE));
    }

    @Property(tries = 1_000)
    void aConnectionIsKeptUntilSoon(
            @ForAll @LongRange(min = 1, max = 20_000) long requests,
            @ForAll @LongRange(min = 0, max = 7200 * SECOND) long age,
            @ForAll @DoubleRange(min = 0, max = 1) double part) {
        boolean kept = DEFAULTS.closeAfter(requests, age, part, Pressure.NONE) == null;
        assertEquals(kept, DEFAULTS.beforeClose(requests, age, part) >= 0 || (kept && isAboutToClose(age, part)));
    }

    /** Parts of a nanosecond don't count. */
    private static boolean isAboutToClose(long age, double part) {
        return DEFAULTS.closeAfter(1, age + 1, part, Pressure.NONE) != null;
    }

    @ParameterizedTest
    @CsvSource({"9999, 3599, true", "10000, 3599, false", "9999, 3600, false", "1, 0, true"})
    void theLastRequestIsNotBeforeTheClose(long requests, long ageSeconds, boolean before) {
        assertEquals(before, DEFAULTS.beforeClose(requests, ageSeconds * SECOND, 0) >= 0);
    }

    @Test
    void limitsThatAreOffAreNeverReached() {
        Decisions off = policy(b -> b.maxRequestsPerConnection(0).maxConnectionAge(Duration.ZERO));
        assertTrue(off.beforeClose(Integer.MAX_VALUE, 365 * 24 * 3600 * SECOND, 1) >= 0);
    }

    @ParameterizedTest
    @EnumSource
    void responsesCloseUnderPressureFromHighOn(PressureLevel level) {
        Pressure some = pressure(level);
        CloseReason reason = level.isAtLeast(PressureLevel.HIGH) ? CloseReason.PRESSURE : null;
        assertEquals(reason, DEFAULTS.closeAfter(1, 0, 0, some), "not reused");
        assertNull(DEFAULTS.closeAfter(2, 0, 0, some), "reused, and a newcomer is left to evict");
        assertEquals(
                reason,
                DEFAULTS.closeAfter(2, 0, 0, some.with(new Verdict(true, false, false, false, Set.of()))),
                "reused, none is left");
    }

    // ---- What a Keep-Alive field says

    @ParameterizedTest
    @CsvSource({"30, 0, 29", "30, 0.5, 14", "30, 1, 0", "2, 0, 1", "2.9, 0, 1", "1.999, 0, 0", "1, 0, 0", "0.5, 0, 0"})
    void theFieldPromisesWholeSecondsLessTheBuffer(double idleTimeout, double squeeze, long seconds) {
        assertEquals(seconds, DEFAULTS.promisableSeconds(squeeze, (long) (idleTimeout * SECOND), 0));
    }

    @Test
    void withoutABufferTheWholeTimeIsPromised() {
        Decisions policy = policy(b -> b.keepAliveTimeoutBuffer(Duration.ZERO));
        assertEquals(30, policy.promisableSeconds(0, 30 * SECOND, 0));
        assertEquals(1, policy.promisableSeconds(1, 30 * SECOND, 0));
    }

    @ParameterizedTest
    @CsvSource({"0, 29", "60, 29", "10, 9", "0.3, 0"})
    void noMoreIsPromisedThanTheEndPointAllows(double endPointIdleTimeout, long seconds) {
        assertEquals(seconds, DEFAULTS.promisableSeconds(0, 30 * SECOND, (long) (endPointIdleTimeout * SECOND)));
    }

    @Test
    void nothingIsPromisedWhereTheTimeIsNotLimited() {
        assertEquals(-1, DEFAULTS.promisableSeconds(0, 0, 0));
        assertEquals(-1, policy(b -> b.keepAliveTimeout(Duration.ZERO)).promisableSeconds(1, 30 * SECOND, 0));
    }

    @Property(tries = 300)
    void whatIsPromisedIsLessThanTheTimeout(
            @ForAll @LongRange(min = 1, max = 100_000) long timeout,
            @ForAll @DoubleRange(min = 0, max = 1) double squeeze) {
        Decisions policy = policy(b -> b.keepAliveTimeout(Duration.ofMillis(timeout)));
        long seconds = policy.promisableSeconds(squeeze, 0, 0);
        long real = policy.timeout(ConnectionState.IDLE, squeeze, 0, 0);
        assertTrue(seconds >= 0);
        assertTrue(seconds == 0 || seconds * SECOND + SECOND <= real);
    }

    @Test
    void theFieldTellsOfTimeAndOfRemainingRequests() {
        assertEquals("timeout=29, max=9999", DEFAULTS.keepAliveField(29, 1));
        assertEquals("timeout=29, max=1", DEFAULTS.keepAliveField(29, 9_999));
        assertEquals("timeout=29", DEFAULTS.keepAliveField(29, 10_000));
        assertEquals("max=9999", DEFAULTS.keepAliveField(-1, 1));
        assertEquals("max=9999", DEFAULTS.keepAliveField(0, 1));
        assertNull(DEFAULTS.keepAliveField(0, 10_000));
        Decisions unlimited = policy(b -> b.maxRequestsPerConnection(0));
        assertEquals("timeout=29", unlimited.keepAliveField(29, 1));
        assertNull(unlimited.keepAliveField(-1, 1));
    }

    // ---- Progress

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 240, 1_000_000})
    void atNormalNoExchangeIsJudged(long moved) {
        assertEquals(Progress.UNJUDGED, DEFAULTS.progress(3600 * SECOND, moved, Pressure.NONE));
    }

    @Test
    void anExchangeIsJudgedOnceTheWaitIsLongerThanTheGrace() {
        Pressure elevated = pressure(PressureLevel.ELEVATED, 0);
        assertEquals(Progress.UNJUDGED, DEFAULTS.progress(5 * SECOND, 0, elevated));
        assertEquals(Progress.NONE, DEFAULTS.progress(5 * SECOND + 1, 0, elevated));
    }

    @Test
    void theRateIsThatOfTheWholeWait() {
        Pressure elevated = pressure(PressureLevel.ELEVATED, 0);
        assertEquals(Progress.NONE, DEFAULTS.progress(10 * SECOND, 2399, elevated));
        assertEquals(Progress.MADE, DEFAULTS.progress(10 * SECOND, 2400, elevated));
        assertEquals(Progress.MADE, DEFAULTS.progress(10 * SECOND, Long.MAX_VALUE, elevated));
        Decisions vast = policy(b -> b.minDataRate(Long.MAX_VALUE));
        assertEquals(Progress.NONE, vast.progress(10 * SECOND, 1L << 40, elevated));
    }

    @ParameterizedTest
    @CsvSource({"ELEVATED, 0, 5000", "ELEVATED, 0.5, 3000", "HIGH, 1, 1000", "CRITICAL, 1, 500"})
    void theGraceShrinks(PressureLevel level, double squeeze, long millis) {
        Pressure pressure = pressure(level, squeeze);
        assertEquals(Progress.UNJUDGED, DEFAULTS.progress(millis * MS, 0, pressure));
        assertEquals(Progress.NONE, DEFAULTS.progress(millis * MS + 1, 0, pressure));
    }

    @Test
    void aShorterGraceIsNotLengthened() {
        Decisions policy = policy(b -> b.dataRateGrace(Duration.ofMillis(300)));
        for (PressureLevel level : List.of(PressureLevel.HIGH, PressureLevel.CRITICAL)) {
            assertEquals(Progress.UNJUDGED, policy.progress(300 * MS, 0, pressure(level)));
            assertEquals(Progress.NONE, policy.progress(300 * MS + 1, 0, pressure(level)));
        }
    }

    @Test
    void withoutAGraceAWaitIsJudgedAtOnce() {
        Decisions policy = policy(b -> b.dataRateGrace(Duration.ZERO));
        Pressure elevated = pressure(PressureLevel.ELEVATED, 0);
        assertEquals(Progress.UNJUDGED, policy.progress(0, 0, elevated));
        assertEquals(Progress.NONE, policy.progress(MS, 0, elevated));
        assertEquals(Progress.MADE, policy.progress(MS, 1, elevated));
    }

    // ---- Eviction

    @ParameterizedTest
    @CsvSource({"HIGH, 249, false", "HIGH, 250, true", "CRITICAL, 0, true", "CRITICAL, 249, true"})
    void aNewcomerHasAGraceAtHighOnly(PressureLevel level, long idle, boolean evictable) {
        assertEquals(evictable, DEFAULTS.isEvictable(false, idle * MS, level));
    }

    @ParameterizedTest
    @CsvSource({"HIGH, 999, false", "HIGH, 1000, true", "CRITICAL, 999, false", "CRITICAL, 1000, true"})
    void aReusedConnectionIsLeftAloneForASecondAtAnyLevel(PressureLevel level, long idle, boolean evictable) {
        assertEquals(evictable, DEFAULTS.isEvictable(true, idle * MS, level));
    }

    @Test
    void theBoundariesAreExact() {
        assertFalse(DEFAULTS.isEvictable(false, 250 * MS - 1, PressureLevel.HIGH));
        assertFalse(DEFAULTS.isEvictable(true, SECOND - 1, PressureLevel.CRITICAL));
    }
}
