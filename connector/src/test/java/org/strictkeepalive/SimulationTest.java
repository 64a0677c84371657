package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
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
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

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

    private static Simulation.Result run(Simulation.Load load, KeepAlivePolicy policy) throws Exception {
        Simulation.Result result = Simulation.run(load, policy);
        assertEquals(List.of(), result.violations);
        return result;
    }

    /** An hour in which as many come as else in a day's worst. */
    @ParameterizedTest
    @ValueSource(doubles = {0, 0.1, 0.25, 0.5})
    void nobodyIsTurnedAwayAndNoRequestCrossesAFinThroughStorms(double leaky) throws Exception {
        Simulation.Load load = new Simulation.Load(
                1,
                60_000,
                3600,
                second -> second == 1800 ? 80 : second >= 600 && second < 900 ? 15 : 1,
                leaky,
                1024,
                200);
        Simulation.Result result = run(load, KeepAlivePolicy.defaults());
        System.out.println(leaky+" evicted "+result.evicted+" wanted "+result.evictedWanted+" early "+result.timedOutEarly+" told "+result.told+" crossed "+result.crossed+" ta "+result.turnedAway+" wait "+result.longestWait/1e9+" nofd "+result.withoutDescriptor+" changes "+result.levelChanges+" open "+result.meanOpen()+" "+result.time+" c "+result.connections+" r "+result.requests);
        assertTrue(result.share(PressureLevel.HIGH) > 0, "there was no storm");
        assertEquals(0, result.turnedAway);
        assertEquals(0, result.withoutDescriptor);
    }

    private record Row(String settings, double leaky, KeepAlivePolicy policy) {
        private String measure(int visitors) {
            try {
                Simulation.Result r = run(Simulation.Load.day(visitors, leaky), policy);
                return String.format(
                        Locale.ROOT,
                        "| %.0f %% | %s | %d | %d | %d | %d | %d | %.1f s | %d | %.1f | %.0f | %.1f / %.1f / %.1f |",
                        leaky * 100,
                        settings,
                        r.evictedWanted,
                        r.timedOutEarly,
                        r.told,
                        r.crossed,
                        r.turnedAway,
                        r.longestWait / 1e9,
                        r.withoutDescriptor,
                        r.levelChanges / (r.seconds / 3600),
                        r.meanOpen(),
                        r.share(PressureLevel.ELEVATED) * 1440,
                        r.share(PressureLevel.HIGH) * 1440,
                        r.share(PressureLevel.CRITICAL) * 1440);
            } catch (Exception x) {
                throw new IllegalStateException(settings, x);
            }
        }
    }

    private static void add(List<Row> rows, String settings, UnaryOperator<KeepAlivePolicy.Builder> change) {
        for (double leaky : new double[] {0, 0.1, 0.25, 0.5}) {
            rows.add(new Row(
                    settings, leaky, change.apply(KeepAlivePolicy.builder()).build()));
        }
    }

    @Test
    @EnabledIfSystemProperty(named = "simulation.visitors", matches = "[0-9]+")
    void theDefaultsAreChosenFromFigures() throws Exception {
        List<Row> rows = new ArrayList<>();
        add(rows, "the defaults", b -> b);
        add(rows, "`elevatedAt` 0.50", b -> b.elevatedAt(0.5));
        add(rows, "`elevatedAt` 0.60", b -> b.elevatedAt(0.6));
        add(rows, "`elevatedAt` 0.75", b -> b.elevatedAt(0.75));
        add(rows, "`highAt` 0.75", b -> b.highAt(0.75));
        add(rows, "`highAt` 0.85", b -> b.highAt(0.85));
        add(rows, "`highAt` 0.90", b -> b.highAt(0.9));
        add(rows, "`hysteresis` 0.02", b -> b.hysteresis(0.02));
        add(rows, "`hysteresis` 0.10", b -> b.hysteresis(0.1));
        add(rows, "`reservedDescriptors` 4", b -> b.reservedDescriptors(4));
        add(rows, "`reservedDescriptors` 64", b -> b.reservedDescriptors(64));
        add(rows, "`minKeepAliveTimeout` 5 s", b -> b.minKeepAliveTimeout(Duration.ofSeconds(5)));
        add(rows, "`minKeepAliveTimeout` 10 s", b -> b.minKeepAliveTimeout(Duration.ofSeconds(10)));
        rows.sort(Comparator.comparingDouble(Row::leaky));
        int visitors = Integer.getInteger("simulation.visitors");
        List<String> table =
                rows.parallelStream().map(row -> row.measure(visitors)).toList();
        table.forEach(System.out::println);
        Files.write(Path.of("target", "simulation.md"), table);
    }
}
