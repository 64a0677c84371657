package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.KeepAlivePolicy;

/**
 * Random calm life on a server of plain Jetty and on one with the connector at its defaults, at the same time and
 * doing the same: the second is in nothing worse. {@code -Dcalm.seed} repeats a life.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CalmLifeIT {
    /** By how much a stop may be longer than plain's, measured at the same time. */
    private static final long SLACK_MS = 300;
    /** A machine that is busy gets further tries: it makes the difference larger, never smaller. */
    private static final int TRIES = 3;
    /** Beyond this no further round begins. */
    private static final long ENOUGH_SECONDS = 20;
    /** By how many tasks the queue of the bounded pool may be full more often than on plain Jetty, by chance. */
    private static final int MOST_REJECTED = 6;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final long seed =
            Long.getLong("calm.seed", ThreadLocalRandom.current().nextInt(1_000_000));
    private final List<String> problems = new ArrayList<>();
    private int lostOnPlain;
    private int lostOnStrict;
    private int failedOnPlain;
    private int failedOnStrict;
    private Keys keys;

    @BeforeAll
    void makeKeys(@TempDir Path directory) throws Exception {
        keys = new Keys(directory);
    }

    @AfterAll
    void end() {
        threads.shutdownNow();
    }

    @Test
    void aCalmLifeIsInNothingWorseThanOnPlainJetty() throws Exception {
        System.out.println("Calm life: -Dcalm.seed=" + seed);
        Random random = new Random(seed);
        List<CalmLife.Pool> pools = Arrays.asList(CalmLife.Pool.values());
        Collections.shuffle(pools, random);
        List<CalmLife.Transport> transports = CalmLife.Transport.draw(random);
        List<CalmLife.Transport> again = CalmLife.Transport.draw(random).stream()
                .filter(CalmLife.Transport::isHttp1)
                .toList();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(ENOUGH_SECONDS);
        try (CalmLog log = new CalmLog()) {
            for (int i = 0; i < pools.size() && System.nanoTime() - end < 0; i++) {
                // The second life is one after a restart, where HTTP/2 of Jetty itself sends nothing but GOAWAY.
                List<CalmLife> lives = List.of(
                        new CalmLife(transports.get(i), random), new CalmLife(again.get(i % again.size()), random));
                live(pools.get(i), lives, KeepAlivePolicy.defaults());
            }
            atMost("requests lost at stops", lostOnPlain + 2 + lostOnPlain / 4, lostOnStrict);
            atMost("requests lost to rejected tasks", 2 * failedOnPlain + MOST_REJECTED, failedOnStrict);
            compare(log.warnings("plain"), log.warnings("strict"));
        }
        assertEquals(List.of(), problems, "seed " + seed);
    }

    /** That this test would notice. */
    @Test
    void aServerThatClosesEarlyIsFoundToBeWorse() throws Exception {
        CalmLife life = new CalmLife(CalmLife.Transport.CLEAR, new Random(seed));
        KeepAlivePolicy hasty = KeepAlivePolicy.builder()
                .set("keepAliveTimeout", "100")
                .set("minKeepAliveTimeout", "100")
                .build();
        live(CalmLife.Pool.UNBOUNDED, List.of(life), hasty);
        assertFalse(problems.isEmpty());
        System.out.println(
                "Found of a server that closes early: " + problems.get(0) + " and " + (problems.size() - 1) + " more");
    }

    private void atMost(String what, int most, int figure) {
        if (figure > most) {
            problems.add(what + ": " + figure + ", on plain Jetty " + most + " with the slack");
        }
    }

    private void compare(Map<String, Integer> plain, Map<String, Integer> strict) {
        System.out.println("Warnings: plain " + plain + ", strict " + strict);
        strict.forEach((kind, count) -> {
            if (kind.contains("RejectedExecutionException")) {
                // A matter of chance: how many tasks meet.
                atMost(kind, 2 * plain.getOrDefault(kind, 0) + MOST_REJECTED, count);
            } else if (!plain.containsKey(kind)) {
                problems.add("logged on strict only, " + count + " times: " + kind);
            }
        });
    }

    /** The same lives on both servers, one after the other with restarts between them. */
    private void live(CalmLife.Pool pool, List<CalmLife> lives, KeepAlivePolicy policy) throws Exception {
        List<CalmLife> left = lives;
        for (int i = 0; i < TRIES && !left.isEmpty(); i++) {
            // Servers of their own, since plain Jetty doesn't give back all threads of its budget at a stop.
            try (CalmSide plain = new CalmSide("plain", pool, keys, null, threads);
                    CalmSide strict = new CalmSide("strict", pool, keys, policy, threads)) {
                List<CalmLife> slow = new ArrayList<>();
                for (CalmLife life : left) {
                    if (!live(life.transport + " " + pool, life, plain, strict)) {
                        slow.add(life);
                    }
                }
                left = slow;
            }
        }
        for (CalmLife life : left) {
            problems.add(life.transport + " " + pool + ", " + life.held
                    + ": the stop took longer, or left sockets, at each try");
        }
    }

    /** Lives one life on both, and returns whether the stop was short enough and left no socket open. */
    private boolean live(String round, CalmLife life, CalmSide plain, CalmSide strict) {
        long begin = System.nanoTime();
        CompletableFuture.allOf(plain.live(life), strict.live(life)).join();
        boolean mayReject = round.contains(CalmLife.Pool.BOUNDED.name());
        for (int client = 0; client < life.programs.size(); client++) {
            List<String> onPlain = plain.seen.get(client);
            List<String> onStrict = strict.seen.get(client);
            for (int i = 0; i < onPlain.size(); i++) {
                String what = i < life.programs.get(client).steps().size()
                        ? life.programs.get(client).steps().get(i).kind().name()
                        : "at rest";
                compare(round + " client " + client + " " + what, onPlain.get(i), onStrict.get(i), mayReject);
            }
        }
        CompletableFuture.allOf(plain.stop(life), strict.stop(life)).join();
        lostOnPlain += plain.lost.get();
        lostOnStrict += strict.lost.get();
        atMost(round + ": queue", plain.queued, strict.queued);
        atMost(round + ": queue after the stop", plain.queuedAfterStop, strict.queuedAfterStop);
        List<String> left = strict.threadsLeft();
        atMost(round + ": threads " + left, plain.threadsLeft().size(), left.size());
        System.out.printf(
                "%s, %d ms, stopped with %s: stop plain %d ms, strict %d ms; answered till then plain %d, strict %d; lost"
                        + " plain %d, strict %d%n",
                round,
                TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin),
                life.held,
                plain.stopMs,
                strict.stopMs,
                plain.answered.get(),
                strict.answered.get(),
                plain.lost.get(),
                strict.lost.get());
        int socketsOnPlain = plain.socketsLeft();
        int socketsOnStrict = strict.socketsLeft();
        System.out.printf("sockets left plain %d, strict %d%n", socketsOnPlain, socketsOnStrict);
        // Jetty interrupts its acceptor. If that has just accepted, the JDK loses the descriptor, on either side.
        return strict.stopMs <= plain.stopMs + SLACK_MS && socketsOnStrict <= socketsOnPlain;
    }

    private void compare(String what, String plain, String strict, boolean mayReject) {
        if (CalmSide.isFailure(plain) || CalmSide.isFailure(strict)) {
            System.out.println(what + ": plain " + plain + ", strict " + strict);
        }
        if (mayReject && (isRejected(what, plain) || isRejected(what, strict))) {
            failedOnPlain += isRejected(what, plain) ? 1 : 0;
            failedOnStrict += isRejected(what, strict) ? 1 : 0;
        } else if (mayReject && plain.contains("HTTP_2 ")) {
            // A client whose first handshake was rejected may come back with HTTP/1.1.
            compare(what, plain.replace("HTTP_2 ", ""), strict.replaceAll("HTTP_(2|1_1) ", ""), false);
        } else if (!CalmSide.isFailure(plain) && !plain.equals("closed") && !plain.equals(strict)) {
            problems.add(what + ": plain " + plain + ", strict " + strict);
        }
    }

    /** Whether a task was rejected for a step: the connection is closed, or Jetty itself answers 500. */
    private static boolean isRejected(String what, String seen) {
        boolean failure = seen.contains("500 ") && !what.endsWith(CalmLife.Kind.FAILURE.name());
        return failure || CalmSide.isFailure(seen) || seen.equals("closed");
    }
}
