package org.strictkeepalive.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A {@code jetty-home} with a {@code $JETTY_BASE} of its own, and its server as a process. */
final class JettyHome implements AutoCloseable {
    static final String START = "java -jar $JETTY_HOME/start.jar";
    private static final long COMMAND_SECONDS = 180;
    /** Such as {@code Started oejs.ServerConnector@1b{SSL, (ssl, http/1.1)}{127.0.0.1:43969}}. */
    private static final Pattern CONNECTOR =
            Pattern.compile("Started \\S*Connector@\\w+\\{(\\S+), \\(.*\\)}\\{\\S+:(\\d+)}");

    private static final Pattern SERVER = Pattern.compile("Started \\S*\\.Server@");

    private final Path home;
    private final Path base;
    private final Path log;
    private Process process;

    /** What a command printed, and how it ended. */
    record Result(int exitValue, String output) {}

    JettyHome(String version, Path base) throws IOException {
        home = Path.of(System.getProperty("jetty-home.directory")).resolve("jetty-home-" + version);
        this.base = Files.createDirectories(base);
        log = base.resolve("output.log");
    }

    Path base() {
        return base;
    }

    /** Runs shell commands, such as those of the documentation, to their end. */
    Result run(String commands) throws IOException, InterruptedException {
        Path output = Files.createTempFile(base, "command", ".log");
        Process command = builder(List.of("bash", "-e", "-c", commands), output).start();
        if (!command.waitFor(COMMAND_SECONDS, TimeUnit.SECONDS)) {
            command.destroyForcibly();
            throw new IOException(commands + " goes on: " + Files.readString(output));
        }
        return new Result(command.exitValue(), Files.readString(output));
    }

    /** Runs {@code start.jar} with arguments that let it end by itself. */
    Result start(String arguments) throws IOException, InterruptedException {
        return run(START + " " + arguments);
    }

    private ProcessBuilder builder(List<String> command, Path output) {
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(base.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        String java = Path.of(System.getProperty("java.home"), "bin").toString();
        builder.environment().merge("PATH", java, (path, ours) -> ours + ":" + path);
        builder.environment().put("JETTY_HOME", home.toString());
        builder.environment().put("JETTY_BASE", base.toString());
        return builder;
    }

    /** Starts the server by a shell command and waits until it has started. */
    void serve(String command) throws IOException, InterruptedException {
        process = builder(List.of("bash", "-c", "exec " + command), log).start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(COMMAND_SECONDS);
        while (!SERVER.matcher(log()).find()) {
            if (process.waitFor(20, TimeUnit.MILLISECONDS) || System.nanoTime() - end >= 0) {
                close();
                throw new IOException("jetty-home did not start: " + log());
            }
        }
    }

    String log() throws IOException {
        return Files.readString(log);
    }

    /** The port of the connector whose default protocol is this one. */
    int port(String protocol) throws IOException {
        Matcher matcher = CONNECTOR.matcher(log());
        while (matcher.find()) {
            if (matcher.group(1).equalsIgnoreCase(protocol)) {
                return Integer.parseInt(matcher.group(2));
            }
        }
        throw new IOException("no connector for " + protocol + ": " + log());
    }

    Process process() {
        return process;
    }

    @Override
    public void close() {
        if (process != null) {
            process.descendants().forEach(ProcessHandle::destroy);
            process.destroy();
            try {
                if (!process.waitFor(20, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException x) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }
}
