package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.IdleTimeout;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.ProxyConnectionFactory.ProxyEndPoint;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.internal.policy.Peers;

/** The endpoint that Jetty's connection sees. It delegates to the real endpoint whatever the guard doesn't change. */
public abstract class GuardEndPoint extends ConnectionExchange implements EndPoint, EndPoint.Wrapper {
    /** The endpoint without the guard, as applications see it. */
    private final EndPoint shown;
    /**
     * The endpoint that reads and writes: the same, or the one inside a {@code ProxyEndPoint}, which only changes the
     * addresses.
     */
    final EndPoint endPoint;

    /** Made when it is asked for. Several threads may make it, and make equal ones. */
    private Object peer;

    GuardEndPoint(Governor governor, EndPoint shown) {
        super(governor);
        this.shown = shown;
        endPoint = shown.getClass() == ProxyEndPoint.class ? ((ProxyEndPoint) shown).unwrap() : shown;
    }

    /**
     * The endpoint of the socket, below TLS. Looked for each time: no request needs it, and a field would take four bytes
     * of each connection.
     */
    public final EndPoint innermost() {
        return Sockets.innermost(endPoint);
    }

    final boolean isTls() {
        return endPoint instanceof SslConnection.SslEndPoint;
    }

    @Override
    public final boolean isHandshaking() {
        return endPoint instanceof SslConnection.SslEndPoint ssl
                && "NONE"
                        .equals(ssl.getSslConnection()
                                .getSSLEngine()
                                .getSession()
                                .getProtocol());
    }

    @Override
    public final boolean isSocketOpen() {
        return innermost().isOpen();
    }

    /** Since when the socket has moved nothing, in nanoseconds. */
    final long idleOfSocket() {
        return innermost() instanceof IdleTimeout socket ? socket.getIdleFor() * 1_000_000 : Long.MAX_VALUE;
    }

    final boolean isWritePending() {
        return endPoint instanceof AbstractEndPoint ep && ep.getWriteFlusher().isPending();
    }

    /** Whether the endpoint's idle timeout is still the connector's own. */
    final boolean isIdleTimeoutOfConnector() {
        return endPoint.getIdleTimeout() * 1_000_000 == governor.idleTimeout();
    }

    /** The address of the client. If there was a PROXY header, it is the address in that. */
    @Override
    public final SocketAddress remoteAddress() {
        return getRemoteSocketAddress();
    }

    @Override
    public final Object peer() {
        if (peer == null) {
            peer = Peers.key(remoteAddress());
        }
        return peer;
    }

    @Override
    public final EndPoint unwrap() {
        return shown;
    }

    @Override
    public SocketAddress getLocalSocketAddress() {
        return shown.getLocalSocketAddress();
    }

    @Override
    public SocketAddress getRemoteSocketAddress() {
        return shown.getRemoteSocketAddress();
    }

    /** Abstract in Jetty 12.0, gone in 12.1. */
    public InetSocketAddress getLocalAddress() {
        return getLocalSocketAddress() instanceof InetSocketAddress address ? address : null;
    }

    /** Abstract in Jetty 12.0, gone in 12.1. */
    public InetSocketAddress getRemoteAddress() {
        return getRemoteSocketAddress() instanceof InetSocketAddress address ? address : null;
    }

    @Override
    public SslSessionData getSslSessionData() {
        return shown.getSslSessionData();
    }

    @Override
    public boolean isSecure() {
        return shown.isSecure();
    }

    @Override
    public boolean isOpen() {
        return endPoint.isOpen();
    }

    @Override
    public long getCreatedTimeStamp() {
        return endPoint.getCreatedTimeStamp();
    }

    @Override
    public boolean isOutputShutdown() {
        return endPoint.isOutputShutdown();
    }

    @Override
    public boolean isInputShutdown() {
        return endPoint.isInputShutdown();
    }

    @Override
    public SocketAddress receive(ByteBuffer buffer) throws IOException {
        return endPoint.receive(buffer);
    }

    @Override
    public boolean flush(ByteBuffer... buffers) throws IOException {
        return endPoint.flush(buffers);
    }

    @Override
    public boolean send(SocketAddress address, ByteBuffer... buffers) throws IOException {
        return endPoint.send(address, buffers);
    }

    @Override
    public void write(Callback callback, SocketAddress address, ByteBuffer... buffers) {
        endPoint.write(callback, address, buffers);
    }

    @Override
    public void write(boolean last, ByteBuffer buffer, Callback callback) {
        endPoint.write(last, buffer, callback);
    }

    @Override
    public Callback cancelWrite(Throwable cause) {
        return endPoint.cancelWrite(cause);
    }

    @Override
    public Object getTransport() {
        return endPoint.getTransport();
    }

    @Override
    public long getIdleTimeout() {
        return endPoint.getIdleTimeout();
    }

    @Override
    public void setIdleTimeout(long idleTimeout) {
        endPoint.setIdleTimeout(idleTimeout);
    }

    @Override
    public Connection getConnection() {
        return endPoint.getConnection();
    }

    @Override
    public void onOpen() {
        endPoint.onOpen();
    }

    @Override
    public void onClose(Throwable cause) {
        endPoint.onClose(cause);
    }
}
