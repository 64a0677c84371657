package org.strictkeepalive.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** {@link Attackers} in a process of their own. */
final class Attack implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;
    private boolean come;
    private int connected;
    private long stall;

    /**
     * Starts an attack, and waits for its first connection.
     *
     * @param kinds what the clients do, in turn
     * @param count how many there are
     * @param perSecond how many are opened a second, 0 for all at once
     */
    Attack(Serve serve, List<Attackers.Kind> kinds, int count, int perSecond) throws IOException {
        this(serve.http(), kinds, count, perSecond);
    }

    /** The same on any server. */
    Attack(Http http, List<Attackers.Kind> kinds, int count, int perSecond) throws IOException {
        process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx2g",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Attackers.class.getName(),
                        Integer.toString(http.address().getPort()),
                        Boolean.toString(http.tls() != null),
                        kinds.stream().map(Enum::name).collect(Collectors.joining(",")),
                        Integer.toString(count),
                        Integer.toString(perSecond))
                .redirectErrorStream(true)
                .start();
        output = process.inputReader(StandardCharsets.UTF_8);
        String line = output.readLine();
        if (!Attackers.BEGUN.equals(line)) {
            throw new IOException("the attack did not begin: " + line);
        }
    }

    /** Whether nearly all clients have connected. */
    boolean hasCome() throws IOException {
        if (!come && output.ready()) {
            come = Attackers.COME.equals(output.readLine());
        }
        return come;
    }

    /** How many clients have connected; known at the end. */
    int connected() {
        return connected;
    }

    /** The longest time, in milliseconds, for which no client did anything; known at the end. */
    long stall() {
        return stall;
    }

    /** Ends the attack; throws what ended it before. */
    @Override
    public void close() throws IOException, InterruptedException {
        process.getOutputStream().close();
        List<String> rest =
                output.lines().filter(line -> !line.equals(Attackers.COME)).toList();
        if (process.waitFor() != 0) {
            throw new IllegalStateException("the attack itself failed: " + rest);
        }
        connected = Integer.parseInt(rest.get(0));
        stall = Long.parseLong(rest.get(1));
    }
}
