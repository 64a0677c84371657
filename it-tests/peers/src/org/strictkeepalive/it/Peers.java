package org.strictkeepalive.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Storms on the connector and on what people use instead, each under the same limit and with the same clients. */
final class Peers {
    private static final int LIMIT = 512;
    private static final int SECONDS = 10;
    private static final int PER_SECOND = 200;
    private static final int AT_ONCE = 1536;
    private static final int CALM_SECONDS = 3;
    private static final long START_MS = 20_000;
    private static final long QUICK_MS = 100;
    private static final long DEADLINE_MS = 2000;
    private static final long PATIENCE_MS = 20_000;
    private static final long RECOVERY_MS = 30_000;
    /** By how many descriptors a calm server may differ from itself: visitors come and go, threads keep selectors. */
    private static final int SLACK = 20;

    private static final Path DIRECTORY = Path.of("it-tests", "peers");
    private static final List<String> NAMES = List.of(
            "strict",
            "jetty-plain",
            "jetty-short",
            "jetty-limit",
            "jetty-low",
            "tomcat",
            "undertow",
            "nginx",
            "haproxy",
            "gevent",
            "gevent-timeout");
    /** SLOW_POST has to be asked for: of the peers only Jetty, nginx and HAProxy read a body before they answer. */
    private static final List<String> STORMS = List.of("LEAKY", "SILENT", "TRICKLE_FIRST", "TWO", "SLOW_READER");

    private final Path temporary;

    private Peers(Path temporary) {
        this.temporary = temporary;
    }

