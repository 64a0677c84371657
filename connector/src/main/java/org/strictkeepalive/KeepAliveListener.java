package org.strictkeepalive;

import java.util.EventListener;
import org.eclipse.jetty.io.Connection;

/**
 * Listens to what the policy does. Add it with {@link DescriptorMonitor#addListener}.
 *
 * <p>All listeners of a server are called on one daemon thread of their own, one event at a time and in order, after
 * the fact. No request and no deadline waits for a listener, but the other listeners do. What a listener throws is
 * counted as a {@linkplain DescriptorMonitor#getProbeFailureCount() failure}. If listeners are so slow that 1024 events
 * wait, further events are {@linkplain DescriptorMonitor#getLostEventCount() left out}. A listener need not be safe for
 * use by several threads unless it is added to the monitors of several servers.
 */
public interface KeepAliveListener extends EventListener {
    /**
     * The policy has decided to close a connection. An idle one is closed now, one with a request in progress after its
     * response. A close that the client, the application or Jetty itself has decided is not an event.
     *
     * @param connection the connection, or during a TLS handshake that of the handshake; it may have closed meanwhile
     * @param reason the reason under which the close will be counted
     */
    default void onClosing(Connection connection, CloseReason reason) {}

    /**
     * The level of pressure has changed.
     *
     * @param from the level before
     * @param to the level now
     * @param usage the pressure, from 0 to 1
     */
    default void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {}
}
