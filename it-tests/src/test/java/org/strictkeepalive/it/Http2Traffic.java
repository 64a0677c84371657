package org.strictkeepalive.it;

import java.net.URI;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** What one client of HTTP/2 sends to a server, and what became of it. Safe for use by any thread. */
final class Http2Traffic {
    /** Users of a client, each of which sends one request after the other. */
    static final int USERS = 8;

    private static final int SPREAD_MS = 60;

    private final String name;
    private final int clearPort;
    private final int securePort;
    /** The mean pause between two requests of a user. */
    private final int pauseMs;

    private final long endNanos;

    private final AtomicInteger sent = new AtomicInteger();
    private final AtomicInteger answered = new AtomicInteger();
    /** Why requests failed, by their paths. */
    private final Map<String, String> failures = new ConcurrentHashMap<>();

    Http2Traffic(Http2RealClient client, int clearPort, int securePort, int pauseMs, long millis) {
        name = client.name();
        this.clearPort = clearPort;
        this.securePort = securePort;
        this.pauseMs = pauseMs;
        endNanos = System.nanoTime() + millis * 1_000_000;
    }

    int clearPort() {
        return clearPort;
    }

    int securePort() {
        return securePort;
    }

    int pauseMs() {
        return pauseMs;
    }

    URI clear(String path) {
        return URI.create("http://127.0.0.1:" + clearPort + path);
    }

    URI secure(String path) {
        return URI.create("https://localhost:" + securePort + path);
    }

    String prefix() {
        return "/" + name + "/";
    }

    String path(int user, int number) {
        return prefix() + user + "/" + number;
    }

    long leftMs() {
        return (endNanos - System.nanoTime()) / 1_000_000;
    }

    /** A pause at random, the same ones for each run of a user. */
    int pause(Random random) {
        return random.nextInt(Math.max(1, pauseMs - SPREAD_MS), pauseMs + SPREAD_MS);
    }

    void answered(int count) {
        sent.addAndGet(count);
        answered.addAndGet(count);
    }

    void failed(String path, String why) {
        sent.incrementAndGet();
        failures.put(path, why);
    }

    int sent() {
        return sent.get();
    }

    int answered() {
        return answered.get();
    }

    Map<String, String> failures() {
        return failures;
    }

    @Override
    public String toString() {
        return failures.size() + " of " + sent;
    }
}
