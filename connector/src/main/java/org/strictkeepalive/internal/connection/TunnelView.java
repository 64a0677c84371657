package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;

/** The view of a connection that can become a tunnel: Jetty 12.1 asks for that when a servlet upgrades a request. */
final class TunnelView extends ConnectionView implements Connection.Tunnel {
    private TunnelView(AbstractMetaDataConnection connection, EndPoint endPoint) {
        super(connection, endPoint);
    }

    static ConnectionView of(AbstractMetaDataConnection connection, EndPoint endPoint) {
        return connection instanceof Connection.Tunnel
                ? new TunnelView(connection, endPoint)
                : new ConnectionView(connection, endPoint);
    }

    @Override
    public void startTunnel() {
        ((Connection.Tunnel) http()).startTunnel();
    }
}
