package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAliveSetting.Scope;
import org.strictkeepalive.KeepAliveSetting.Unit;

public class KeepAliveSettingTest {
    /** A value for each setting that is not its default; together they contradict nothing. */
    public static Map<KeepAliveSetting, Object> others() {
        Map<KeepAliveSetting, Object> others = new EnumMap<>(KeepAliveSetting.class);
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            int each = others.size();
            others.put(
                    setting,
                    switch (setting.getUnit()) {
                        case DURATION -> Duration.ofMillis(3_001 + each);
                        case COUNT -> 11 + each;
                        case AMOUNT -> 1_001L + each;
                        case SHARE -> (Double) setting.getDefault() + 0.015625;
                        case TRUTH -> !((Boolean) setting.getDefault());
                    });
        }
        return others;
    }

    /** Texts that are no value of a setting. */
    static List<String> wrong(KeepAliveSetting setting) {
        List<String> wrong = new ArrayList<>(
                List.of("", " ", "null", "text", "1,5", "0x10", "1 2", "--1", "1;2", "1 s", "s", "1.5s", "2x"));
        Collections.addAll(
                wrong,
                switch (setting.getUnit()) {
                    case DURATION ->
                        new String[] {
                            "1e3", "2.5", "Infinity", "true", "9223372036854775808", "PT", "9223372036854775807h"
                        };
                    case COUNT -> new String[] {"1s", "2147483648", "-2147483649", "1e3", "2.5", "NaN", "true"};
                    case AMOUNT ->
                        new String[] {"1s", "9223372036854775808", "-9223372036854775809", "1e3", "2.5", "true"};
                    case SHARE -> new String[] {"1s", "NaN", "Infinity", "1e309", "1.01", "80%", "true"};
                    case TRUTH -> new String[] {"1s", "0", "1", "yes", "TRUE", "on"};
                });
        return wrong;
    }

    private static String refusal(KeepAliveSetting setting, Object value) {
        return assertThrows(IllegalArgumentException.class, () -> setting.check(value), () -> setting + ": " + value)
                .getMessage();
    }

    @Test
    void everyMethodOfTheBuilderIsASettingAndBackAgain() {
        TreeSet<String> methods = new TreeSet<>();
        for (var method : KeepAlivePolicy.Builder.class.getMethods()) {
            if (method.getReturnType() == KeepAlivePolicy.Builder.class && method.getParameterCount() == 1) {
                methods.add(method.getName());
            }
        }
        TreeSet<String> names = new TreeSet<>();
        Arrays.stream(KeepAliveSetting.values()).forEach(setting -> names.add(setting.getName()));
        assertEquals(methods, names);
    }

    @ParameterizedTest
    @EnumSource
    void aSettingIsFoundByItsNameAndDescribedInOneSentence(KeepAliveSetting setting) {
        String kebab = setting.name().toLowerCase(Locale.ROOT).replace('_', '-');
        String variable = kebab.replace("-", "");
        for (String name : new String[] {setting.getName(), setting.name(), kebab, variable}) {
            assertEquals(Optional.of(setting), KeepAliveSetting.find(name), name);
        }
        assertEquals(setting.getName(), setting.toString());
        String description = setting.getDescription();
        assertTrue(description.matches("(?s)[A-Z][^\\n|]*\\."), description);
        assertTrue(!description.replace("...", "").replaceAll("\\.$", "").contains(". "), description);
    }

    @Test
    void aNameThatIsNoneIsNotFound() {
        for (String name : new String[] {"", "-", "keepAliveTimout", "keep.alive.timeout", "keepAliveTimeout ", null}) {
            assertEquals(Optional.empty(), KeepAliveSetting.find(name));
        }
    }

    @Test
    void theSettingsOfPressureBelongToTheServer() {
        assertEquals(
                List.of(
                        KeepAliveSetting.ELEVATED_AT,
                        KeepAliveSetting.HIGH_AT,
                        KeepAliveSetting.HYSTERESIS,
                        KeepAliveSetting.FAIR_SHARE,
                        KeepAliveSetting.RESERVED_DESCRIPTORS,
                        KeepAliveSetting.DESCRIPTOR_LIMIT,
                        KeepAliveSetting.MAX_CONNECTIONS,
                        KeepAliveSetting.PAUSE_ACCEPT_WHEN_CRITICAL,
                        KeepAliveSetting.REFUSE_WHEN_FULL,
                        KeepAliveSetting.SAMPLE_INTERVAL),
                Arrays.stream(KeepAliveSetting.values())
                        .filter(setting -> setting.getScope() == Scope.SERVER)
                        .toList());
    }

    @ParameterizedTest
    @EnumSource
    void whatIsPrintedIsReadAgain(KeepAliveSetting setting) {
        Object other = others().get(setting);
        assertNotEquals(setting.getDefault(), other);
        assertEquals(other, setting.parse(setting.format(other)));
        assertEquals(other, setting.parse("  " + setting.format(other) + "\n"));
        if (setting.getDefault() != null) {
            assertEquals(setting.getDefault(), setting.parse(setting.format(setting.getDefault())));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "75,PT0.075S,75ms",
        "75s,PT75S,75s",
        "500ms,PT0.5S,500ms",
        "2m,PT2M,2m",
        "120s,PT2M,2m",
        "90s,PT1M30S,90s",
        "90m,PT1H30M,90m",
        "1h,PT1H,1h",
        "60m,PT1H,1h",
        "PT75S,PT75S,75s",
        "pt0.5s,PT0.5S,500ms",
        "P1D,PT24H,24h",
        "1500,PT1.5S,1500ms",
        "+1,PT0.001S,1ms",
        "PT0.000000001S,PT0.000000001S,PT0.000000001S",
        "0,PT0S,0s",
        "0s,PT0S,0s",
        "-1,PT0S,0s",
        "-5m,PT0S,0s",
        "-9223372036854775808,PT0S,0s",
        "87600h,PT87600H,87600h"
    })
    void aDurationIsReadWithOrWithoutItsUnit(String text, Duration value, String printed) {
        assertEquals(value, KeepAliveSetting.KEEP_ALIVE_TIMEOUT.parse(text));
        assertEquals(printed, KeepAliveSetting.KEEP_ALIVE_TIMEOUT.format(value));
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -Long.MAX_VALUE / 1000, -1, 1, Long.MAX_VALUE / 1000, Long.MAX_VALUE})
    void anyDurationIsPrinted(long seconds) {
        Duration whole = Duration.ofSeconds(seconds);
        assertEquals(whole, Unit.DURATION.parse(KeepAliveSetting.LINGER_TIMEOUT.format(whole)));
        Duration part = Duration.ofSeconds(seconds, 1_000_000);
        assertEquals(part, Unit.DURATION.parse(KeepAliveSetting.LINGER_TIMEOUT.format(part)));
    }

    @ParameterizedTest
    @EnumSource
    void aWrongTextIsRefusedWithNameAndTextAndWhatIsAllowed(KeepAliveSetting setting) {
        for (String wrong : wrong(setting)) {
            String message = assertThrows(
                            IllegalArgumentException.class, () -> setting.parse(wrong), () -> setting + "=" + wrong)
                    .getMessage();
            assertTrue(message.startsWith(setting + ": "), message);
            assertTrue(message.contains(" (expected: "), message);
            assertTrue(message.endsWith(setting.getRange() + ")"), message);
        }
        assertThrows(IllegalArgumentException.class, () -> setting.parse(null));
    }

    @Test
    void aRefusalIsReadLikeThis() {
        assertEquals(
                "keepAliveTimeout: 75x (expected: a time such as 500ms, 75s, 2m or 1h, at most 3650 days; 0 or less"
                        + " switches it off)",
                assertThrows(IllegalArgumentException.class, () -> KeepAliveSetting.KEEP_ALIVE_TIMEOUT.parse("75x"))
                        .getMessage());
        assertEquals(
                "sampleInterval: 0s (expected: a time such as 500ms, 75s, 2m or 1h, 1ms to 10s)",
                refusal(KeepAliveSetting.SAMPLE_INTERVAL, Duration.ZERO));
        assertEquals(
                "highAt: 1.5 (expected: a number, at most 1; 0 or less switches it off)",
                refusal(KeepAliveSetting.HIGH_AT, 1.5));
        assertEquals(
                "pauseAcceptWhenCritical: null (expected: true or false)",
                refusal(KeepAliveSetting.PAUSE_ACCEPT_WHEN_CRITICAL, null));
    }

    @ParameterizedTest
    @EnumSource
    void aValueOfAnotherTypeIsRefused(KeepAliveSetting setting) {
        for (Object value : new Object[] {null, Duration.ZERO, 0, 0L, 0.25, true, "1"}) {
            if (value == null || others().get(setting).getClass() != value.getClass()) {
                String message = refusal(setting, value);
                assertTrue(message.startsWith(setting + ": "), message);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theRangeIsKeptToItsBounds(KeepAliveSetting setting) {
        switch (setting) {
            case HYSTERESIS -> range(setting, 0.0, 0.5, Math.nextDown(-0.0), Math.nextUp(0.5), Double.NaN);
            case SAMPLE_INTERVAL ->
                range(
                        setting,
                        Duration.ofMillis(1),
                        Duration.ofSeconds(10),
                        Duration.ofNanos(999_999),
                        Duration.ofSeconds(10).plusNanos(1),
                        Duration.ofSeconds(Long.MIN_VALUE));
            default -> {
                switch (setting.getUnit()) {
                    case DURATION -> {
                        range(
                                setting,
                                Duration.ZERO,
                                Duration.ofDays(3650),
                                Duration.ofDays(3650).plusNanos(1));
                        off(setting, Duration.ZERO, Duration.ofNanos(-1), Duration.ofSeconds(Long.MIN_VALUE));
                    }
                    case COUNT -> {
                        range(setting, 0, Integer.MAX_VALUE);
                        off(setting, 0, -1, Integer.MIN_VALUE);
                    }
                    case AMOUNT -> {
                        range(setting, 0L, Long.MAX_VALUE);
                        off(setting, 0L, -1L, Long.MIN_VALUE);
                    }
                    case SHARE -> {
                        range(setting, 0.0, 1.0, Math.nextUp(1.0), Double.POSITIVE_INFINITY, Double.NaN);
                        off(setting, 0.0, -0.5, Double.NEGATIVE_INFINITY);
                    }
                    case TRUTH -> range(setting, false, true);
                }
            }
        }
    }

    private static void range(KeepAliveSetting setting, Object least, Object most, Object... refused) {
        assertEquals(least, setting.check(least));
        assertEquals(most, setting.check(most));
        for (Object value : refused) {
            refusal(setting, value);
        }
    }

    private static void off(KeepAliveSetting setting, Object zero, Object... values) {
        for (Object value : values) {
            assertEquals(zero, setting.check(value));
        }
    }

    @Test
    void aDefaultThatDependsOnTheServerIsToldInWords() {
        assertEquals("the connector's idle timeout", KeepAliveSetting.KEEP_ALIVE_TIMEOUT.format(null));
        assertEquals("1 % of the limit, but 16 to 256", KeepAliveSetting.RESERVED_DESCRIPTORS.format(null));
    }
}
