package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Requests that arrive as the deadline passes: each is either executed and answered, or neither. */
class DeadlineRaceTest {
    private static final Duration DEADLINE = Duration.ofMillis(300);
    /** How far around the moment of decision requests are sent. */
    private static final long SPREAD = 600_000;

    private static final int BATCH = 200;
    private static final int MOST_TIMES = 5;

    private enum Race {
        /** The whole next request, as the keep-alive timeout passes. */
        NEXT_REQUEST,
        /** The last line of the next request's headers, as the request header timeout passes. */
        LAST_LINE,
        /** The last line of the first request's headers, as the first request timeout passes. */
        FIRST_LAST_LINE
    }

    /** One connection in the race. */
    private static final class Racer {
        private final String id;
        private final RawClient client;
        private long from;

        private Racer(String id, RawClient client, long from) {
            this.id = id;
            this.client = client;
            this.from = from;
        }
    }

    private static final class Outcome {
        private int answered;
        private int refused;
    }

    @ParameterizedTest
    @CsvSource({
        "CLEAR,NEXT_REQUEST,2600",
        "CLEAR,LAST_LINE,2600",
        "CLEAR,FIRST_LAST_LINE,1000",
        "TLS,NEXT_REQUEST,2400",
        "TLS,LAST_LINE,2400",
        "TLS,FIRST_LAST_LINE,200"
    })
    @Paced(stallMs = 50) // a handshake within the time for a first request
    void requestAtTheDeadlineIsExecutedAndAnsweredOrNeither(Transport transport, Race race, int connections)
            throws Exception {
        ConcurrentMap<String, AtomicInteger> executed = new ConcurrentHashMap<>();
        Duration far = Duration.ofMinutes(1);
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.keepAliveTimeout(race == Race.NEXT_REQUEST ? DEADLINE : far)
                        .requestHeaderTimeout(race == Race.LAST_LINE ? DEADLINE : far)
                        .firstRequestTimeout(race == Race.FIRST_LAST_LINE ? DEADLINE : far)
                        // So that the decision falls close to the deadline.
                        .sampleInterval(Duration.ofMillis(1))
                        // A client that is late doesn't meet a reset.
                        .lingerTimeout(far),
                TestServer.handler((request, response, callback) -> {
                    String id = request.getHeaders().get("X-Id");
                    if (id != null) {
                        executed.computeIfAbsent(id, key -> new AtomicInteger()).incrementAndGet();
                    }
                    response.write(true, BufferUtil.toBuffer(id == null ? TestServer.HELLO : id), callback);
                }))) {
            Random random = new Random(1);
            Outcome total = new Outcome();
            long aim = 500_000; // behind the deadline: it is looked at each millisecond
            int batch = race == Race.FIRST_LAST_LINE && transport == Transport.TLS ? 40 : BATCH;
            int done = 0;
            // A machine that is slow moves the moment of decision about, so that it takes longer to meet it.
            while (done < connections || (isNoRace(total, connections) && done < MOST_TIMES * connections)) {
                List<Racer> racers = prepare(server, race, done, batch);
                done += batch;
                send(race, racers, aim, random);
                Outcome outcome = collect(racers, executed);
                // Follow the moment of decision, so that both outcomes are met on any machine.
                int clear = Math.abs(outcome.answered - outcome.refused) > batch * 0.9 ? 5 : 1;
                aim += outcome.answered > outcome.refused ? clear * 100_000 : clear * -100_000;
                total.answered += outcome.answered;
                total.refused += outcome.refused;
            }
            server.assertNumbersAddUp();
            assertEquals(0, server.monitor().getOpenConnections());
            assertEquals(done, server.statistics().getOpened());
            assertEquals(total.answered, executed.size());
            assertFalse(
                    isNoRace(total, connections),
                    () -> "no race: " + total.answered + " answered, " + total.refused + " refused");
        }
    }

    private static boolean isNoRace(Outcome total, int connections) {
        return Math.min(total.answered, total.refused) < connections / 50;
    }

    /** Brings connections to where only the last bytes of a request are missing. */
    private static List<Racer> prepare(TestServer server, Race race, int first, int count) throws IOException {
        List<Racer> racers = IntStream.range(first, first + count)
                .parallel()
                .mapToObj(i -> connect(server, race, "r" + i))
                .toList();
        if (race != Race.FIRST_LAST_LINE) {
            for (Racer racer : racers) {
                racer.from = racer.client.get().at();
                if (race == Race.LAST_LINE) {
                    racer.from = System.nanoTime();
                    racer.client.send(head(racer));
                }
            }
        }
        return racers;
    }

    private static Racer connect(TestServer server, Race race, String id) {
        try {
            long accepted = System.nanoTime();
            Racer racer = new Racer(id, server.connect(), accepted);
            if (race == Race.FIRST_LAST_LINE) {
                // TLS is accepted before its handshake, so the moment is not known exactly; the aim makes up for it.
                racer.client.send(head(racer));
            }
            return racer;
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    private static String head(Racer racer) {
        return "GET / HTTP/1.1\r\nHost: test\r\nX-Id: " + racer.id + "\r\n";
    }

    private static void send(Race race, List<Racer> racers, long aim, Random random) throws IOException {
        for (Racer racer : racers) {
            long at = racer.from + DEADLINE.toNanos() + aim + random.nextLong(-SPREAD, SPREAD);
            String last = race == Race.NEXT_REQUEST ? head(racer) + "\r\n" : "\r\n";
            while (System.nanoTime() - at < 0) {
                Thread.onSpinWait();
            }
            racer.client.send(last); // the server lingers, so this never meets a reset
        }
    }

    private static Outcome collect(List<Racer> racers, ConcurrentMap<String, AtomicInteger> executed)
            throws IOException {
        Outcome outcome = new Outcome();
        for (Racer racer : racers) {
            try (RawClient client = racer.client) {
                client.socket().shutdownOutput();
                String all = new String(client.readAll(), StandardCharsets.US_ASCII);
                int times = executed.getOrDefault(racer.id, new AtomicInteger()).get();
                if (all.startsWith("HTTP/1.1 200 ")) {
                    assertTrue(all.endsWith("\r\n\r\n" + racer.id), all);
                    assertEquals(1, times, "answered, and executed");
                    outcome.answered++;
                } else {
                    assertTrue(all.isEmpty() || all.startsWith("HTTP/1.1 408 "), all);
                    assertEquals(0, times, "not answered, and not executed");
                    outcome.refused++;
                }
            }
        }
        return outcome;
    }
}
