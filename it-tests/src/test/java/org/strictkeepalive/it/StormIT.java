package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Storms of clients that mean no good, from a process of their own, on servers with few descriptors, all settings at
 * their defaults. A server lives through all storms at its limit. {@code -Dstorms.all=true} runs them all, not only
 * those of CI.
 */
@Isolated("what it measures is time")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StormIT {
    private static final boolean ALL = Boolean.getBoolean("storms.all");
    private static final int SECONDS = Integer.getInteger("storm.seconds", 6);
    /** Attackers that come at a steady rate come at most at this one. */
    private static final int MOST_PER_SECOND = 400;

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
        if (ALL) {
            return Stream.of(256, 512, 4096)
                    .flatMap(limit -> Stream.of(false, true)
                            .flatMap(tls -> Stream.of(false, true).flatMap(atOnce -> of(limit, tls, atOnce))));
        }
        return Stream.concat(
                of(256, false, false),
                Stream.of(
                        new Storm("LEAKY", 256, false, true),
                        new Storm("SLOW_BODY", 256, false, true),
                        new Storm("NEVER_READING", 256, false, true),
                        new Storm("MIX", 512, false, true),
                        new Storm("HALF_HANDSHAKE", 512, true, false),
                        new Storm("TRICKLE_HANDSHAKE", 512, true, true),
                        new Storm("MIX", 512, true, false),
                        new Storm("MIX", 512, true, true),
                        new Storm("MIX", 4096, false, true)));
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
        int seconds = Math.max(SECONDS, storm.atOnce() ? 0 : 3 * storm.limit() / MOST_PER_SECOND);
        Storm.Outcome outcome = storm.rage(server(storm), seconds);
        if (!outcome.problems().isEmpty() && outcome.machineStalled()) {
            System.out.println("Once more, since the machine itself stalled: " + outcome);
            outcome = storm.rage(server(storm), seconds);
        }
        table.add(outcome.row());
        System.out.println(outcome.row());
        if (!outcome.problems().isEmpty()) {
            servers.remove(storm.limit() + " " + storm.tls()).serve().close();
        }
        assertEquals(List.of(), outcome.problems(), outcome.row());
    }

    /** That the storms are storms. */
    @ParameterizedTest
    @ValueSource(strings = {"LEAKY", "TRICKLE_AFTER_FIN", "TRICKLE_FIRST", "TRICKLE_BETWEEN"})
    void plainJettyTurnsVisitorsAway(String kind) throws Exception {
        try (Serve serve = Serve.start(plain, 256, "--plain");
                Guests guests = new Guests(serve.http()).settle();
                Attack attack = new Attack(serve, List.of(Attackers.Kind.valueOf(kind)), 768, 100)) {
            Http.pause(5000);
            guests.close();
            assertTrue(guests.visits.stream().anyMatch(visit -> visit.failure() != null));
            assertTrue(Storm.hasFailures(serve.log()), serve.log());
        }
    }
}
