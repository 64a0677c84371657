package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Storms of clients that mean no good, from a process of their own, on servers with few descriptors, all settings at
 * their defaults. A server lives through all storms at its limit. {@code -Dstorms.all=true} runs them all, not only
 * those of the default build, {@code -Dstorms.limits} says at which limits, and {@code -Dstorm.seconds} makes the steady ones longer.
 */
@Isolated("what it measures is time")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StormIT {
    /** Jetty's pool grows with each peak up to its 200 and gives back a thread a minute; the rest are the JVM's. */
    private static final int MOST_THREADS = 230;

    private final Map<String, Storm.Calm> servers = new HashMap<>();
    private final List<String> table = new ArrayList<>(List.of(Storm.HEADER));

    @TempDir
    private Path plain;

    private Path directory;

    @BeforeAll
    void keep(@TempDir Path kept) {
        directory = kept;
    }

    @AfterAll
    void end() throws Exception {
        table.forEach(System.out::println);
        for (Storm.Calm calm : servers.values()) {
            calm.serve().close();
        }
    }

    private static Stream<Storm> of(int limit, boolean tls, boolean atOnce) {
        Stream<String> kinds = Stream.of(Attackers.Kind.values())
                .filter(kind -> tls || !kind.isTlsOnly())
                .map(Enum::name);
        return Stream.concat(kinds, Stream.of("MIX")).map(name -> new Storm(name, limit, tls, atOnce));
    }

    static Stream<Storm> storms() {
        if (Storm.ALL) {
            return Stream.of(System.getProperty("storms.limits", "256,512,4096").split(",", -1))
                    .map(Integer::valueOf)
                    .flatMap(limit -> Stream.of(false, true)
                            .flatMap(tls -> Stream.of(false, true).flatMap(atOnce -> of(limit, tls, atOnce))));
        }
        if (Boolean.getBoolean("storms.quick")) {
            return Stream.of(new Storm("LEAKY", 256, false, false));
        }
        // Each way of holding a connection, and the mix of all.
        return Stream.of(
                new Storm("LEAKY", 256, false, false),
                new Storm("TRICKLE_AFTER_FIN", 256, false, false),
                new Storm("CONNECT_CLOSE", 256, false, false),
                new Storm("SLOW_BODY", 256, false, true),
                new Storm("HALF_HANDSHAKE", 256, true, false),
                new Storm("MIX", 512, false, true));
    }

    private Storm.Calm server(Storm storm) throws Exception {
        String key = storm.limit() + " " + storm.tls();
        Storm.Calm calm = servers.get(key);
        if (calm == null) {
            calm = Storm.Calm.of(
                    Serve.start(directory, storm.limit(), storm.tls() ? new String[] {"--tls"} : new String[0]));
            servers.put(key, calm);
        }
        return calm;
    }

    @ParameterizedTest
    @MethodSource("storms")
    void everybodyIsServed(Storm storm) throws Exception {
        Storm.Outcome outcome = storm.rageUnlessStalled(server(storm));
        table.add(outcome.row());
        System.out.println(outcome.row());
        if (!outcome.problems().isEmpty()) {
            servers.remove(storm.limit() + " " + storm.tls()).serve().close();
        }
        assertEquals(List.of(), outcome.problems(), outcome.row());
    }

    /** One storm after another for {@code -Dsoak.minutes}: each leaves the server as the first one did. */
    @Test
    @EnabledIfSystemProperty(named = "soak.minutes", matches = "[1-9]\\d*")
    void aSoakOfMixedStormsLeavesNothing() throws Exception {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(Integer.getInteger("soak.minutes"));
        List<Integer> heap = new ArrayList<>();
        List<Integer> threads = new ArrayList<>();
        List<Integer> descriptors = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        try (Serve serve = Serve.start(plain, 512)) {
            Storm.Calm calm = Storm.Calm.of(serve);
            while (System.nanoTime() - end < 0 || heap.size() < 3) {
                Storm.Outcome outcome = new Storm("MIX", 512, false, heap.size() % 2 == 1).rage(calm);
                System.out.println(outcome.row());
                if (!outcome.machineStalled()) {
                    problems.addAll(outcome.problems());
                }
                heap.add(serve.heap());
                threads.add(serve.threads());
                descriptors.add(serve.descriptors());
                // That which asks is one.
                assertEquals(1, serve.status().get("connections").get("open").asInt(), "guards");
            }
        }
        System.out.println("heap " + heap + " MiB, threads " + threads + ", descriptors " + descriptors);
        assertEquals(List.of(), problems);
        assertNoGrowth(heap, 4);
        assertTrue(Collections.max(threads) <= MOST_THREADS, threads::toString);
        assertNoGrowth(descriptors, 0);
    }

    /** The most of the last third is no more than that of the first. */
    private static void assertNoGrowth(List<Integer> figures, int slack) {
        int third = figures.size() / 3;
        int first = Collections.max(figures.subList(0, third));
        int last = Collections.max(figures.subList(figures.size() - third, figures.size()));
        assertTrue(last <= first + slack, figures::toString);
    }

    /** That the storms are storms. */
    @ParameterizedTest
    @ValueSource(strings = {"LEAKY", "SILENT"})
    void plainJettyTurnsVisitorsAway(String kind) throws Exception {
        try (Serve serve = Serve.start(plain, 256, "--plain");
                Attack attack = new Attack(serve, List.of(Attackers.Kind.valueOf(kind)), 768, 0)) {
            await().until(() -> Storm.hasFailures(serve.log()));
            // Before its idle timeout of 30 s frees a descriptor.
            assertThrows(IOException.class, () -> serve.http().get("/", 5000), attack::toString);
        }
    }
}
