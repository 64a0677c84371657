package org.strictkeepalive.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.logging.JettyLevel;
import org.eclipse.jetty.logging.JettyLogger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

/** How the thresholds behave over a day: the invariants on a small one, the figures behind the defaults on a whole one. */
class SimulationTest {
    private static final JettyLogger LOG = (JettyLogger) LoggerFactory.getLogger(DescriptorMonitor.class);
    private static JettyLevel logged;

    @BeforeAll
    static void silence() {
        logged = LOG.getLevel();
        LOG.setLevel(JettyLevel.OFF);
    }

    @AfterAll
    static void restore() {
        LOG.setLevel(logged);
    }

    private static SimulationResult run(SimulationLoad load, KeepAlivePolicy policy) throws Exception {
        SimulationResult result = Simulation.run(load, policy);
        assertEquals(List.of(), result.violations);
        return result;
    }

    /** An hour with a crowd that stays, and one that comes at once; the second share is that of HTTP/2. */
    @ParameterizedTest
    @CsvSource({"0, 0", "0.1, 0", "0.25, 0", "0.5, 0", "0, 0.5", "0.25, 0.5", "0.5, 0.5", "0, 1", "0.25, 1", "0.5, 1"})
    void nobodyIsTurnedAwayWhenCrowdsCome(double leaky, double http2) throws Exception {
        SimulationLoad load = new SimulationLoad(
                60_000,
                3600,
                second -> second == 1800 ? 80 : second >= 600 && second < 900 ? 15 : 1,
                leaky,
                new SimulationLoad.Machine(1024, 200));
        SimulationResult result = run(load.withHttp2(http2), KeepAlivePolicy.defaults());
        assertTrue(result.minutes(PressureLevel.HIGH) > 0, "there was no storm");
        assertEquals(0, result.turnedAway);
        assertEquals(0, result.withoutDescriptor);
        assertTrue(http2 < 1 || result.crossed == 0, result::toString);
        assertTrue(result.longestWait <= 1e9, result.longestWait + " ns");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5, 1})
    void aThousandLeakyOnesAtOnceAreAllAnswered(double http2) throws Exception {
        SimulationLoad load = new SimulationLoad(
                1_600, 600, second -> second == 300 ? 1000 : 1, 1, new SimulationLoad.Machine(256, 154));
        SimulationResult result = run(load.withHttp2(http2), KeepAlivePolicy.defaults());
        assertTrue(result.minutes(PressureLevel.CRITICAL) > 0, "there was no storm");
        assertTrue(result.evicted > 0);
        assertEquals(0, result.turnedAway);
        assertTrue(result.longestWait <= 1e9, result.longestWait + " ns");
    }

    /** Where nothing times out, evictions are the only relief. */
    @ParameterizedTest
    @CsvSource({"0.25, 100, 0", "0, 220, 0", "0.25, 100, 0.5", "0, 220, 0.5", "0.25, 100, 1", "0, 220, 1"})
    void withoutATimeoutTheReusedAreEvictedAfterTheNewcomersAndNotInUse(double leaky, int held, double http2)
            throws Exception {
        SimulationLoad load = new SimulationLoad(
                4_000, 1200, second -> second == 300 ? 300 : 1, leaky, new SimulationLoad.Machine(256, held));
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().keepAliveTimeout(Duration.ZERO).build();
        SimulationResult result = run(load.withHttp2(http2), policy);
        assertTrue(result.evictedReused > 0 && result.evictedReused < result.evicted, result::toString);
        assertEquals(0, result.timedOutEarly);
    }

    @Test
    void theSameSeedGivesTheSameDay() throws Exception {
        SimulationLoad load = SimulationLoad.day(5_000, 0.25, new SimulationLoad.Machine(60, 20))
                .withHttp2(0.5);
        assertEquals(
                run(load, KeepAlivePolicy.defaults()).toString(),
                run(load, KeepAlivePolicy.defaults()).toString());
    }

    // ---- The figures behind the defaults

    private record Row(String settings, KeepAlivePolicy policy) {
        private static Row of(String settings, UnaryOperator<KeepAlivePolicy.Builder> change) {
            return new Row(settings, change.apply(KeepAlivePolicy.builder()).build());
        }
    }

    private static final List<Row> ROWS = List.of(
            Row.of("the defaults", b -> b),
            Row.of("`elevatedAt` and `highAt` off", b -> b.elevatedAt(0).highAt(0)),
            Row.of("`elevatedAt` 0.50", b -> b.elevatedAt(0.5)),
            Row.of("`elevatedAt` 0.60", b -> b.elevatedAt(0.6)),
            Row.of("`elevatedAt` 0.75", b -> b.elevatedAt(0.75)),
            Row.of("`highAt` 0.75", b -> b.highAt(0.75)),
            Row.of("`highAt` 0.85", b -> b.highAt(0.85)),
            Row.of("`highAt` 0.90", b -> b.highAt(0.9)),
            Row.of("`hysteresis` 0.02", b -> b.hysteresis(0.02)),
            Row.of("`hysteresis` 0.10", b -> b.hysteresis(0.1)),
            Row.of("`reservedDescriptors` 4", b -> b.reservedDescriptors(4)),
            Row.of("`reservedDescriptors` 64", b -> b.reservedDescriptors(64)),
            Row.of("`minKeepAliveTimeout` 5 s", b -> b.minKeepAliveTimeout(Duration.ofSeconds(5))),
            Row.of("`minKeepAliveTimeout` 30 s", b -> b.minKeepAliveTimeout(Duration.ofSeconds(30))));

    /** The share of leaky visitors, and the descriptors of 1,024 that the application holds. */
    @ParameterizedTest
    @CsvSource({"0, 200", "0.1, 200", "0.25, 200", "0.5, 200", "0.25, 850"})
    @EnabledIfSystemProperty(named = "simulation.visitors", matches = "[0-9]+")
    void theDefaultsAreChosenFromFigures(double leaky, int held) throws Exception {
        SimulationLoad load = SimulationLoad.day(
                Integer.getInteger("simulation.visitors"), leaky, new SimulationLoad.Machine(1024, held));
        List<String> lines = new ArrayList<>();
        lines.add(String.format(
                Locale.ROOT, "### %.0f %% leaky, %d of 1,024 held by the application%n", 100 * leaky, held));
        lines.add("| settings | timed out early | evicted | told to close | crossed | turned away | longest wait |"
                + " no descriptor | changes an hour | mean open | ELEVATED, HIGH, CRITICAL |");
        lines.add("|---".repeat(11) + "|");
        lines.addAll(ROWS.parallelStream()
                .map(row -> line(row.settings, row.policy, load, false))
                .toList());
        lines.forEach(System.out::println);
        lines.add("");
        Files.write(Path.of("target", "simulation.md"), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static final List<Double> SHARES = List.of(0.0, 0.5, 1.0);

    /** The same days and the defaults, with a share of visitors that speak HTTP/2. */
    @Test
    @EnabledIfSystemProperty(named = "simulation.visitors", matches = "[0-9]+")
    void bothProtocolsInFigures() throws Exception {
        List<String> lines = new ArrayList<>();
        lines.add("### Visitors that speak HTTP/2" + System.lineSeparator());
        lines.add(
                "| leaky, held, HTTP/2 | timed out early | evicted | told to close | crossed | refused | turned away |"
                        + " longest wait | no descriptor | changes an hour | mean open | ELEVATED, HIGH, CRITICAL |");
        lines.add("|---".repeat(12) + "|");
        for (int[] day : new int[][] {{0, 200}, {25, 200}, {50, 200}, {25, 850}}) {
            lines.addAll(SHARES.parallelStream()
                    .map(share -> {
                        SimulationLoad load = SimulationLoad.day(
                                        Integer.getInteger("simulation.visitors"),
                                        day[0] / 100.0,
                                        new SimulationLoad.Machine(1024, day[1]))
                                .withHttp2(share);
                        String name = "%d %%, %d, %.0f %%".formatted(day[0], day[1], 100 * share);
                        return line(name, KeepAlivePolicy.defaults(), load, true);
                    })
                    .toList());
        }
        lines.forEach(System.out::println);
        lines.add("");
        Files.write(Path.of("target", "simulation.md"), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static String line(String name, KeepAlivePolicy policy, SimulationLoad load, boolean refused) {
        try {
            SimulationResult r = run(load, policy);
            return String.format(
                    Locale.ROOT,
                    "| %s | %,d | %,d | %,d | %,d%s | %,d | %.2f s | %,d | %,.0f | %.0f | %.0f, %.1f, %.1f min |",
                    name,
                    r.timedOutEarly,
                    r.evictedWanted,
                    r.told,
                    r.crossed,
                    refused ? String.format(Locale.ROOT, " | %,d", r.refused) : "",
                    r.turnedAway,
                    r.longestWait / 1e9,
                    r.withoutDescriptor,
                    r.levelChanges / r.seconds * 3600,
                    r.openSeconds / r.seconds,
                    r.minutes(PressureLevel.ELEVATED),
                    r.minutes(PressureLevel.HIGH),
                    r.minutes(PressureLevel.CRITICAL));
        } catch (Exception x) {
            throw new IllegalStateException(name, x);
        }
    }
}
