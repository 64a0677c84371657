package org.strictkeepalive;

/** A pressure source of a server whose value a test sets. */
final class PressureLever {
    private final TestServer server;
    private volatile double share;

    PressureLever(TestServer server) {
        this.server = server;
        server.monitor().addPressureSource(() -> share);
    }

    void set(double value) {
        share = value;
    }

    /** Sets it, and waits until the server is at that level. */
    void set(double value, PressureLevel level) {
        set(value);
        server.awaitLevel(level);
    }
}
