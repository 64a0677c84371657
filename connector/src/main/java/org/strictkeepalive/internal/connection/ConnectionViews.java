package org.strictkeepalive.internal.connection;

import java.util.function.BooleanSupplier;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;

/** Creates the connections that requests show. They can become tunnels if the running Jetty has tunnels. */
final class ConnectionViews {
    private static final boolean HAS_TUNNELS = hasTunnels();

    private ConnectionViews() {}

    /**
     * Creates the view of a connection.
     *
     * @param endPoint the endpoint to show
     * @param closeUnnoticed whether a response says close in a way that the connection doesn't notice
     */
    static ConnectionView of(AbstractMetaDataConnection connection, EndPoint endPoint, BooleanSupplier closeUnnoticed) {
        // On Jetty 12.0 the JVM's verifier must not load TunnelView, so this class never uses it as a ConnectionView.
        return HAS_TUNNELS
                ? TunnelView.of(connection, endPoint, closeUnnoticed)
                : new ConnectionView(connection, endPoint, closeUnnoticed);
    }

    /** Whether Jetty has the interface; 12.0 has not. */
    private static boolean hasTunnels() {
        try {
            return Connection.Tunnel.class.isInterface();
        } catch (NoClassDefFoundError x) {
            return false;
        }
    }
}