    public static void main(String[] args) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(args));
        boolean once = arguments.remove("--once");
        List<String> storms = new ArrayList<>();
        while (arguments.size() > 1 && arguments.get(0).equals("--storm")) {
            arguments.remove(0);
            storms.add(arguments.remove(0).toUpperCase(Locale.ROOT));
        }
        List<String> names = arguments.isEmpty() ? NAMES : arguments;
        if (!NAMES.containsAll(names)) {
            throw new IllegalArgumentException(names + " (expected: some of " + NAMES + ")");
        }
        System.out.println("| storm | peer | visitors served | p99 ms (calm) | polite served | polite lost | sent again"
                + " | in-flight whole | in-flight cut | most descriptors | recovery ms |");
        System.out.println("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        for (String storm : storms.isEmpty() ? STORMS : storms) {
            for (String name : names) {
                System.out.println(new Peers(Files.createTempDirectory("peer")).row(name, storm, once));
            }
        }
        System.exit(0);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private List<String> java(Class<?> main, int port, String argument) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:-MaxFDLimit", // else the JVM raises its soft limit to the hard one
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName(),
                Integer.toString(port),
                argument);
    }

    private Path configure(String file, int port, int backend) throws IOException {
        String text = Files.readString(DIRECTORY.resolve(file))
                .replace("@PORT@", Integer.toString(port))
                .replace("@BACKEND@", Integer.toString(backend))
                .replace("@DIRECTORY@", temporary.toString())
                .replace("@USER@", System.getProperty("user.name"));
        return Files.writeString(temporary.resolve(file), text);
    }

    private List<String> python(int port, String... timeout) {
        List<String> command = new ArrayList<>(
                List.of("/usr/bin/python3", DIRECTORY.resolve("gevent_peer.py").toString(), Integer.toString(port)));
        command.addAll(List.of(timeout));
        return command;
    }

    private List<String> command(String name, int port, int backend) throws IOException {
        return switch (name) {
            case "tomcat" -> java(TomcatPeer.class, port, temporary.toString());
            case "undertow" -> java(UndertowPeer.class, port, "");
            case "gevent" -> python(port);
            case "gevent-timeout" -> python(port, "2");
            case "haproxy" ->
                List.of(
                        "haproxy",
                        "-db",
                        "-f",
                        configure("haproxy.cfg", port, backend).toString());
            case "nginx" -> {
                Files.writeString(temporary.resolve("index.html"), "Hello, world!");
                Files.write(temporary.resolve("slow"), new byte[24 << 10]);
                Files.write(temporary.resolve("big"), new byte[8 << 20]);
                yield List.of(
                        "nginx",
                        "-p",
                        temporary.toString(),
                        "-c",
                        configure("nginx.conf", port, backend).toString());
            }
            default -> java(JettyPeer.class, port, name.replace("jetty-", ""));
        };
    }

    private Process start(String name, int port, int backend) throws IOException {
        List<String> command = new ArrayList<>(List.of("bash", "-c", "ulimit -n " + LIMIT + " && exec \"$@\"", "bash"));
        command.addAll(command(name, port, backend));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(temporary.resolve(name + ".log").toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(START_MS);
        while (true) {
            try {
                http(port).get("/", START_MS);
                return process;
            } catch (IOException x) {
                if (!process.isAlive() || System.nanoTime() - end > 0) {
                    throw new IOException(Files.readString(temporary.resolve(name + ".log")), x);
                }
                Http.pause(50);
            }
        }
    }

    private static Http http(int port) {
        return new Http(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), null);
    }

    /** The most descriptors of one of the processes of a peer: the limit is that of each. */
    private static int descriptors(Process process) throws IOException {
        int most = Serve.descriptors(process.pid());
        for (ProcessHandle child : process.descendants().toList()) {
            most = Math.max(most, Serve.descriptors(child.pid()));
        }
        return most;
    }

    private String row(String name, String storm, boolean once) throws IOException, InterruptedException {
        int port = freePort();
        int backend = freePort();
        Process behind = name.equals("haproxy") ? start("jetty-plain", backend, 0) : null;
        Process process = start(name, port, backend);
        try {
            return row(name, storm, once, process, http(port));
        } finally {
            process.destroy();
            if (behind != null) {
                behind.destroy();
            }
        }
    }

    private String row(String name, String storm, boolean once, Process process, Http http)
            throws IOException, InterruptedException {
        Guests guests = new Guests(http, DEADLINE_MS, PATIENCE_MS, null).settle();
        Http.pause(1000); // for the classes that the first ones had to wait for
        int calm = 0;
        int politeCalm = guests.politeServed.get();
        long calmBegin = System.nanoTime();
        while (System.nanoTime() - calmBegin < TimeUnit.SECONDS.toNanos(CALM_SECONDS)) {
            calm = Math.max(calm, descriptors(process));
            Http.pause(5);
        }
        politeCalm = guests.politeServed.get() - politeCalm;

        int most = 0;
        int polite = guests.politeServed.get();
        Attack attack = new Attack(
                http,
                Arrays.stream(storm.split(",")).map(Attackers.Kind::valueOf).toList(),
                once ? AT_ONCE : PER_SECOND * SECONDS,
                once ? 0 : PER_SECOND);
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(SECONDS)) {
            most = Math.max(most, descriptors(process));
            Http.pause(5);
        }
        polite = guests.politeServed.get() - polite;
        long end = System.nanoTime();
        attack.close();
        long recovery = recovery(process, http, calm + SLACK);
        guests.close();

        List<Long> calmTimes = times(guests, calmBegin, begin);
        List<Long> times = times(guests, begin, end);
        long served = times.stream().filter(time -> time < DEADLINE_MS).count();
        Files.writeString(
                temporary.resolve("guests.log"),
                String.join("\n", guests.broken) + "\n" + String.join("\n", guests.politeLost));
        return String.format(
                Locale.ROOT,
                "| %s%s | %s | %.1f %% | %d (%d) | %.0f %% | %d | %d | %d | %d | %d of %d | %s |",
                storm.toLowerCase(Locale.ROOT),
                once ? " at once" : "",
                name,
                100.0 * served / times.size(),
                p99(times),
                p99(calmTimes),
                100.0 * polite * CALM_SECONDS / politeCalm / SECONDS,
                guests.politeLost.size(),
                guests.races.get(),
                guests.whole.get(),
                guests.broken.stream().filter(Peers::isCut).count(),
                most,
                LIMIT,
                recovery < 0 ? "> " + RECOVERY_MS : recovery);
    }

    /** The milliseconds of those who came in a span of time; the deadline for those not served by then. */
    private static List<Long> times(Guests guests, long from, long to) {
        return guests.visitsSince(from).stream()
                .filter(visit -> visit.at() - to < 0)
                .map(visit -> visit.failure() == null ? visit.millis() : Long.valueOf(DEADLINE_MS))
                .sorted()
                .toList();
    }

    private static long p99(List<Long> sorted) {
        return sorted.get((int) Math.ceil(sorted.size() * 0.99) - 1);
    }

    /** Whether the server ended what was broken off; else the client has waited in vain. */
    private static boolean isCut(String broken) {
        return !broken.contains("Timeout");
    }

    private static long recovery(Process process, Http http, int calm) throws IOException {
        long since = System.nanoTime();
        while (true) {
            long start = System.nanoTime();
            long millis = TimeUnit.NANOSECONDS.toMillis(start - since);
            if (millis > RECOVERY_MS) {
                return -1;
            }
            try {
                http.get("/", QUICK_MS);
                if (descriptors(process) <= calm && System.nanoTime() - start < QUICK_MS * 1_000_000) {
                    return millis;
                }
            } catch (IOException x) {
                // Not yet.
            }
            Http.pause(10);
        }
    }
}
