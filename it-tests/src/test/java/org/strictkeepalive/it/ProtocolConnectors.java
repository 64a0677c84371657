package org.strictkeepalive.it;

import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;

/**
 * The connectors of a server that speaks HTTP/1.1 and HTTP/2.
 *
 * @param clear without TLS, with HTTP/2 by an upgrade or by prior knowledge
 * @param secure with TLS, with HTTP/2 by ALPN
 */
record ProtocolConnectors(ServerConnector clear, ServerConnector secure) {
    /** Makes both, and adds them to the server. */
    static ProtocolConnectors add(Server server, Keys keys) {
        HttpConfiguration config = new HttpConfiguration();
        config.addCustomizer(new SecureRequestCustomizer(false));
        ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
        alpn.setDefaultProtocol("http/1.1");
        return new ProtocolConnectors(
                connector(server, new HttpConnectionFactory(config), new HTTP2CServerConnectionFactory(config)),
                connector(
                        server,
                        new SslConnectionFactory(keys.server(), alpn.getProtocol()),
                        alpn,
                        new HTTP2ServerConnectionFactory(config),
                        new HttpConnectionFactory(config)));
    }

    private static ServerConnector connector(Server server, ConnectionFactory... factories) {
        ServerConnector connector = new ServerConnector(server, 1, 1, factories);
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        return connector;
    }
}
