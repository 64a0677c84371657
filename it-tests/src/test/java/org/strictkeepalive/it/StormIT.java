package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Storms of clients that never close, on a real process with 256 descriptors, all settings at their defaults.
 * {@code -Dstorm.seconds=30} makes them longer.
 */
class StormIT {
    private static final int LIMIT = 256;
    private static final int RESERVE = 16;
    private static final int ACCEPTORS = 1;
    private static final int SECONDS = Integer.getInteger("storm.seconds", 8);
    private static final int PER_SECOND = 50;
    private static final int AT_ONCE = 1000;

    @TempDir
    private Path directory;

    private record Outcome(Guests guests, int attackers, int mostDescriptors, String log) {
        private long acceptFailures() {
            return log.lines()
                    .filter(line -> line.contains("Too many open files") || line.contains("Accept Failure"))
                    .count();
        }

        private void print(String name) {
            List<Long> visits = guests.visits();
            System.out.printf(
                    Locale.ROOT,
                    "storm %-21s attackers=%d visitors=%d served=%.1f%% p50=%dms p99=%dms max=%dms polite=%d lost=%d "
                            + "races=%d toldToClose=%d descriptors=%d acceptFailures=%d%n",
                    name,
                    attackers,
                    visits.size(),
                    100.0 * (visits.size() - guests.turnedAway.size()) / visits.size(),
                    visits.get(visits.size() / 2),
                    visits.get((int) (visits.size() * 0.99)),
                    visits.get(visits.size() - 1),
                    guests.politeServed.get(),
                    guests.politeLost.size(),
                    guests.races.get(),
                    guests.toldToClose.get(),
                    mostDescriptors,
                    acceptFailures());
        }
    }

    private Outcome storm(List<Attack.Kind> kinds, boolean atOnce, String... flags) throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT, flags)) {
            int most = 0;
            int attackers;
            Guests guests = new Guests(serve.address());
            try (guests) {
                // Polite clients have come and been answered before the storm.
                while (guests.politeServed.get() < 20) {
                    TimeUnit.MILLISECONDS.sleep(10);
                }
                int count = atOnce ? AT_ONCE : PER_SECOND * SECONDS;
                try (Attack attack = new Attack(serve.address(), kinds, count, atOnce ? 0 : PER_SECOND)) {
                    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
                    while (System.nanoTime() - end < 0) {
                        most = Math.max(most, serve.descriptors());
                        TimeUnit.MILLISECONDS.sleep(5);
                    }
                    // The guests finish while the attackers still hold what they have.
                    guests.close();
                    attackers = attack.connected();
                }
            }
            return new Outcome(guests, attackers, most, serve.log());
        }
    }

    private static List<Attack.Kind> kinds(String kind) {
        return kind.equals("MIX") ? Arrays.asList(Attack.Kind.values()) : List.of(Attack.Kind.valueOf(kind));
    }

    @ParameterizedTest
    @CsvSource({
        "LEAKY,false",
        "FIN_IGNORING,false",
        "SILENT,false",
        "TRICKLE_FIRST,false",
        "TRICKLE_BETWEEN,false",
        "SLOW_BODY,false",
        "MIX,false",
        "LEAKY,true"
    })
    void strictServerServesEverybody(String kind, boolean atOnce) throws Exception {
        Outcome outcome = storm(kinds(kind), atOnce);
        outcome.print(kind + (atOnce ? " at once" : ""));
        int expected = atOnce ? AT_ONCE : PER_SECOND * SECONDS;
        assertTrue(outcome.attackers >= expected * 0.95, () -> "only " + outcome.attackers + " attackers came");
        assertTrue(outcome.guests.visits().size() >= SECONDS * 8, "visitors came");
        assertTrue(outcome.guests.turnedAway.isEmpty(), () -> "turned away: " + outcome.guests.turnedAway);
        assertTrue(outcome.guests.politeLost.isEmpty(), () -> "lost: " + outcome.guests.politeLost);
        assertEquals(0, outcome.guests.races.get(), "polite requests that crossed a close");
        assertTrue(
                outcome.mostDescriptors <= LIMIT - RESERVE + ACCEPTORS,
                () -> outcome.mostDescriptors + " descriptors used");
        assertEquals(0, outcome.acceptFailures(), outcome.log);
        assertFalse(outcome.log.contains("\tat "), outcome.log);
    }

    @ParameterizedTest
    @CsvSource({"LEAKY", "FIN_IGNORING", "TRICKLE_FIRST", "TRICKLE_BETWEEN"})
    void plainJettyTurnsVisitorsAway(String kind) throws Exception {
        Outcome outcome = storm(kinds(kind), false, "--plain");
        outcome.print("plain " + kind);
        assertFalse(outcome.guests.turnedAway.isEmpty());
        assertTrue(outcome.acceptFailures() > 0, outcome.log);
    }
}
