package org.strictkeepalive.internal.connection;

import java.net.SocketAddress;
import java.util.EventListener;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractMetaDataConnection;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.HostPort;

/**
 * The connection that requests show to applications and customizers. It delegates to Jetty's own connection, but shows
 * the endpoint that this would have without the guard. Applications and customizers cast the endpoint, for example to
 * {@code SslConnection.SslEndPoint}, and the connection to {@code AbstractMetaDataConnection}, the nearest public class
 * of Jetty's.
 */
public class ConnectionView extends AbstractMetaDataConnection {
    private final AbstractMetaDataConnection http;
    private final BooleanSupplier closeUnnoticed;

    /**
     * Creates the view of a connection.
     *
     * @param endPoint the endpoint to show
     * @param closeUnnoticed whether a response says close in a way that the connection doesn't notice
     */
    ConnectionView(AbstractMetaDataConnection connection, EndPoint endPoint, BooleanSupplier closeUnnoticed) {
        super(connection.getConnector(), connection.getHttpConfiguration(), endPoint);
        http = connection;
        this.closeUnnoticed = closeUnnoticed;
    }

    final AbstractMetaDataConnection http() {
        return http;
    }

    // ---- What requests ask

    @Override
    public String getId() {
        return http.getId();
    }

    @Override
    public HttpVersion getHttpVersion() {
        return http.getHttpVersion();
    }

    @Override
    public String getProtocol() {
        return http.getProtocol();
    }

    @Override
    public boolean isPersistent() {
        return http.isPersistent() && !closeUnnoticed.getAsBoolean();
    }

    @Override
    public boolean isSecure() {
        return http.isSecure();
    }

    @Override
    public boolean isPushSupported() {
        return http.isPushSupported();
    }

    @Override
    public SocketAddress getRemoteSocketAddress() {
        return http.getRemoteSocketAddress();
    }

    @Override
    public SocketAddress getLocalSocketAddress() {
        return http.getLocalSocketAddress();
    }

    @Override
    public HostPort getServerAuthority() {
        return http.getServerAuthority();
    }

    @Override
    public Object removeAttribute(String name) {
        return http.removeAttribute(name);
    }

    @Override
    public Object setAttribute(String name, Object attribute) {
        return http.setAttribute(name, attribute);
    }

    @Override
    public Object getAttribute(String name) {
        return http.getAttribute(name);
    }

    @Override
    public Set<String> getAttributeNameSet() {
        return http.getAttributeNameSet();
    }

    @Override
    public void clearAttributes() {
        http.clearAttributes();
    }

    // ---- The connection

    @Override
    public void addEventListener(EventListener listener) {
        http.addEventListener(listener);
    }

    @Override
    public void removeEventListener(EventListener listener) {
        http.removeEventListener(listener);
    }

    @Override
    public int getInputBufferSize() {
        return http.getInputBufferSize();
    }

    @Override
    public void setInputBufferSize(int size) {
        http.setInputBufferSize(size);
    }

    @Override
    public void fillInterested() {
        http.fillInterested();
    }

    @Override
    public void tryFillInterested(Callback callback) {
        http.tryFillInterested(callback);
    }

    @Override
    public boolean isFillInterested() {
        return http.isFillInterested();
    }

    @Override
    public void onFillable() {
        http.onFillable();
    }

    @Override
    public void onOpen() {
        http.onOpen();
    }

    @Override
    public void onClose(Throwable cause) {
        http.onClose(cause);
    }

    @Override
    public void close() {
        http.close();
    }

    @Override
    public boolean onIdleExpired(TimeoutException timeout) {
        return http.onIdleExpired(timeout);
    }

    @Override
    public long getMessagesIn() {
        return http.getMessagesIn();
    }

    @Override
    public long getMessagesOut() {
        return http.getMessagesOut();
    }

    @Override
    public long getBytesIn() {
        return http.getBytesIn();
    }

    @Override
    public long getBytesOut() {
        return http.getBytesOut();
    }

    @Override
    public long getCreatedTimeStamp() {
        return http.getCreatedTimeStamp();
    }

    @Override
    public String toConnectionString() {
        return http.toConnectionString();
    }
}
