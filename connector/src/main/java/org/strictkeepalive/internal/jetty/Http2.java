package org.strictkeepalive.internal.jetty;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.util.component.Container;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.http2.Http2Connections;
import org.strictkeepalive.internal.observe.OperatorLog;

/**
 * The HTTP/2 of a connector, if it has one. Without {@code jetty-http2-common} its connections are not governed. Safe
 * for use by any thread, except {@link #govern} and {@link #release}.
 */
final class Http2 {
    private static final Logger LOG = LoggerFactory.getLogger(OperatorLog.LOGGER);

    private final Governor governor;
    private final Set<HttpConfiguration> configurations = Collections.newSetFromMap(new IdentityHashMap<>());
    /** Null if there is nothing to govern. */
    private volatile Http2Connections connections;

    Http2(Governor governor) {
        this.governor = governor;
    }

    /** The connector starts. */
    void govern(AbstractConnector connector) {
        List<ConnectionFactory> factories = new ArrayList<>();
        addHttp2(connector.getConnectionFactories(), factories);
        addHttp2(connector.getContainedBeans(ConnectionFactory.class), factories);
        if (factories.isEmpty()) {
            return;
        }
        try {
            connections = Http2Connections.of(governor);
        } catch (NoClassDefFoundError x) {
            LOG.warn(
                    "{} speaks HTTP/2, whose connections are not governed: the strict connector doesn't see"
                            + " jetty-http2-common",
                    connector);
            return;
        }
        for (ConnectionFactory factory : factories) {
            if (factory instanceof HttpConfiguration.ConnectionFactory http) {
                configurations.add(http.getHttpConfiguration());
            } else if (factory instanceof Container container) {
                configurations.addAll(container.getBeans(HttpConfiguration.class)); // Jetty 12.0
            }
        }
        configurations.forEach(one -> one.getCustomizers().add(0, connections));
    }

    /** Without a stream and without a function: each makes classes, and every start of a connector runs this. */
    private static void addHttp2(Collection<ConnectionFactory> some, List<ConnectionFactory> found) {
        for (ConnectionFactory factory : some) {
            for (String protocol : factory.getProtocols()) {
                if (protocol.equalsIgnoreCase("h2") || protocol.equalsIgnoreCase("h2c")) {
                    found.add(factory);
                }
            }
        }
    }

    /** The connector has stopped. */
    void release() {
        Http2Connections ended = connections;
        if (ended != null) {
            configurations.forEach(one -> one.getCustomizers().remove(ended));
            configurations.clear();
            ended.clear();
            connections = null;
        }
    }

    /** Whether a connection is one of HTTP/2 that can be governed. */
    boolean isOne(Connection connection) {
        Http2Connections all = connections;
        return all != null && all.isOne(connection);
    }

    /**
     * The connection that plain Jetty would have made of such a connection, by prior knowledge. It doesn't keep the guard
     * of the connection before, whose state it doesn't need, and applications see the endpoint that they know.
     */
    Connection withEndPoint(EndPoint endPoint, AbstractConnector connector, Connection made) {
        // The begin of the preface, as Jetty's parser of HTTP/1.1 sees it.
        MetaData.Request preface = new MetaData.Request("PRI", HttpURI.from("*"), HttpVersion.HTTP_2, HttpFields.EMPTY);
        for (ConnectionFactory factory : connector.getConnectionFactories()) {
            // The factory that has made it: Jetty looks for it in the same way.
            if (factory instanceof ConnectionFactory.Upgrading upgrading
                    && factory.getProtocols().contains("h2c")) {
                Connection other = upgrading.upgradeConnection(connector, endPoint, preface, HttpFields.build());
                return isOne(other) ? other : made;
            }
        }
        return made;
    }

    /** Whether an endpoint is a tunnel in a stream of such a connection. It has no socket of its own. */
    boolean isTunnel(EndPoint endPoint) {
        Http2Connections all = connections;
        return all != null && all.isTunnel(endPoint);
    }

    /** Begins to govern such a connection, see {@link Http2Connections#open}. */
    void open(Connection connection, long acceptedAt, boolean counted, Http2Connections.Opened opened) {
        Http2Connections all = connections;
        if (all != null) {
            all.open(connection, acceptedAt, counted, opened);
        }
    }

    /** Jetty's connection was closed. Returns false if it is not governed here. */
    boolean onClosed(Connection connection) {
        Http2Connections all = connections;
        return all != null && all.onClosed(connection);
    }
}
