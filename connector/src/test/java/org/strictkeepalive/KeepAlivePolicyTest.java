package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class KeepAlivePolicyTest {
    private static final KeepAlivePolicy DEFAULTS = KeepAlivePolicy.defaults();

    private static KeepAlivePolicy policy(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        return settings.apply(KeepAlivePolicy.builder()).build();
    }

    // ---- Settings

    @Test
    void defaultsAreThoseOfTheTable() {
        assertAll(
                () -> assertNull(DEFAULTS.getKeepAliveTimeout(), "the connector's idle timeout"),
                () -> assertEquals(Duration.ofSeconds(1), DEFAULTS.getMinKeepAliveTimeout()),
                () -> assertEquals(Duration.ofSeconds(10), DEFAULTS.getRequestHeaderTimeout()),
                () -> assertNull(DEFAULTS.getFirstRequestTimeout()),
                () -> assertEquals(Duration.ofSeconds(10), DEFAULTS.getHandshakeTimeout()),
                () -> assertEquals(Duration.ofSeconds(1), DEFAULTS.getMinRequestHeaderTimeout()),
                () -> assertEquals(1000, DEFAULTS.getMaxRequestsPerConnection()),
                () -> assertEquals(Duration.ofHours(1), DEFAULTS.getMaxConnectionAge()),
                () -> assertEquals(0.1, DEFAULTS.getMaxConnectionAgeJitter()),
                () -> assertEquals(Duration.ofSeconds(2), DEFAULTS.getLingerTimeout()),
                () -> assertEquals(Duration.ofSeconds(10), DEFAULTS.getUnreadBodyLingerTimeout()),
                () -> assertEquals(240, DEFAULTS.getMinDataRate()),
                () -> assertEquals(Duration.ofSeconds(5), DEFAULTS.getDataRateGrace()),
                () -> assertEquals(Duration.ofSeconds(5), DEFAULTS.getAbandonedTimeout()),
                () -> assertTrue(DEFAULTS.isAdvertiseKeepAlive()),
                () -> assertEquals(Duration.ofSeconds(1), DEFAULTS.getKeepAliveTimeoutBuffer()),
                () -> assertEquals(0.70, DEFAULTS.getElevatedAt()),
                () -> assertEquals(0.80, DEFAULTS.getHighAt()),
                () -> assertEquals(0.05, DEFAULTS.getHysteresis()),
                () -> assertNull(DEFAULTS.getReservedDescriptors(), "1 % of the limit but 16 to 256"),
                () -> assertEquals(0, DEFAULTS.getDescriptorLimit()),
                () -> assertEquals(0, DEFAULTS.getMaxConnections()),
                () -> assertTrue(DEFAULTS.isPauseAcceptWhenCritical()),
                () -> assertEquals(Duration.ofMillis(100), DEFAULTS.getSampleInterval()));
    }

    @Test
    void defaultsContradictNothing() {
        assertDoesNotThrow(DEFAULTS::validate);
    }

    static Stream<Arguments> durations() {
        return Stream.of(
                duration(
                        "keepAliveTimeout",
                        KeepAlivePolicy.Builder::keepAliveTimeout,
                        KeepAlivePolicy::getKeepAliveTimeout),
                duration(
                        "minKeepAliveTimeout",
                        KeepAlivePolicy.Builder::minKeepAliveTimeout,
                        KeepAlivePolicy::getMinKeepAliveTimeout),
                duration(
                        "requestHeaderTimeout",
                        KeepAlivePolicy.Builder::requestHeaderTimeout,
                        KeepAlivePolicy::getRequestHeaderTimeout),
                duration(
                        "firstRequestTimeout",
                        KeepAlivePolicy.Builder::firstRequestTimeout,
                        KeepAlivePolicy::getFirstRequestTimeout),
                duration(
                        "handshakeTimeout",
                        KeepAlivePolicy.Builder::handshakeTimeout,
                        KeepAlivePolicy::getHandshakeTimeout),
                duration(
                        "minRequestHeaderTimeout",
                        KeepAlivePolicy.Builder::minRequestHeaderTimeout,
                        KeepAlivePolicy::getMinRequestHeaderTimeout),
                duration(
                        "maxConnectionAge",
                        KeepAlivePolicy.Builder::maxConnectionAge,
                        KeepAlivePolicy::getMaxConnectionAge),
                duration("lingerTimeout", KeepAlivePolicy.Builder::lingerTimeout, KeepAlivePolicy::getLingerTimeout),
                duration(
                        "unreadBodyLingerTimeout",
                        KeepAlivePolicy.Builder::unreadBodyLingerTimeout,
                        KeepAlivePolicy::getUnreadBodyLingerTimeout),
                duration("dataRateGrace", KeepAlivePolicy.Builder::dataRateGrace, KeepAlivePolicy::getDataRateGrace),
                duration(
                        "abandonedTimeout",
                        KeepAlivePolicy.Builder::abandonedTimeout,
                        KeepAlivePolicy::getAbandonedTimeout),
                duration(
                        "keepAliveTimeoutBuffer",
                        KeepAlivePolicy.Builder::keepAliveTimeoutBuffer,
                        KeepAlivePolicy::getKeepAliveTimeoutBuffer));
    }

    private static Arguments duration(
            String name,
            BiFunction<KeepAlivePolicy.Builder, Duration, KeepAlivePolicy.Builder> set,
            Function<KeepAlivePolicy, Duration> get) {
        return Arguments.of(name, set, get);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("durations")
    void aDurationIsKeptAsItWasSet(
            String name,
            BiFunction<KeepAlivePolicy.Builder, Duration, KeepAlivePolicy.Builder> set,
            Function<KeepAlivePolicy, Duration> get) {
        for (Duration value : List.of(Duration.ofNanos(1), Duration.ofMillis(1234), Duration.ofDays(3650))) {
            assertEquals(
                    value, get.apply(set.apply(KeepAlivePolicy.builder(), value).build()), name);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("durations")
    void aDurationOfZeroOrLessIsAnOff(
            String name,
            BiFunction<KeepAlivePolicy.Builder, Duration, KeepAlivePolicy.Builder> set,
            Function<KeepAlivePolicy, Duration> get) {
        for (Duration value : List.of(
                Duration.ZERO, Duration.ofNanos(-1), Duration.ofDays(-9999), Duration.ofSeconds(Long.MIN_VALUE))) {
            KeepAlivePolicy policy = set.apply(KeepAlivePolicy.builder(), value).build();
            assertEquals(Duration.ZERO, get.apply(policy), name);
            assertDoesNotThrow(policy::validate);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("durations")
    void aDurationIsRefusedWithNameAndValueAndWhatIsAllowed(
            String name,
            BiFunction<KeepAlivePolicy.Builder, Duration, KeepAlivePolicy.Builder> set,
            Function<KeepAlivePolicy, Duration> get) {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        Duration before = get.apply(builder.build());
        assertRefused(() -> set.apply(builder, null), name, "null", "at most 3650 days");
        assertRefused(
                () -> set.apply(builder, Duration.ofDays(3650).plusNanos(1)), name, "87600h", "at most 3650 days");
        assertRefused(() -> set.apply(builder, Duration.ofSeconds(Long.MAX_VALUE)), name, "h", "at most 3650 days");
        assertEquals(before, get.apply(builder.build()), "a refused value leaves no trace");
    }

    static Stream<Arguments> shares() {
        return Stream.of(
                share("maxConnectionAgeJitter", KeepAlivePolicy.Builder::maxConnectionAgeJitter),
                share("elevatedAt", KeepAlivePolicy.Builder::elevatedAt),
                share("highAt", KeepAlivePolicy.Builder::highAt),
                share("fairShare", KeepAlivePolicy.Builder::fairShare),
                share("hysteresis", KeepAlivePolicy.Builder::hysteresis));
    }

    private static Arguments share(
            String name, BiFunction<KeepAlivePolicy.Builder, Double, KeepAlivePolicy.Builder> set) {
        return Arguments.of(name, set);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("shares")
    void aShareIsRefusedWithNameAndValueAndWhatIsAllowed(
            String name, BiFunction<KeepAlivePolicy.Builder, Double, KeepAlivePolicy.Builder> set) {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        String allowed = name.equals("hysteresis") ? "0 to 0.5" : "at most 1";
        assertRefused(() -> set.apply(builder, Double.NaN), name, "NaN", allowed);
        assertRefused(() -> set.apply(builder, 1.0001), name, "1.0001", allowed);
        assertRefused(() -> set.apply(builder, Double.POSITIVE_INFINITY), name, "Infinity", allowed);
        assertTrue(DEFAULTS.hasSamePressureSettings(builder.build()), "a refused value leaves no trace");
    }

    @Test
    void sharesAreKeptUpToTheirBounds() {
        assertEquals(1, policy(b -> b.maxConnectionAgeJitter(1)).getMaxConnectionAgeJitter());
        assertEquals(1, policy(b -> b.elevatedAt(1)).getElevatedAt());
        assertEquals(1, policy(b -> b.highAt(1)).getHighAt());
        assertEquals(0.5, policy(b -> b.hysteresis(0.5)).getHysteresis());
        assertEquals(0, policy(b -> b.hysteresis(0)).getHysteresis());
        assertRefused(() -> KeepAlivePolicy.builder().hysteresis(0.5001), "hysteresis", "0.5001", "0 to 0.5");
        assertRefused(() -> KeepAlivePolicy.builder().hysteresis(-0.01), "hysteresis", "-0.01", "0 to 0.5");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, -0.5, -1, Double.NEGATIVE_INFINITY})
    void sharesOfZeroOrLessSwitchTheirLevelOff(double off) {
        assertEquals(0, policy(b -> b.maxConnectionAgeJitter(off)).getMaxConnectionAgeJitter());
        KeepAlivePolicy policy = policy(b -> b.elevatedAt(off).highAt(off));
        assertTrue(policy.getElevatedAt() <= 0);
        assertTrue(policy.getHighAt() <= 0);
        assertDoesNotThrow(policy::validate);
    }

    @Test
    void numbersAreKeptAsTheyWereSet() {
        KeepAlivePolicy policy = policy(b -> b.maxRequestsPerConnection(7)
                .minDataRate(Long.MAX_VALUE)
                .reservedDescriptors(32)
                .descriptorLimit(1L << 40)
                .maxConnections(Integer.MAX_VALUE)
                .advertiseKeepAlive(false)
                .pauseAcceptWhenCritical(false));
        assertEquals(7, policy.getMaxRequestsPerConnection());
        assertEquals(Long.MAX_VALUE, policy.getMinDataRate());
        assertEquals(32, policy.getReservedDescriptors());
        assertEquals(1L << 40, policy.getDescriptorLimit());
        assertEquals(Integer.MAX_VALUE, policy.getMaxConnections());
        assertFalse(policy.isAdvertiseKeepAlive());
        assertFalse(policy.isPauseAcceptWhenCritical());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
    void numbersOfZeroOrLessSwitchTheirLimitOff(int off) {
        KeepAlivePolicy policy = policy(b -> b.maxRequestsPerConnection(off)
                .minDataRate(off)
                .reservedDescriptors(off)
                .descriptorLimit(off)
                .maxConnections(off));
        assertEquals(0, policy.getDescriptorLimit());
        assertEquals(0, policy.getMaxConnections());
        assertDoesNotThrow(policy::validate);
    }

    @Test
    void sampleIntervalIsOneMillisecondToTenSeconds() {
        assertEquals(
                Duration.ofMillis(1),
                policy(b -> b.sampleInterval(Duration.ofMillis(1))).getSampleInterval());
        assertEquals(
                Duration.ofSeconds(10),
                policy(b -> b.sampleInterval(Duration.ofSeconds(10))).getSampleInterval());
        assertRefused(() -> KeepAlivePolicy.builder().sampleInterval(null), "sampleInterval", "null", "1 ms to 10 s");
        for (Duration wrong : List.of(
                Duration.ZERO,
                Duration.ofMillis(-1),
                Duration.ofNanos(999_999),
                Duration.ofSeconds(10).plusNanos(1),
                Duration.ofSeconds(Long.MAX_VALUE),
                Duration.ofSeconds(Long.MIN_VALUE))) {
            assertRefused(() -> KeepAlivePolicy.builder().sampleInterval(wrong), "sampleInterval", "s", "1 ms to 10 s");
        }
    }

    private static void assertRefused(Supplier<?> setter, String name, String value, String allowed) {
        String message =
                assertThrows(IllegalArgumentException.class, setter::get).getMessage();
        assertTrue(message.startsWith(name + ": "), message);
        assertTrue(message.contains(value), message);
        assertTrue(message.contains(allowed), message);
    }

    // ---- Rules across settings

    @ParameterizedTest
    @CsvSource({"0.8, 0.8", "0.9, 0.8", "1, 0.01"})
    void elevatedAtHasToBeBelowHighAt(double elevatedAt, double highAt) {
        KeepAlivePolicy policy = policy(b -> b.elevatedAt(elevatedAt).highAt(highAt));
        String message =
                assertThrows(IllegalArgumentException.class, policy::validate).getMessage();
        assertTrue(message.startsWith("elevatedAt: " + elevatedAt), message);
        assertTrue(message.contains("highAt") && message.contains("" + highAt), message);
    }

    @Test
    void hysteresisHasToBeBelowTheLowestLevel() {
        KeepAlivePolicy policy = policy(b -> b.elevatedAt(0.3).hysteresis(0.3));
        String message =
                assertThrows(IllegalArgumentException.class, policy::validate).getMessage();
        assertTrue(message.startsWith("hysteresis: 0.3"), message);
        assertTrue(message.contains("lowest level"), message);
        assertDoesNotThrow(policy(b -> b.elevatedAt(0.3).hysteresis(0.29))::validate);
        assertThrows(
                IllegalArgumentException.class,
                policy(b -> b.elevatedAt(0).highAt(0.2).hysteresis(0.2))::validate);
        assertDoesNotThrow(policy(b -> b.elevatedAt(0).highAt(0).hysteresis(0.5))::validate);
    }

    @Test
    void anOffLevelContradictsNothing() {
        assertDoesNotThrow(policy(b -> b.elevatedAt(0.9).highAt(0))::validate);
        assertDoesNotThrow(policy(b -> b.elevatedAt(0).highAt(0.1))::validate);
    }

    @Test
    void theOrderOfContradictingSettingsDoesNotMatter() {
        assertDoesNotThrow(policy(b -> b.elevatedAt(0.95).highAt(0.99))::validate);
        assertDoesNotThrow(policy(b -> b.highAt(0.99).elevatedAt(0.95))::validate);
        assertDoesNotThrow(policy(b -> b.highAt(0.2).elevatedAt(0.1))::validate);
    }

    // ---- Copies

    @Test
    void aBuilderMadeFromAPolicyHasAllItsSettings() {
        KeepAlivePolicy policy = allSettingsChanged();
        KeepAlivePolicy copy = policy.toBuilder().build();
        for (java.lang.reflect.Method getter : KeepAlivePolicy.class.getMethods()) {
            if (getter.getDeclaringClass() == KeepAlivePolicy.class
                    && (getter.getName().startsWith("get") || getter.getName().startsWith("is"))) {
                Object changed = assertDoesNotThrow(() -> getter.invoke(policy));
                assertEquals(changed, assertDoesNotThrow(() -> getter.invoke(copy)), getter.getName());
                assertNotEquals(
                        assertDoesNotThrow(() -> getter.invoke(DEFAULTS)), changed, getter + " is not covered here");
            }
        }
    }

    private static KeepAlivePolicy allSettingsChanged() {
        return policy(b -> b.keepAliveTimeout(Duration.ofSeconds(3))
                .minKeepAliveTimeout(Duration.ofMillis(1001))
                .requestHeaderTimeout(Duration.ofMillis(1002))
                .firstRequestTimeout(Duration.ofMillis(1003))
                .handshakeTimeout(Duration.ofMillis(1013))
                .minRequestHeaderTimeout(Duration.ofMillis(1004))
                .maxRequestsPerConnection(5)
                .maxConnectionAge(Duration.ofMillis(1006))
                .maxConnectionAgeJitter(0.2)
                .lingerTimeout(Duration.ofMillis(1007))
                .unreadBodyLingerTimeout(Duration.ofMillis(1008))
                .minDataRate(9)
                .dataRateGrace(Duration.ofMillis(1010))
                .abandonedTimeout(Duration.ofMillis(1013))
                .advertiseKeepAlive(false)
                .keepAliveTimeoutBuffer(Duration.ofMillis(1011))
                .elevatedAt(0.71)
                .highAt(0.81)
                .hysteresis(0.06)
                .fairShare(0.3)
                .reservedDescriptors(12)
                .descriptorLimit(13)
                .maxConnections(14)
                .pauseAcceptWhenCritical(false)
                .sampleInterval(Duration.ofMillis(15)));
    }

    @Test
    void aPolicyIsNotChangedByItsBuilderAfterwards() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder().maxRequestsPerConnection(1);
        KeepAlivePolicy policy = builder.build();
        builder.maxRequestsPerConnection(2);
        assertEquals(1, policy.getMaxRequestsPerConnection());
    }

    @Test
    void eachSettingOfPressureMakesADifferenceAndIsTakenOver() {
        List<UnaryOperator<KeepAlivePolicy.Builder>> settings = List.of(
                b -> b.elevatedAt(0.5),
                b -> b.highAt(0.9),
                b -> b.hysteresis(0.1),
                b -> b.fairShare(0.5),
                b -> b.reservedDescriptors(20),
                b -> b.descriptorLimit(1000),
                b -> b.maxConnections(1000),
                b -> b.pauseAcceptWhenCritical(false),
                b -> b.sampleInterval(Duration.ofMillis(50)));
        for (UnaryOperator<KeepAlivePolicy.Builder> setting : settings) {
            KeepAlivePolicy changed = policy(setting);
            assertFalse(DEFAULTS.hasSamePressureSettings(changed));
            KeepAlivePolicy mine = policy(b -> b.maxRequestsPerConnection(3)).withPressureSettingsOf(changed);
            assertTrue(mine.hasSamePressureSettings(changed));
            assertEquals(3, mine.getMaxRequestsPerConnection());
        }
        assertTrue(DEFAULTS.hasSamePressureSettings(policy(b -> b.keepAliveTimeout(Duration.ofSeconds(1)))));
    }

    // ---- Settings by name

    @Test
    void everySettingIsSetByItsName() throws Exception {
        for (Map.Entry<String, ?> setting : StrictKeepAliveConnectionFactoryTest.SETTINGS.entrySet()) {
            StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
            String name = setting.getKey().substring(0, 1).toLowerCase(Locale.ROOT)
                    + setting.getKey().substring(1);
            factory.setPolicy(policy(b -> b.set(name, " " + setting.getValue())));
            assertEquals(setting.getValue(), StrictKeepAliveConnectionFactoryTest.get(factory, setting.getKey()));
        }
        assertTrue(policy(b -> b.advertiseKeepAlive(false).set("advertiseKeepAlive", "true"))
                .isAdvertiseKeepAlive());
        assertEquals(0.9, policy(b -> b.highAt(0.9).set("highAt", null)).getHighAt());
    }

    @Test
    void textThatIsNoValueOfASettingIsRefused() {
        assertRefused(
                () -> KeepAlivePolicy.builder().set("advertiseKeepAlive", "yes"),
                "advertiseKeepAlive",
                "yes",
                "true or false");
        assertRefused(
                () -> KeepAlivePolicy.builder().set("lingerTimeout", "2s"),
                "lingerTimeout",
                "2s",
                "a whole number of milliseconds");
    }

    @Test
    void aPolicyTellsItsTimeouts() {
        assertTrue(DEFAULTS.toString().contains("keepAliveTimeout=idleTimeout,"), DEFAULTS::toString);
        String text = policy(b -> b.keepAliveTimeout(Duration.ofSeconds(7))).toString();
        assertTrue(text.contains("keepAliveTimeout=PT7S,"), text);
    }
}
