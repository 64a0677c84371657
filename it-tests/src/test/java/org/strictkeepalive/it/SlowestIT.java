package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Slow clients hold all the room of a server with 256 descriptors, and come back whenever they are closed. Visitors come
 * ten times a second with 2 s of patience; those are counted who come after the first ten seconds. {@code
 * -Dstorms.all=true} has all attacks, also on plain Jetty, {@code -Dslowest.attacks} only those whose name, without
 * spaces, has that text.
 */
@Isolated("it counts who is served under load")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SlowestIT {
    private static final int DESCRIPTORS = 256;
    private static final int THREADS = 400;
    /** Where threads are what runs out. */
    private static final int PLENTY = 20_000;

    private static final int FEW_THREADS = 200;
    private static final int SECONDS = Integer.getInteger("slowest.seconds", Storm.ALL ? 30 : 20);
    private static final int UNSETTLED = 10;
    private static final int PATIENCE_MS = 2000;
    private static final int POLITE = 10;
    private static final double SERVED = 0.95;
    private static final double LOST = 0.02;
    /** A busy machine gets further tries. */
    private static final int TRIES = Integer.getInteger("slowest.tries", 3);

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<String> table = new ArrayList<>();

    @TempDir
    private Path directory;

    private Path key;

    @BeforeAll
    void makeKeys(@TempDir Path kept) throws Exception {
        key = new Keys(kept).file();
    }

    @AfterAll
    void end() {
        table.forEach(System.out::println);
        threads.shutdownNow();
    }

    /** An attack on a server. */
    record Attack(String server, SlowCrowd.Kind kind, int count, int addresses, boolean tls, boolean http2) {
        @Override
        public String toString() {
            return count + " " + kind + (tls ? " over TLS" : "") + (http2 ? " over HTTP/2" : "") + ", " + server;
        }
    }

    static Stream<Attack> attacks() {
        List<Attack> all = new ArrayList<>();
        for (String server : Storm.ALL ? List.of("plain", "strict") : List.of("strict")) {
            all.add(new Attack(server, SlowCrowd.Kind.POST, 600, 500, false, false));
            all.add(new Attack(server, SlowCrowd.Kind.READ, 600, 500, false, false));
            if (Storm.ALL) {
                all.add(new Attack(server, SlowCrowd.Kind.POST, 600, 500, true, false));
                all.add(new Attack(server, SlowCrowd.Kind.READ, 600, 500, true, false));
                all.add(new Attack(server, SlowCrowd.Kind.POST, 600, 500, false, true));
                all.add(new Attack(server, SlowCrowd.Kind.READ, 600, 500, false, true));
                all.add(new Attack(server, SlowCrowd.Kind.SLOW_APP, 300, 250, false, false));
                all.add(new Attack(server, SlowCrowd.Kind.BLOCKING, 230, 200, false, false));
            }
        }
        all.add(new Attack("refuse", SlowCrowd.Kind.SLOW_APP, 300, 250, false, false));
        String only = System.getProperty("slowest.attacks", "");
        return all.stream().filter(attack -> attack.toString().replace(" ", "").contains(only));
    }

    /** What came of it. */
    private static final class Figures {
        private final List<Long> millis = Collections.synchronizedList(new ArrayList<>());
        private final Map<String, Integer> failures = Collections.synchronizedMap(new TreeMap<>());
        private final AtomicInteger visitors = new AtomicInteger();
        private final AtomicInteger served = new AtomicInteger();
        private final AtomicInteger refused = new AtomicInteger();
        private final AtomicInteger polite = new AtomicInteger();
        private final AtomicInteger politeLost = new AtomicInteger();
        private final List<String> mobileCut = Collections.synchronizedList(new ArrayList<>());
        private String server = "";
        private String crowd = "";

        private double share() {
            return (double) served.get() / Math.max(1, visitors.get());
        }

        private long percentile(double part) {
            List<Long> sorted = new ArrayList<>(millis);
            Collections.sort(sorted);
            return sorted.isEmpty() ? -1 : sorted.get((int) (part * (sorted.size() - 1)));
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "visitors served %.1f %% of %d (p50 %d ms, p99 %d ms), refused %d, %s; polite lost %d of %d;"
                            + " mobile cut %s; clients that came: %s",
                    100 * share(),
                    visitors.get(),
                    percentile(0.5),
                    percentile(0.99),
                    refused.get(),
                    failures,
                    politeLost.get(),
                    polite.get(),
                    mobileCut,
                    crowd);
        }
    }

    @ParameterizedTest
    @MethodSource("attacks")
    void visitorsAreServed(Attack attack) throws Exception {
        String row = "";
        for (int i = 0; i < TRIES; i++) {
            Figures figures = rage(attack);
            row = attack + ": " + figures;
            System.out.println(row);
            System.out.println("    " + figures.server);
            if (isGood(attack, figures)) {
                table.add(row);
                return;
            }
        }
        throw new AssertionError(row);
    }

    private static boolean isGood(Attack attack, Figures figures) {
        boolean politeServed = figures.politeLost.get() <= LOST * figures.polite.get();
        return switch (attack.server()) {
            case "strict" ->
                attack.kind() == SlowCrowd.Kind.SLOW_APP
                        || (figures.share() >= SERVED && politeServed && figures.mobileCut.isEmpty());
            case "refuse" ->
                figures.refused.get() + figures.served.get() >= SERVED * figures.visitors.get()
                        && figures.percentile(0.95) <= 100
                        && politeServed;
            default -> true;
        };
    }

    private Figures rage(Attack attack) throws Exception {
        Figures figures = new Figures();
        String file = attack.tls() ? key.toString() : "-";
        boolean blocks = attack.kind() == SlowCrowd.Kind.BLOCKING;
        int descriptors = blocks ? PLENTY : DESCRIPTORS;
        String pool = Integer.toString(blocks ? FEW_THREADS : THREADS);
        try (Serve serve = Serve.start(directory, descriptors, SlowestServer.class, attack.server(), file, pool)) {
            for (int i = 0; i < 500; i++) {
                serve.http().get("/", 20_000);
            }
            Process crowd = crowd(attack, serve);
            try (BufferedReader output = crowd.inputReader(StandardCharsets.UTF_8)) {
                assertEquals(SlowCrowd.READY, output.readLine());
                long begin = System.nanoTime();
                long end = begin + TimeUnit.SECONDS.toNanos(SECONDS);
                List<Future<?>> guests = new ArrayList<>();
                for (int i = 0; i < POLITE; i++) {
                    InetAddress from = InetAddress.getByName("127.0.8." + (1 + i));
                    guests.add(threads.submit(() -> bePolite(serve.http(), from, begin, end, figures)));
                }
                if (attack.kind() != SlowCrowd.Kind.SLOW_APP) {
                    guests.add(threads.submit(() -> upload(serve.http(), end, figures)));
                    guests.add(threads.submit(() -> download(serve.http(), end, figures)));
                }
                Http.pause(1000);
                crowd.getOutputStream().write('\n');
                crowd.getOutputStream().flush();
                guests.addAll(sendVisitors(serve.http(), begin, end, figures));
                for (Future<?> guest : guests) {
                    guest.get();
                }
                crowd.getOutputStream().close();
                figures.crowd = output.readLine();
            } finally {
                crowd.destroyForcibly();
            }
            figures.server = closed(serve.http());
            assertTrue(serve.process().isAlive(), serve.log());
        }
        return figures;
    }

    /** How connections were closed. A request may be refused as long as the application holds all room. */
    private static String closed(Http http) {
        try {
            return http.get("/closed", 60_000).body();
        } catch (IOException x) {
            return x.toString();
        }
    }

    private static Process crowd(Attack attack, Serve serve) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx512m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        SlowCrowd.class.getName(),
                        Integer.toString(serve.address().getPort()),
                        Boolean.toString(attack.tls()),
                        Boolean.toString(attack.http2()),
                        attack.kind().name(),
                        Integer.toString(attack.count()),
                        Integer.toString(attack.addresses()))
                .redirectErrorStream(true)
                .start();
    }

    private List<Future<?>> sendVisitors(Http http, long begin, long end, Figures figures) throws IOException {
        List<Future<?>> visits = new ArrayList<>();
        long last = end - TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        for (int i = 0; System.nanoTime() - last < 0; i++) {
            boolean counts = isSettled(begin);
            InetAddress from = InetAddress.getByName("127.0.9." + (1 + i % 250));
            visits.add(threads.submit(() -> visit(http, from, counts ? figures : new Figures())));
            Http.pause(100);
        }
        return visits;
    }

    private static void visit(Http http, InetAddress from, Figures figures) {
        figures.visitors.incrementAndGet();
        long begin = System.nanoTime();
        try (Socket socket = http.connect(from, PATIENCE_MS)) {
            long left = PATIENCE_MS - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
            Http.exchange(socket, "/", Math.max(left, 1));
            figures.served.incrementAndGet();
            figures.millis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin));
        } catch (IOException x) {
            if (String.valueOf(x.getMessage()).startsWith("HTTP/1.1 503 ")) {
                figures.refused.incrementAndGet();
                figures.millis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin));
            } else {
                figures.failures.merge(x.getClass().getSimpleName(), 1, Integer::sum);
            }
        }
    }

    /** Asks again and again, on the same connection as long as the server doesn't say close. */
    private static void bePolite(Http http, InetAddress from, long begin, long end, Figures all) {
        while (System.nanoTime() - end < 0) {
            Figures figures = isSettled(begin) ? all : new Figures();
            try (Socket socket = http.connect(from, PATIENCE_MS)) {
                boolean closes;
                do {
                    figures = isSettled(begin) ? all : new Figures();
                    figures.polite.incrementAndGet();
                    closes = Http.exchange(socket, "/", PATIENCE_MS).saysClose();
                    Http.pause(300);
                } while (!closes && System.nanoTime() - end < 0 && !Guests.isClosed(socket));
            } catch (IOException x) {
                figures.politeLost.incrementAndGet();
            }
        }
    }

    private static boolean isSettled(long begin) {
        return System.nanoTime() - begin >= TimeUnit.SECONDS.toNanos(UNSETTLED);
    }

    private static void upload(Http http, long end, Figures figures) {
        int beats = (int) TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime()) / 250 - 4;
        try (Socket socket = http.connect(InetAddress.getByName("127.0.7.1"), 20_000)) {
            socket.getOutputStream()
                    .write(("POST /core HTTP/1.1\r\nHost: t\r\nContent-Length: " + beats * 1024 + "\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            long next = System.nanoTime();
            for (int i = 0; i < beats; i++) {
                socket.getOutputStream().write(new byte[1024]);
                next += TimeUnit.MILLISECONDS.toNanos(250);
                Http.pause(Math.max(1, TimeUnit.NANOSECONDS.toMillis(next - System.nanoTime())));
            }
            assertEquals("read " + beats * 1024, Http.answer(socket, 20_000, 0).body());
        } catch (IOException x) {
            figures.mobileCut.add("upload: " + x);
        }
    }

    /** A small window, so that the kernel shows the server what is read. */
    private static void download(Http http, long end, Figures figures) {
        try (Socket socket = http.connect(InetAddress.getByName("127.0.7.2"), 20_000, 2048)) {
            Http.ask(socket, "/big");
            long next = System.nanoTime();
            while (System.nanoTime() - end < 0) {
                if (socket.getInputStream().readNBytes(1024).length < 1024) {
                    throw new IOException("closed");
                }
                next += TimeUnit.MILLISECONDS.toNanos(250);
                Http.pause(Math.max(1, TimeUnit.NANOSECONDS.toMillis(next - System.nanoTime())));
            }
        } catch (IOException x) {
            figures.mobileCut.add("download: " + x);
        }
    }
}
