package org.strictkeepalive;

import java.util.EventListener;
import org.eclipse.jetty.io.Connection;

/**
 * Hears what the policy does: added with {@link DescriptorMonitor#addListener}.
 *
 * <p>It is called on a thread of the server's pool, one event at a time and in their order, after the fact: neither a
 * request nor a deadline waits for it. What it throws is counted as a {@linkplain
 * DescriptorMonitor#getProbeFailureCount() failure}. Where it is so slow that 1024 events wait, further ones are
 * {@linkplain DescriptorMonitor#getLostEventCount() left out}. It need not be safe for use by several threads
 * unless it is added to the monitors of several servers.
 */
public interface KeepAliveListener extends EventListener {
    /**
     * The policy has decided to close a connection: an idle one now, one with a request in progress behind its response.
     * A close that the client, the application or Jetty itself decided is not an event.
     *
     * @param connection the connection, or in a TLS handshake that of the handshake; perhaps closed meanwhile
     * @param reason the reason for which it will be counted
     */
    default void onClosing(Connection connection, CloseReason reason) {}

    /**
     * The level of pressure has changed.
     *
     * @param from the level before
     * @param to the level since
     * @param usage the pressure, from 0 to 1
     */
    default void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {}
}
