package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.internal.policy.PolicyRules;

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
                () -> assertEquals(10_000, DEFAULTS.getMaxRequestsPerConnection()),
                () -> assertEquals(Duration.ofHours(1), DEFAULTS.getMaxConnectionAge()),
                () -> assertEquals(0.1, DEFAULTS.getMaxConnectionAgeJitter()),
                () -> assertEquals(Duration.ofSeconds(2), DEFAULTS.getLingerTimeout()),
                () -> assertEquals(Duration.ofSeconds(10), DEFAULTS.getUnreadBodyLingerTimeout()),
                () -> assertEquals(240, DEFAULTS.getMinDataRate()),
                () -> assertEquals(Duration.ofSeconds(5), DEFAULTS.getDataRateGrace()),
                () -> assertEquals(16_384, DEFAULTS.getFastDataRate()),
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
                () -> assertFalse(DEFAULTS.isRefuseWhenFull()),
                () -> assertEquals(Duration.ofMillis(100), DEFAULTS.getSampleInterval()));
    }

    @Test
    void defaultsContradictNothing() {
        assertDoesNotThrow(() -> PolicyRules.check(DEFAULTS));
    }

    /** Each method of the builder, by reflection: it sets its setting, and no other. */
    @ParameterizedTest
    @EnumSource
    void aMethodOfTheBuilderSetsItsSetting(KeepAliveSetting setting) throws ReflectiveOperationException {
        Object other = KeepAliveSettingTest.others().get(setting);
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        Method method = Arrays.stream(KeepAlivePolicy.Builder.class.getMethods())
                .filter(each -> each.getName().equals(setting.getName()))
                .findAny()
                .orElseThrow();
        assertSame(builder, method.invoke(builder, other));
        KeepAlivePolicy policy = builder.build();
        assertEquals(other, get(policy, setting));
        for (KeepAliveSetting each : KeepAliveSetting.values()) {
            assertEquals(each == setting ? other : each.getDefault(), policy.get(each), each.getName());
        }
    }

    /** By the getter of its own. */
    private static Object get(KeepAlivePolicy policy, KeepAliveSetting setting) throws ReflectiveOperationException {
        String name = setting.getName().substring(0, 1).toUpperCase(Locale.ROOT)
                + setting.getName().substring(1);
        String prefix = setting.getUnit() == KeepAliveSetting.Unit.TRUTH ? "is" : "get";
        Method getter = KeepAlivePolicy.class.getMethod(prefix + name);
        assertEquals(KeepAlivePolicy.class, getter.getDeclaringClass(), "a public class, so that anybody may call it");
        return getter.invoke(policy);
    }

    @Test
    void whatIsRefusedLeavesNoTrace() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        assertRefused(() -> builder.keepAliveTimeout(null), "keepAliveTimeout", "null", "at most 3650 days");
        assertRefused(
                () -> builder.lingerTimeout(Duration.ofDays(3650).plusNanos(1)),
                "lingerTimeout",
                "PT87600H0.000000001S",
                "at most 3650 days");
        assertRefused(() -> builder.highAt(1.0001), "highAt", "1.0001", "at most 1");
        assertRefused(() -> builder.hysteresis(-0.01), "hysteresis", "-0.01", "0 to 0.5");
        assertRefused(() -> builder.sampleInterval(Duration.ZERO), "sampleInterval", "0s", "1ms to 10s");
        assertEquals(DEFAULTS.toString(), builder.build().toString());
    }

    @Test
    void zeroOrLessSwitchesOff() {
        KeepAlivePolicy policy = policy(b -> b.keepAliveTimeout(Duration.ofSeconds(-1))
                .maxRequestsPerConnection(-1)
                .minDataRate(Long.MIN_VALUE)
                .elevatedAt(-0.5)
                .highAt(Double.NEGATIVE_INFINITY)
                .maxConnections(Integer.MIN_VALUE));
        assertEquals(Duration.ZERO, policy.getKeepAliveTimeout());
        assertEquals(0, policy.getMaxRequestsPerConnection());
        assertEquals(0, policy.getMinDataRate());
        assertEquals(0, policy.getElevatedAt());
        assertEquals(0, policy.getHighAt());
        assertEquals(0, policy.getMaxConnections());
        assertDoesNotThrow(() -> PolicyRules.check(policy));
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
        String message = assertThrows(IllegalArgumentException.class, () -> PolicyRules.check(policy))
                .getMessage();
        assertTrue(message.startsWith("elevatedAt: " + elevatedAt), message);
        assertTrue(message.contains("highAt") && message.contains("" + highAt), message);
    }

    @Test
    void aValueThatNobodyHasSetIsNotBlamed() {
        String message = assertThrows(
                        IllegalArgumentException.class, () -> PolicyRules.check(policy(b -> b.highAt(0.6))))
                .getMessage();
        assertEquals("highAt: 0.6 (expected: more than elevatedAt, which is 0.7)", message);
        message = assertThrows(IllegalArgumentException.class, () -> PolicyRules.check(policy(b -> b.elevatedAt(0.04))))
                .getMessage();
        assertEquals("elevatedAt: 0.04 (expected: more than hysteresis, which is 0.05)", message);
    }

    @Test
    void hysteresisHasToBeBelowTheLowestLevel() {
        KeepAlivePolicy policy = policy(b -> b.elevatedAt(0.3).hysteresis(0.3));
        String message = assertThrows(IllegalArgumentException.class, () -> PolicyRules.check(policy))
                .getMessage();
        assertTrue(message.startsWith("hysteresis: 0.3"), message);
        assertTrue(message.contains("less than elevatedAt, which is 0.3"), message);
        assertDoesNotThrow(() -> PolicyRules.check(policy(b -> b.elevatedAt(0.3).hysteresis(0.29))));
        assertThrows(
                IllegalArgumentException.class,
                () -> PolicyRules.check(policy(b -> b.elevatedAt(0).highAt(0.2).hysteresis(0.2))));
        assertDoesNotThrow(
                () -> PolicyRules.check(policy(b -> b.elevatedAt(0).highAt(0).hysteresis(0.5))));
    }

    @Test
    void anOffLevelContradictsNothing() {
        assertDoesNotThrow(() -> PolicyRules.check(policy(b -> b.elevatedAt(0.9).highAt(0))));
        assertDoesNotThrow(() -> PolicyRules.check(policy(b -> b.elevatedAt(0).highAt(0.1))));
    }

    @Test
    void theOrderOfContradictingSettingsDoesNotMatter() {
        assertDoesNotThrow(
                () -> PolicyRules.check(policy(b -> b.elevatedAt(0.95).highAt(0.99))));
        assertDoesNotThrow(() -> PolicyRules.check(policy(b -> b.highAt(0.99).elevatedAt(0.95))));
        assertDoesNotThrow(() -> PolicyRules.check(policy(b -> b.highAt(0.2).elevatedAt(0.1))));
    }

    // ---- Copies

    private static KeepAlivePolicy allSettingsChanged() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        KeepAliveSettingTest.others()
                .forEach((setting, value) -> builder.set(setting.getName(), " " + setting.format(value)));
        return builder.build();
    }

    @Test
    void aBuilderMadeFromAPolicyHasAllItsSettings() {
        KeepAlivePolicy policy = allSettingsChanged();
        KeepAlivePolicy copy = policy.toBuilder().build();
        KeepAliveSettingTest.others().forEach((setting, value) -> {
            assertEquals(value, policy.get(setting), setting.getName());
            assertEquals(value, copy.get(setting), setting.getName());
        });
        assertDoesNotThrow(() -> PolicyRules.check(policy));
    }

    @Test
    void aPolicyIsNotChangedByItsBuilderAfterwards() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder().maxRequestsPerConnection(1);
        KeepAlivePolicy policy = builder.build();
        builder.maxRequestsPerConnection(2);
        assertEquals(1, policy.getMaxRequestsPerConnection());
    }

    @ParameterizedTest
    @EnumSource
    void aSettingOfPressureMakesADifferenceAndIsTakenOver(KeepAliveSetting setting) {
        Object other = KeepAliveSettingTest.others().get(setting);
        KeepAlivePolicy changed = policy(b -> b.set(setting.getName(), setting.format(other)));
        boolean ofPressure = setting.getScope() == KeepAliveSetting.Scope.SERVER;
        assertEquals(!ofPressure, PolicyRules.agree(DEFAULTS, changed));
        KeepAlivePolicy mine = policy(b -> b.keepAliveTimeout(Duration.ofSeconds(3)));
        KeepAlivePolicy taken = mine.withPressureSettingsOf(changed);
        assertTrue(PolicyRules.agree(taken, changed));
        assertEquals(Duration.ofSeconds(3), taken.getKeepAliveTimeout());
        assertEquals(ofPressure ? other : mine.get(setting), taken.get(setting));
        assertTrue(PolicyRules.agree(mine, DEFAULTS), "the policy itself stays as it is");
    }

    // ---- Settings by name

    @Test
    void nullLeavesASettingAsItIs() {
        assertEquals(0.9, policy(b -> b.highAt(0.9).set("highAt", null)).getHighAt());
    }

    @Test
    void aNameThatIsNoSettingIsRefused() {
        assertRefused(
                () -> KeepAlivePolicy.builder().set("keepAliveTimout", "1"),
                "keepAliveTimout",
                "1",
                "the name of a setting");
        assertRefused(
                () -> KeepAlivePolicy.builder().set("no setting", null), "no setting", "null", "the name of a setting");
    }

    @Test
    void textThatIsNoValueOfASettingIsRefused() {
        assertRefused(
                () -> KeepAlivePolicy.builder().set("advertiseKeepAlive", "yes"),
                "advertiseKeepAlive",
                "yes",
                "true or false");
        assertRefused(() -> KeepAlivePolicy.builder().set("lingerTimeout", "2x"), "lingerTimeout", "2x", "2m or 1h");
    }

    // ---- What is printed

    @Test
    void aPolicyTellsWhatIsNotItsDefault() {
        assertEquals("KeepAlivePolicy[]", DEFAULTS.toString());
        assertEquals(
                "KeepAlivePolicy[keepAliveTimeout=7s, reservedDescriptors=0]",
                policy(b -> b.keepAliveTimeout(Duration.ofSeconds(7)).reservedDescriptors(-1))
                        .toString());
        String all = allSettingsChanged().toString();
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            assertTrue(all.contains(setting + "="), all);
        }
    }
}
