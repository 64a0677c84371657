package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.util.thread.Scheduler;
import org.strictkeepalive.testkit.MemoryEndPoint;

/** A client, by its endpoint in memory at the server. */
final class MemoryClient extends MemoryEndPoint {
    private final StringBuilder received = new StringBuilder();
    /** How many of its requests the application got. */
    int executed;
    /** Ends the exchange that the application holds. */
    volatile Runnable exchange;

    MemoryClient(Scheduler scheduler) {
        super(scheduler);
    }

    ConnectionGuard guard() {
        return ConnectionGuard.of(getConnection().getEndPoint());
    }

    /** How often that text came, since it was last forgotten. */
    int count(String text) {
        received.append(takeOutputString());
        return received.toString().split(text, -1).length - 1;
    }

    void forget() {
        takeOutputString();
        executed = 0;
    }

    boolean isShut() {
        return isOutputShutdown() || !isOpen();
    }
}
