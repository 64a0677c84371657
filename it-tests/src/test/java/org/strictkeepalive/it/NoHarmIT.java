package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * Pressure that the connector can't relieve: a server with it serves no fewer visitors than plain Jetty, and loses no
 * more requests. Both are processes under {@code ulimit -n 256}, at the same time and with the same load.
 */
@Isolated("it counts who is served under load")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NoHarmIT {
    private static final int DESCRIPTORS = 256;
    private static final int PATIENCE_MS = 20_000;
    /** A busy machine gets further tries. */
    private static final int TRIES = 3;

    private static final String FIRST = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @TempDir
    private Path directory;

    private Keys keys;

    @BeforeAll
    void makeKeys(@TempDir Path kept) throws Exception {
        keys = new Keys(kept);
    }

    @AfterAll
    void end() {
        threads.shutdownNow();
    }

    /** What is done to a server. */
    private interface Load {
        int on(Serve serve) throws Exception;
    }

    /** Does it to both at once. */
    private int[] both(Load load, String... arguments) throws Exception {
        List<Future<Integer>> figures = new ArrayList<>();
        for (String kind : List.of("plain", "strict")) {
            List<String> all = new ArrayList<>(List.of(kind));
            all.addAll(List.of(arguments));
            figures.add(threads.submit(() -> {
                try (Serve serve =
                        Serve.start(directory, DESCRIPTORS, NoHarmServer.class, all.toArray(String[]::new))) {
                    for (int i = 0; i < 200; i++) {
                        serve.http().get("/", PATIENCE_MS);
                    }
                    return load.on(serve);
                }
            }));
        }
        return new int[] {figures.get(0).get(), figures.get(1).get()};
    }

    /** Connections that have sent something, as many as the server takes. */
    private static List<Socket> hold(Serve serve, int count, String sent) throws IOException {
        List<Socket> result = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Socket socket = serve.http().connect(PATIENCE_MS);
            socket.getOutputStream().write(sent.getBytes(US_ASCII));
            result.add(socket);
        }
        return result;
    }

    private static void close(List<Socket> sockets) throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    private static void reset(Socket socket) throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    private static boolean isServed(Serve serve, int deadlineMs) {
        try {
            serve.http().get("/", deadlineMs);
            return true;
        } catch (IOException x) {
            return false;
        }
    }

    /** Clients of long polls go, half with a FIN and half with a reset, and visitors come, one a second. */
    @Test
    void visitorsAreServedWhenTheClientsOfLongPollsHaveGone() throws Exception {
        Load load = serve -> {
            // More than the connector reserves are in use, and plain Jetty has a few left.
            List<Socket> polls = new ArrayList<>();
            while (serve.descriptors() < DESCRIPTORS - 12) {
                polls.addAll(hold(serve, 1, "GET /slow?60000 HTTP/1.1\r\nHost: t\r\n\r\n"));
                Http.pause(10); // until it is accepted
                if (polls.size() > DESCRIPTORS) {
                    break; // Accepting has paused.
                }
            }
            Http.pause(1000);
            for (int i = 0; i < polls.size(); i++) {
                if (i % 2 == 0) {
                    polls.get(i).close();
                } else {
                    reset(polls.get(i));
                }
            }
            List<Future<Boolean>> visits = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                visits.add(threads.submit(() -> isServed(serve, 8000)));
                Http.pause(1000);
            }
            int served = 0;
            for (Future<Boolean> visit : visits) {
                served += visit.get() ? 1 : 0;
            }
            return served;
        };
        String told = "";
        for (int i = 0; i < TRIES; i++) {
            int[] served = both(load, "200", "30000");
            told = "Visitors served of 8 after long polls: plain " + served[0] + ", strict " + served[1];
            System.out.println(told);
            if (served[1] >= served[0]) {
                return;
            }
        }
        fail(told);
    }

    /** The application holds the room with slow answers: who reuses a connection loses nothing. */
    @Test
    void politeClientsLoseNothingToASlowApplication() throws Exception {
        Load load = serve -> {
            AtomicBoolean over = new AtomicBoolean();
            AtomicInteger lost = new AtomicInteger();
            AtomicInteger ready = new AtomicInteger();
            List<Future<?>> polite = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                polite.add(threads.submit(() -> bePolite(serve, over, ready, lost)));
            }
            while (ready.get() < 10) {
                Http.pause(20);
            }
            List<Socket> slow = hold(serve, 300, "GET /slow?40000 HTTP/1.1\r\nHost: t\r\n\r\n");
            Http.pause(10_000);
            over.set(true);
            for (Future<?> client : polite) {
                client.get();
            }
            close(slow);
            return lost.get();
        };
        String told = "";
        for (int i = 0; i < TRIES; i++) {
            int[] lost = both(load, "200", "30000");
            told = "Polite requests lost to 300 slow answers: plain " + lost[0] + ", strict " + lost[1];
            System.out.println(told);
            if (lost[1] <= lost[0] + 1) {
                return;
            }
        }
        fail(told);
    }

    /** Asks again and again, on the same connection as long as the server doesn't say close. */
    private static void bePolite(Serve serve, AtomicBoolean over, AtomicInteger ready, AtomicInteger lost) {
        while (!over.get()) {
            int requests = 0;
            try (Socket socket = serve.http().connect(3000)) {
                while (!over.get()) {
                    Http.Answer answer = Http.exchange(socket, "/", 3000);
                    if (++requests == 3) {
                        ready.incrementAndGet();
                    }
                    if (answer.saysClose()) {
                        break;
                    }
                    Http.pause(300);
                }
            } catch (IOException x) {
                lost.incrementAndGet();
            }
        }
    }

    /** All threads read bodies that don't come, and then all those clients reset: a visitor has a thread at once. */
    @Test
    void threadsThatReadSlowBodiesComeBackWhenTheirClientsReset() throws Exception {
        AtomicInteger connections = new AtomicInteger();
        Map<String, Integer> queues = new ConcurrentHashMap<>();
        Load load = serve -> {
            List<Socket> idle = hold(serve, (int) (0.74 * (DESCRIPTORS - serve.descriptors())), FIRST);
            Http.pause(500);
            String level = serve.http().get("/level", PATIENCE_MS).body();
            List<Socket> slow =
                    hold(serve, 8, "POST /blocking HTTP/1.1\r\nHost: t\r\nContent-Length: 10000\r\n\r\nabc");
            for (int i = 0; i < 16; i++) {
                for (Socket socket : slow) {
                    try {
                        socket.getOutputStream().write('x');
                    } catch (IOException x) {
                        // Ended as a slow one.
                    }
                }
                Http.pause(500);
            }
            for (Socket socket : slow) {
                reset(socket);
            }
            long begin = System.nanoTime();
            boolean served = isServed(serve, 60_000);
            int millis = (int) TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            queues.put(
                    level,
                    Integer.parseInt(serve.http().get("/queue", PATIENCE_MS).body()));
            // As many tasks may wait as there are connections, and one for their visitor.
            connections.set(idle.size() + slow.size() + 1);
            close(idle);
            return served ? millis : 60_000;
        };
        String told = "";
        for (int i = 0; i < TRIES; i++) {
            int[] millis = both(load, "8", "120000");
            assertEquals(Set.of("none", "ELEVATED"), queues.keySet());
            told = "Served after the resets: plain " + millis[0] + " ms, strict " + millis[1]
                    + " ms; tasks that waited: plain " + queues.get("none") + ", strict " + queues.get("ELEVATED")
                    + ", of " + connections + " connections";
            System.out.println(told);
            if (millis[1] <= millis[0] + 5000 && queues.get("ELEVATED") <= queues.get("none") + connections.get()) {
                return;
            }
        }
        fail(told);
    }

    /** Handshakes with a round trip before each flight are served at CRITICAL, where silent connections come and go. */
    @Test
    void handshakesFromFarAwayAreServed() throws Exception {
        assumeTrue(Storm.ALL, "a machine with other work is too slow for so many handshakes");
        double share = 0;
        for (int i = 0; i < TRIES && share < 0.95; i++) {
            share = shareOfFarVisitors();
        }
        assertTrue(share >= 0.95, "far visitors served: " + share);
    }

    private double shareOfFarVisitors() throws Exception {
        try (Serve serve = Serve.start(
                directory,
                DESCRIPTORS,
                NoHarmServer.class,
                "strict",
                "200",
                "30000",
                keys.file().toString())) {
            for (int i = 0; i < 300; i++) {
                serve.http().get("/", PATIENCE_MS);
            }
            List<Socket> reused = new ArrayList<>();
            // Below HIGH, where a first answer would say close.
            for (int i = (int) (0.7 * (DESCRIPTORS - serve.descriptors())); i > 0; i--) {
                Socket socket = serve.http().connect(PATIENCE_MS);
                Http.exchange(socket, "/", PATIENCE_MS);
                Http.exchange(socket, "/", PATIENCE_MS);
                reused.add(socket);
            }
            List<Future<Boolean>> visits = new ArrayList<>();
            try (Attack attack = new Attack(serve, List.of(Attackers.Kind.SILENT), 9000, 700)) {
                while (serve.descriptors() < DESCRIPTORS - 60) {
                    Http.pause(50);
                }
                Http.pause(1000);
                for (int i = 0; i < 60; i++) {
                    visits.add(threads.submit(() -> FarVisitor.isServed(serve.http(), 80, PATIENCE_MS)));
                    Http.pause(100);
                }
                int served = 0;
                for (Future<Boolean> visit : visits) {
                    served += visit.get() ? 1 : 0;
                }
                System.out.println(
                        String.format(Locale.ROOT, "Visitors from far away served: %d of %d", served, visits.size()));
                close(reused);
                return (double) served / visits.size();
            }
        }
    }
}
