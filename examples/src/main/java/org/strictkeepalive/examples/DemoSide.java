package org.strictkeepalive.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** One half of the demo: a server, its clients, and what was seen of them over time. */
final class DemoSide implements AutoCloseable {
    /**
     * One moment.
     *
     * @param seconds since the start
     * @param descriptors that the server's process holds
     * @param level of pressure, null where the server doesn't tell
     * @param served visitors so far
     * @param turnedAway visitors so far
     * @param leaks opened so far
     */
    record Sample(double seconds, int descriptors, String level, long served, long turnedAway, int leaks) {}

    /**
     * The end of the story.
     *
     * @param served visitors
     * @param turnedAway visitors
     * @param slowestVisitMs the slowest visit in milliseconds
     * @param politeServed requests of polite clients
     * @param politeLost requests of polite clients
     * @param politeRetried requests of polite clients that were asked once more, as the server closed without an answer
     * @param mostDescriptors that the server's process held
     * @param tooManyOpenFiles lines of its log that say so
     */
    record Result(
            long served,
            long turnedAway,
            long slowestVisitMs,
            long politeServed,
            long politeLost,
            long politeRetried,
            int mostDescriptors,
            long tooManyOpenFiles) {
        double shareServed() {
            long all = served + turnedAway;
            return all == 0 ? 0 : (double) served / all;
        }

        boolean isEverybodyServed() {
            return served > 0 && turnedAway == 0 && politeServed > 0 && politeLost == 0;
        }
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STATUS_TIMEOUT_MS = 200;

    private final String name;
    private final boolean plain;
    private final ServeProcess server;
    private final Crowd crowd;
    private final List<Sample> samples = new ArrayList<>();

    DemoSide(String name, boolean plain, Path directory, int limit) throws IOException, InterruptedException {
        this.name = name;
        this.plain = plain;
        server = ServeProcess.start(directory.resolve(name + ".log"), limit, plain ? List.of("--plain") : List.of());
        crowd = new Crowd(server.address());
    }

    void warmUp() throws InterruptedException {
        crowd.warmUp();
        if (!plain) {
            level();
        }
    }

    String name() {
        return name;
    }

    Crowd crowd() {
        return crowd;
    }

    List<Sample> samples() {
        return samples;
    }

    Path log() {
        return server.log();
    }

    Sample sample(double seconds) {
        Sample sample = new Sample(
                seconds,
                server.descriptors(),
                plain || !server.isAlive() ? null : level(),
                crowd.served.sum(),
                crowd.turnedAway.sum(),
                crowd.held());
        samples.add(sample);
        return sample;
    }

    private String level() {
        InetSocketAddress address = server.address();
        try {
            URI uri = URI.create("http://" + address.getHostString() + ":" + address.getPort() + "/status");
            HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
            connection.setConnectTimeout(STATUS_TIMEOUT_MS);
            connection.setReadTimeout(STATUS_TIMEOUT_MS);
            connection.setRequestProperty("Connection", "close");
            try (var in = connection.getInputStream()) {
                return JSON.readTree(in).path("level").asText(null);
            }
        } catch (IOException x) {
            return null;
        }
    }

    Result result() throws IOException {
        crowd.requireLeaks();
        return new Result(
                crowd.served.sum(),
                crowd.turnedAway.sum(),
                crowd.slowestVisit(),
                crowd.politeServed.sum(),
                crowd.politeLost.sum(),
                crowd.politeRetried.sum(),
                samples.stream().mapToInt(Sample::descriptors).max().orElse(-1),
                server.tooManyOpenFiles());
    }

    @Override
    public void close() {
        crowd.close();
        server.close();
    }
}
