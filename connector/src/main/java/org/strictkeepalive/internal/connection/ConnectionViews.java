package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;

/** Makes the connection as requests show it, with what the running Jetty knows. */
final class ConnectionViews {
    private static final boolean HAS_TUNNELS = hasTunnels();

    private ConnectionViews() {}

    /**
     * Makes one.
     *
     * @param endPoint the endpoint to show
     */
    static ConnectionView of(AbstractMetaDataConnection connection, EndPoint endPoint) {
        // Nothing here may make the verifier of Jetty 12.0 load a class that implements Tunnel.
        return HAS_TUNNELS ? TunnelView.of(connection, endPoint) : new ConnectionView(connection, endPoint);
    }

    /** Jetty 12.0 has no such interface. */
    private static boolean hasTunnels() {
        try {
            return Connection.Tunnel.class.isInterface();
        } catch (NoClassDefFoundError x) {
            return false;
        }
    }
}
