package org.strictkeepalive.internal.jetty;

import java.net.SocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.NegotiatingServerConnection;
import org.eclipse.jetty.server.ServerConnector;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.connection.Handshake;
import org.strictkeepalive.internal.connection.Sockets;
import org.strictkeepalive.internal.policy.Peers;
import org.strictkeepalive.internal.server.ServerGovernor;

/**
 * The connections of a connector in a phase before HTTP: TLS handshake, ALPN, PROXY, protocol detection. Safe for use by
 * any thread.
 */
final class Phases {
    private final Governor governor;
    private final ServerGovernor server;
    /** By the endpoint of the socket. */
    private final Map<EndPoint, Handshake> handshakes = new ConcurrentHashMap<>();

    Phases(Governor governor, ServerGovernor server) {
        this.governor = governor;
        this.server = server;
    }

    /** The phase before HTTP is over. Returns its connection, which closes nothing any more; null if there was none. */
    Handshake take(EndPoint innermost) {
        Handshake handshake = handshakes.isEmpty() ? null : handshakes.remove(innermost);
        if (handshake != null) {
            handshake.over();
        }
        return handshake;
    }

    void remove(Handshake handshake) {
        handshakes.remove(handshake.endPoint(), handshake);
    }

    void clear() {
        handshakes.clear();
    }

    /** Jetty has opened a connection that is not one of HTTP. */
    void onOpened(Connection connection) {
        EndPoint innermost = Sockets.innermost(connection.getEndPoint());
        if (!isPhase(connection)) {
            Handshake handshake = take(innermost);
            if (handshake != null) {
                server.onClosed(handshake, CloseReason.OTHER_PROTOCOL);
            }
            SocketAddress address = connection.getEndPoint().getRemoteSocketAddress();
            server.connectors().ungoverned().add(innermost, connection, Peers.key(address));
            return;
        }
        if (connection instanceof SslConnection ssl
                && ConnectionGuard.of(ssl.getSslEndPoint().getConnection().getEndPoint()) != null) {
            return;
        }
        if (!handshakes.containsKey(innermost)) {
            Handshake handshake = new Handshake(governor, innermost);
            handshakes.put(innermost, handshake);
            server.onOpened(handshake, handshake.due());
            if (!innermost.isOpen()) {
                // Jetty may have reported its close already.
                governor.closed(handshake, handshake.reason());
            }
        }
    }

    /** Jetty has closed a connection that is not one of HTTP. */
    void onClosed(Connection connection) {
        EndPoint innermost = Sockets.innermost(connection.getEndPoint());
        if (!innermost.isOpen()) {
            server.connectors().ungoverned().remove(innermost);
        }
        if (!handshakes.isEmpty() && !innermost.isOpen()) {
            Handshake handshake = handshakes.get(innermost);
            if (handshake != null) {
                governor.closed(handshake, handshake.reason());
            }
        }
    }

    /**
     * Whether a connection belongs to a phase before HTTP. The connections of PROXY and of protocol detection are not
     * public, but they are in the package of their factories, and no connection of a protocol is.
     */
    private static boolean isPhase(Connection connection) {
        return connection instanceof SslConnection
                || connection instanceof NegotiatingServerConnection
                || connection.getClass().getPackage() == ServerConnector.class.getPackage();
    }
}
