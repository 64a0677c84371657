package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A program of a framework as a process with few descriptors, with the policy or plain. */
final class FrameworkApp implements AutoCloseable {
    private static final int DESCRIPTORS = 256;
    private static final long START_SECONDS = 120;
    private static final Path OTHER_JDKS = Path.of("/usr/lib/jvm");

    private final Process process;
    private final Path log;
    private final Http http;
    private final String path;

    private FrameworkApp(Process process, Path log, int port, String path) {
        this.process = process;
        this.log = log;
        this.path = path;
        http = new Http(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), null);
    }

    /** Compiles the sources, starts the program, and waits until it answers. */
    static FrameworkApp start(
            Framework framework,
            Path directory,
            int port,
            Map<String, String> sources,
            String agent,
            String... arguments)
            throws IOException, InterruptedException {
        FrameworkApp app = launch(framework, directory, port, sources, agent, arguments);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        while (!app.answers(1000)) {
            if (app.process.waitFor(100, TimeUnit.MILLISECONDS) || System.nanoTime() - end >= 0) {
                app.close();
                throw new IOException("no answer: " + app.log());
            }
        }
        return app;
    }

    /**
     * Starts it without waiting.
     *
     * @param agent the options of the agent, null for none
     */
    static FrameworkApp launch(
            Framework framework,
            Path directory,
            int port,
            Map<String, String> sources,
            String agent,
            String... arguments)
            throws IOException, InterruptedException {
        Path jdk = jdk(framework.java());
        String classPath = framework.classPath();
        compile(jdk, directory, classPath, sources);
        List<String> command =
                new ArrayList<>(List.of("bash", "-c", "ulimit -n " + DESCRIPTORS + " && exec \"$@\"", "bash"));
        command.add(jdk.resolve("bin/java").toString());
        // Without the first the JVM raises its soft limit to the hard one.
        command.addAll(List.of("-XX:-MaxFDLimit", "-Xmx256m", "-XX:TieredStopAtLevel=1"));
        if (agent != null) {
            command.add("-javaagent:" + System.getProperty("agent.jar") + "=" + agent);
        }
        if (framework == Framework.FUSEKI_SERVER) {
            command.addAll(List.of("-jar", classPath));
        } else {
            command.addAll(List.of("-cp", directory + File.pathSeparator + classPath, framework.main()));
        }
        command.addAll(List.of(arguments));
        Path log = directory.resolve("output.log");
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        return new FrameworkApp(process, log, port, framework.path());
    }

    private static void compile(Path jdk, Path directory, String classPath, Map<String, String> sources)
            throws IOException, InterruptedException {
        if (sources.isEmpty()) {
            return;
        }
        List<String> command = new ArrayList<>(List.of(jdk.resolve("bin/javac").toString(), "-proc:none"));
        command.addAll(List.of("-d", directory.toString(), "-cp", classPath));
        for (Map.Entry<String, String> source : sources.entrySet()) {
            command.add(Files.writeString(directory.resolve(source.getKey()), source.getValue())
                    .toString());
        }
        Serve.run(command.toArray(String[]::new));
    }

    /** A JDK of at least this version: the one of the test, or another of the machine; the test is skipped without. */
    static Path jdk(int feature) throws IOException {
        if (Runtime.version().feature() >= feature) {
            return Path.of(System.getProperty("java.home"));
        }
        Path found = null;
        if (Files.isDirectory(OTHER_JDKS)) {
            try (Stream<Path> jdks = Files.list(OTHER_JDKS)) {
                for (Path jdk : jdks.sorted().toList()) {
                    if (version(jdk) >= feature) {
                        found = jdk;
                    }
                }
            }
        }
        Programs.require(found != null, "a JDK " + feature);
        return found;
    }

    private static int version(Path jdk) throws IOException {
        Path release = jdk.resolve("release");
        if (!Files.isExecutable(jdk.resolve("bin/javac")) || !Files.exists(release)) {
            return 0;
        }
        Properties properties = new Properties();
        properties.load(Files.newBufferedReader(release));
        return Integer.parseInt(properties.getProperty("JAVA_VERSION", "0").replaceAll("\"|[.+-].*", ""));
    }

    static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    Http http() {
        return http;
    }

    Process process() {
        return process;
    }

    String log() throws IOException {
        return Files.readString(log);
    }

    /** One visit: whether the begin of a good answer comes in time. */
    boolean answers(long deadlineMs) {
        try (Socket socket = http.connect(deadlineMs)) {
            return !head(socket, "Connection: close").isEmpty();
        } catch (IOException x) {
            return false;
        }
    }

    /** Sends a request with a field, and returns the header of the answer; it is empty if that is not good. */
    String head(Socket socket, String field) throws IOException {
        socket.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + field + "\r\n\r\n").getBytes(US_ASCII));
        byte[] answer = new byte[8192];
        int length = socket.getInputStream().read(answer);
        String head = new String(answer, 0, Math.max(length, 0), US_ASCII);
        return head.startsWith("HTTP/1.1 200 ") ? head : "";
    }

    /** A connection that has been answered and is idle. */
    Socket idle() throws IOException {
        Socket socket = http.connect(TimeUnit.SECONDS.toMillis(START_SECONDS));
        if (head(socket, "X-Any: thing").isEmpty()) {
            socket.close();
            throw new IOException("no answer: " + log());
        }
        return socket;
    }

    /** Whether the policy is there: it tells those that ask how long a connection may be idle. */
    boolean isGoverned() throws IOException {
        try (Socket socket = http.connect(TimeUnit.SECONDS.toMillis(START_SECONDS))) {
            return head(socket, "Connection: keep-alive").contains("\r\nKeep-Alive: timeout=");
        }
    }

    /** Ends it as an operator does, and returns the milliseconds that it took. */
    long stop() throws InterruptedException, IOException {
        long begin = System.nanoTime();
        process.destroy();
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            throw new IOException("goes on: " + log());
        }
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
    }

    @Override
    public void close() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor(20, TimeUnit.SECONDS);
    }
}
