package org.strictkeepalive.internal.server;

import org.eclipse.jetty.server.AbstractConnector;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.policy.Decisions;

/** A connector as the server's governor sees it. */
public interface GovernedConnector {
    /** Its name for operators, that of its start. */
    String name();

    /** Jetty's connector. */
    AbstractConnector connector();

    /** The decisions that follow from the connector's policy. */
    Decisions decisions();

    /** The connector's idle timeout in nanoseconds, zero or less for none. */
    long idleTimeout();

    /** Whether the connector shuts down: its idle connections end. */
    boolean isShutdown();

    /** Takes over the settings of pressure that another connector of the server has got. */
    void adoptPressureSettings(KeepAlivePolicy changed);
}
