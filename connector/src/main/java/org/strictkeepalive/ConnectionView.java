package org.strictkeepalive;

import java.util.EventListener;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;
import org.eclipse.jetty.server.ConnectionMetaData;

/**
 * A connection as requests show it: Jetty's own, but with the endpoint that it would have without the guard. Applications
 * and customizers cast that to what they know, such as {@code SslConnection.SslEndPoint}.
 */
class ConnectionView extends ConnectionMetaData.Wrapper implements Connection {
    private static final boolean HAS_TUNNELS = hasTunnels();

    ConnectionView(AbstractMetaDataConnection connection) {
        super(connection);
    }

    static ConnectionView of(AbstractMetaDataConnection connection) {
        // Nothing here may make the verifier of Jetty 12.0 load a class that implements Tunnel.
        return HAS_TUNNELS ? TunnelView.of(connection) : new ConnectionView(connection);
    }

    /** Jetty 12.0 has no such interface. */
    private static boolean hasTunnels() {
        try {
            return Connection.Tunnel.class.isInterface();
        } catch (NoClassDefFoundError x) {
            return false;
        }
    }

    final AbstractMetaDataConnection http() {
        return (AbstractMetaDataConnection) getWrapped();
    }

    @Override
    public Connection getConnection() {
        return this;
    }

    @Override
    public EndPoint getEndPoint() {
        EndPoint endPoint = http().getEndPoint();
        return endPoint instanceof ConnectionGuard guard ? guard.unwrap() : endPoint;
    }

    @Override
    public void addEventListener(EventListener listener) {
        http().addEventListener(listener);
    }

    @Override
    public void removeEventListener(EventListener listener) {
        http().removeEventListener(listener);
    }

    @Override
    public void onOpen() {
        http().onOpen();
    }

    @Override
    public void onClose(Throwable cause) {
        http().onClose(cause);
    }

    @Override
    public void close() {
        http().close();
    }

    @Override
    public boolean onIdleExpired(TimeoutException timeout) {
        return http().onIdleExpired(timeout);
    }

    @Override
    public long getMessagesIn() {
        return http().getMessagesIn();
    }

    @Override
    public long getMessagesOut() {
        return http().getMessagesOut();
    }

    @Override
    public long getBytesIn() {
        return http().getBytesIn();
    }

    @Override
    public long getBytesOut() {
        return http().getBytesOut();
    }

    @Override
    public long getCreatedTimeStamp() {
        return http().getCreatedTimeStamp();
    }

    @Override
    public String toString() {
        return http().toString();
    }
}
