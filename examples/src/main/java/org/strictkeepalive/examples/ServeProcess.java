package org.strictkeepalive.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A {@code serve} in a process of its own, under a descriptor limit. */
final class ServeProcess implements AutoCloseable {
    private static final String LISTENING = "Listening on ";
    private static final long START_TIMEOUT_MS = 30_000;
    private static final long END_TIMEOUT_MS = 5000;

    private final Process process;
    private final Thread hook;
    private final Path log;
    private final InetSocketAddress address;

    private ServeProcess(Process process, Thread hook, Path log, InetSocketAddress address) {
        this.process = process;
        this.hook = hook;
        this.log = log;
        this.address = address;
    }

    /** Starts it, and waits until it listens. */
    static ServeProcess start(Path log, int descriptors, List<String> flags) throws IOException, InterruptedException {
        // The JVM would raise the soft limit to the hard one by itself, so both are set.
        List<String> command = new ArrayList<>(List.of(
                "bash",
                "-c",
                "ulimit -n " + descriptors + " && exec \"$@\"",
                "bash",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:-MaxFDLimit",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "serve",
                "--port",
                "0"));
        command.addAll(flags);
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        // From its first moment on it must not outlive this process.
        Thread hook = new Thread(process::destroyForcibly);
        InetSocketAddress address = null;
        try {
            Runtime.getRuntime().addShutdownHook(hook);
            address = awaitAddress(process, log);
        } finally {
            if (address == null) {
                process.destroyForcibly();
            }
        }
        return new ServeProcess(process, hook, log, address);
    }

    private static InetSocketAddress awaitAddress(Process process, Path log) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(START_TIMEOUT_MS);
        while (process.isAlive() && System.nanoTime() - end < 0) {
            for (String line : Files.readAllLines(log, StandardCharsets.UTF_8)) {
                if (line.startsWith(LISTENING) && line.endsWith("/")) {
                    URI uri = URI.create(line.substring(LISTENING.length()));
                    return new InetSocketAddress(uri.getHost(), uri.getPort());
                }
            }
            process.waitFor(20, TimeUnit.MILLISECONDS);
        }
        throw new IOException("serve did not start: " + Files.readString(log));
    }

    InetSocketAddress address() {
        return address;
    }

    Path log() {
        return log;
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** The open descriptors of the process, -1 where they can't be known. */
    int descriptors() {
        try (Stream<Path> entries = Files.list(Path.of("/proc", Long.toString(process.pid()), "fd"))) {
            return (int) entries.count();
        } catch (IOException x) {
            return -1;
        }
    }

    /** How many lines of the log tell of too many open files. */
    long tooManyOpenFiles() throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(log, StandardCharsets.UTF_8)) {
            return reader.lines()
                    .filter(line -> line.contains("Too many open files"))
                    .count();
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(END_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException x) {
            Thread.currentThread().interrupt();
        }
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException x) {
            // The JVM is shutting down: the hook runs, and finds nothing to do.
        }
    }
}
