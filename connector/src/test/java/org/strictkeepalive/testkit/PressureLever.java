package org.strictkeepalive.testkit;

import org.strictkeepalive.PressureLevel;

/** A pressure source of a server whose value a test sets. */
public final class PressureLever {
    private final TestServer server;
    private volatile double share;

    public PressureLever(TestServer server) {
        this.server = server;
        server.monitor().addPressureSource(() -> share);
    }

    public void set(double value) {
        share = value;
    }

    /** Sets it, and waits until the server is at that level. */
    public void set(double value, PressureLevel level) {
        set(value);
        server.awaitLevel(level);
    }
}
