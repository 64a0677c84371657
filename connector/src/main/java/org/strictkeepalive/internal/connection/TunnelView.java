package org.strictkeepalive.internal.connection;

import java.util.function.BooleanSupplier;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;

/** The view of a connection that can become a tunnel: Jetty 12.1 asks for that when a servlet upgrades a request. */
final class TunnelView extends ConnectionView implements Connection.Tunnel {
    private TunnelView(AbstractMetaDataConnection connection, EndPoint endPoint, BooleanSupplier closeUnnoticed) {
        super(connection, endPoint, closeUnnoticed);
    }

    static ConnectionView of(AbstractMetaDataConnection connection, EndPoint endPoint, BooleanSupplier closeUnnoticed) {
        return connection instanceof Connection.Tunnel
                ? new TunnelView(connection, endPoint, closeUnnoticed)
                : new ConnectionView(connection, endPoint, closeUnnoticed);
    }

    @Override
    public void startTunnel() {
        ((Connection.Tunnel) http()).startTunnel();
    }
}
