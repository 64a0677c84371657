package org.strictkeepalive.it;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A server in a process of its own under {@code ulimit -n}: the {@code serve} command of the examples, or another. */
final class Serve implements AutoCloseable {
    private static final String LISTENING = "Listening on ";
    private static final long START_SECONDS = 90;

    private static final String LARGE = "1g";
    private static final String SMALL = "256m";
    /** From this limit on connections need more heap than the usual, with TLS some 100 kB each. */
    private static final int LARGE_LIMIT = 4096;

    private final Process process;
    private final Path log;
    private final InetSocketAddress address;
    private final Http http;

    private Serve(Process process, Path log, URI uri) {
        this.process = process;
        this.log = log;
        address = new InetSocketAddress(uri.getHost(), uri.getPort());
        http = new Http(address, uri.getScheme().equals("https"));
    }

    private static List<String> java(int descriptors) {
        List<String> command =
                new ArrayList<>(List.of("bash", "-c", "ulimit -n " + descriptors + " && exec \"$@\"", "bash"));
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // Without this the JVM raises its soft limit to the hard one.
        command.addAll(List.of("-XX:-MaxFDLimit", "-Xmx" + (descriptors < LARGE_LIMIT ? SMALL : LARGE)));
        return command;
    }

    static List<String> command(int descriptors, String... arguments) {
        List<String> command = java(descriptors);
        String classes = System.getProperty("examples.classes");
        if (classes == null) {
            command.addAll(List.of("-jar", System.getProperty("examples.jar")));
        } else {
            String classPath = classes + File.pathSeparator + System.getProperty("java.class.path");
            command.addAll(List.of("-cp", classPath, "org.strictkeepalive.examples.Main"));
        }
        command.addAll(List.of(arguments));
        return command;
    }

    static Serve start(Path directory, int descriptors, String... flags) throws IOException, InterruptedException {
        return start(List.of(), directory, descriptors, flags);
    }

    /** Starts it behind another command, such as one that gives it name spaces of its own. */
    static Serve start(List<String> prefix, Path directory, int descriptors, String... flags)
            throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("serve", "--port", "0"));
        arguments.addAll(List.of(flags));
        List<String> command = new ArrayList<>(prefix);
        command.addAll(command(descriptors, arguments.toArray(String[]::new)));
        return start(directory, command);
    }

    /** Starts a class of the tests, which has to say on what address it listens as {@code serve} does. */
    static Serve start(Path directory, int descriptors, Class<?> main, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = java(descriptors);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(arguments));
        return start(directory, command);
    }

    private static Serve start(Path directory, List<String> command) throws IOException, InterruptedException {
        Path log = Files.createTempFile(directory, "serve", ".log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        while (process.isAlive() && System.nanoTime() - end < 0) {
            for (String line : Files.readAllLines(log)) {
                if (line.startsWith(LISTENING) && line.endsWith("/")) {
                    return new Serve(process, log, URI.create(line.substring(LISTENING.length())));
                }
            }
            process.waitFor(20, TimeUnit.MILLISECONDS);
        }
        process.destroyForcibly();
        throw new IOException("serve did not start: " + Files.readString(log));
    }

    InetSocketAddress address() {
        return address;
    }

    Http http() {
        return http;
    }

    boolean isTls() {
        return http.tls() != null;
    }

    /** What {@code /status} says. */
    JsonNode status() throws IOException {
        return new ObjectMapper()
                .readTree(http.get("/status", TimeUnit.SECONDS.toMillis(START_SECONDS))
                        .body());
    }

    Process process() {
        return process;
    }

    String log() throws IOException {
        return Files.readString(log, StandardCharsets.UTF_8);
    }

    /** The open descriptors of the process. */
    int descriptors() throws IOException {
        return descriptors(process.pid());
    }

    static int descriptors(long pid) throws IOException {
        Path directory = Path.of("/proc", Long.toString(pid), "fd");
        long size = new File(directory.toString()).length(); // Linux 6.2 and later
        if (size > 0) {
            return (int) size;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return (int) entries.count();
        }
    }

    int threads() throws IOException {
        try (Stream<Path> entries = Files.list(Path.of("/proc", Long.toString(process.pid()), "task"))) {
            return (int) entries.count();
        }
    }

    /** The heap in use, in MiB, behind a garbage collection. */
    int heap() throws IOException, InterruptedException {
        jcmd("GC.run");
        String info = jcmd("GC.heap_info").replaceAll("(?s)Metaspace.*", "");
        long kib = Pattern.compile(" used (\\d+)K")
                .matcher(info)
                .results()
                .mapToLong(result -> Long.parseLong(result.group(1)))
                .sum();
        if (kib == 0) {
            throw new IOException("no heap: " + info);
        }
        return (int) (kib >> 10);
    }

    private String jcmd(String command) throws IOException, InterruptedException {
        return run(
                Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                Long.toString(process.pid()),
                command);
    }

    /** The output of another program. */
    static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + ": " + output);
        }
        return output;
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
