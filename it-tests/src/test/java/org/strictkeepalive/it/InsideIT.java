package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A server whose own process, or machine, takes the descriptors away or hides their number. */
@Isolated("what it measures is time")
class InsideIT {
    private static final int LIMIT = 512;
    /** Its size is what the server is told. */
    private static final Path DIRECTORY = Path.of("/usr");

    private static final int PATIENCE_MS = 60_000;
    /** Within which a visitor who waits is served as soon as a descriptor is there, beside what the machine is late. */
    private static final long SOON_MS = 1000;

    private static final long IN_TURN_MS = 2000;

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @TempDir
    private Path directory;

    @AfterEach
    void end() {
        threads.shutdownNow();
    }

    private static String pid(Serve serve) {
        return Long.toString(serve.process().pid());
    }

    /** When a visitor was served that comes now. */
    private CompletableFuture<Long> visit(Serve serve) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        serve.http().get("/", PATIENCE_MS);
                        return System.nanoTime();
                    } catch (IOException x) {
                        throw new IllegalStateException(x);
                    }
                },
                threads);
    }

    private static long count(String log, String text) {
        return log.lines().filter(line -> line.contains(text)).count();
    }

    private static List<Guests.Visit> unserved(List<Guests.Visit> visits) {
        return visits.stream().filter(visit -> visit.failure() != null).toList();
    }

    static Stream<Arguments> shares() {
        return Storm.ALL
                ? Stream.of("LEAKY", "SLOW_BODY", "MIX")
                        .flatMap(kind -> Stream.of(0.60, 0.85, 0.95).map(share -> Arguments.of(share, kind)))
                : Stream.of(Arguments.of(0.95, "LEAKY"));
    }

    static Stream<String> waysToFail() {
        Stream<String> seen = Stream.of("not mounted", "above the limit");
        return Storm.ALL ? Stream.concat(seen, Stream.of("never changing")) : seen;
    }

    @ParameterizedTest
    @MethodSource("shares")
    void serviceGoesOnWithWhatTheApplicationLeaves(double share, String kind) throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT, "--allow-leak")) {
            serve.http().get("/leak?n=" + ((int) (share * LIMIT) - serve.descriptors()), PATIENCE_MS);
            Storm.Calm calm = Storm.Calm.of(serve);
            assertTrue(calm.descriptors() >= share * LIMIT - 5, "held: " + calm.descriptors());
            // With little room visitors wait in turn.
            Storm.Outcome outcome = new Storm(kind, LIMIT, false, false).rageUnlessStalled(calm.withP99(IN_TURN_MS));
            System.out.println(outcome.row() + " held=" + share);
            assertEquals(List.of(), outcome.problems(), outcome.row());
        }
    }

    @Test
    void withNothingFreeItRecoversAsSoonAsDescriptorsComeBack() throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT, "--allow-leak");
                Control control = new Control()) {
            CompletableFuture<Long> back;
            List<CompletableFuture<Long>> visitors = new ArrayList<>();
            try (Socket leak = serve.http().connect(PATIENCE_MS)) {
                Http.ask(leak, "/leak?n=1000&ms=4000");
                await().until(() -> serve.descriptors() >= LIMIT);
                for (int i = 0; i < 20; i++) {
                    visitors.add(visit(serve));
                }
                back = CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                String held = Http.answer(leak, PATIENCE_MS, 0).body();
                                assertTrue(held.contains("Too many open files"), held);
                                return System.nanoTime();
                            } catch (IOException x) {
                                throw new IllegalStateException(x);
                            }
                        },
                        threads);
                long from = back.get(PATIENCE_MS, TimeUnit.MILLISECONDS);
                for (CompletableFuture<Long> visitor : visitors) {
                    long late = TimeUnit.NANOSECONDS.toMillis(visitor.get(PATIENCE_MS, TimeUnit.MILLISECONDS) - from);
                    assertTrue(late < SOON_MS + control.allowanceMs(), late + " ms after descriptors came back");
                }
            }
            // One accept was under way when the last descriptor went.
            assertTrue(count(serve.log(), "Accept Failure") <= 2, serve.log());
            assertFalse(serve.status().get("acceptingPaused").asBoolean());
        }
    }

    @Test
    void whileAllConnectionsAreBusyVisitorsWaitAndNothingIsCut() throws Exception {
        int limit = 256;
        try (Serve serve = Serve.start(directory, limit);
                Control control = new Control()) {
            List<Socket> busy = new ArrayList<>();
            try {
                // More than there is room for: the last of them wait as the visitors do.
                for (int i = 0; i < limit; i++) {
                    Socket socket = serve.http().connect(PATIENCE_MS);
                    busy.add(socket);
                    Http.ask(socket, "/slow?ms=" + (i % 2 == 0 ? 8000 : 10_000));
                }
                await().until(() -> serve.descriptors() >= limit - 20);
                CompletableFuture<Long> visitor = visit(serve);
                Http.pause(500);
                assertFalse(visitor.isDone(), "served before any request ended: there was room");
                Http.answer(busy.get(0), PATIENCE_MS, 0);
                long first = System.nanoTime();
                long late = TimeUnit.NANOSECONDS.toMillis(visitor.get(PATIENCE_MS, TimeUnit.MILLISECONDS) - first);
                assertTrue(late < SOON_MS + control.allowanceMs(), late + " ms after the first request ended");
                for (Socket socket : busy.subList(1, limit)) {
                    assertTrue(Http.answer(socket, PATIENCE_MS, 0).body().startsWith("Waited"));
                }
            } finally {
                for (Socket socket : busy) {
                    socket.close();
                }
            }
            assertFalse(Storm.hasFailures(serve.log()), serve.log());
        }
    }

    @Test
    void aLimitThatShrinksWhileRunningIsTheLimit() throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT);
                Guests guests = new Guests(serve.http()).settle();
                Attack attack = new Attack(serve, List.of(Attackers.Kind.LEAKY), 300, 0)) {
            await().until(() -> serve.descriptors() >= 300);
            Serve.run("prlimit", "--pid", pid(serve), "--nofile=128:" + LIMIT);
            await().until(() -> serve.descriptors() <= 128);
            long from = System.nanoTime();
            Http.pause(4000);
            assertEquals(128, serve.status().get("descriptors").get("limit").asInt());
            Serve.run("prlimit", "--pid", pid(serve), "--nofile=" + LIMIT + ":" + LIMIT);
            guests.close();
            assertEquals(List.of(), unserved(guests.visitsSince(from)));
            assertTrue(guests.visitsSince(from).size() > 10);
            assertTrue(guests.broken.isEmpty(), () -> "broken off: " + guests.broken);
            await().until(() -> serve.status().get("level").asText().equals("NORMAL"));
            assertFalse(serve.status().get("acceptingPaused").asBoolean());
            assertTrue(count(serve.log(), "Unable to") <= 1, serve.log());
        }
    }

    /** A name space of mounts of its own has it for a while, and then no procfs, or another count in it. */
    @ParameterizedTest
    @MethodSource("waysToFail")
    void aProcfsThatFailsOrLiesStopsNoService(String how) throws Exception {
        Programs.require(canUnshare(), "unshare: it needs root and name spaces");
        Programs.require(Files.size(DIRECTORY) > LIMIT, "a file system with sizes of directories");
        try (Serve serve = Serve.start(List.of("unshare", "--mount"), directory, LIMIT, "--allow-leak");
                Guests guests = new Guests(serve.http()).settle()) {
            // Short of descriptors, so that accepting pauses now and then, and not for ever.
            serve.http().get("/leak?n=" + (LIMIT - 60 - serve.descriptors()), PATIENCE_MS);
            String fds = "/proc/" + pid(serve) + "/fd";
            List<String> command = new ArrayList<>(List.of("nsenter", "--mount", "--target", pid(serve)));
            command.addAll(
                    switch (how) {
                        case "not mounted" -> List.of("umount", "--lazy", "/proc");
                        case "above the limit" -> List.of("mount", "--bind", DIRECTORY.toString(), fds);
                        default -> List.of("mount", "-t", "tmpfs", "none", fds);
                    });
            Serve.run(command.toArray(String[]::new));
            // What was counted before holds for a moment, and a count in doubt for five seconds.
            Http.pause(7000);
            long from = System.nanoTime();
            Http.pause(3000);
            guests.close();
            List<Guests.Visit> visits = guests.visitsSince(from);
            assertEquals(List.of(), unserved(visits));
            assertTrue(visits.size() > 10 && guests.broken.isEmpty(), () -> "broken off: " + guests.broken);
            JsonNode status = serve.status();
            assertFalse(status.get("acceptingPaused").asBoolean());
            if (!how.equals("never changing")) {
                assertTrue(status.get("probeFailures").asInt() > 20, status::toString);
                assertEquals(1, count(serve.log(), "Unable to"), serve.log());
            }
            assertFalse(Storm.hasFailures(serve.log()), serve.log());
        }
    }

    private static boolean canUnshare() throws InterruptedException {
        try {
            Serve.run("unshare", "--mount", "true");
            return true;
        } catch (IOException x) {
            return false;
        }
    }
}
