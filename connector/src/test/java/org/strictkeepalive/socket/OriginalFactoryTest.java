package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.ContainerLifeCycle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.StrictKeepAlive;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.OperatorLines;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Factories of frameworks go on making the connections, and their connections are governed. */
class OriginalFactoryTest {
    private static final KeepAlivePolicy TWO_REQUESTS =
            KeepAlivePolicy.builder().maxRequestsPerConnection(2).build();

    private final Server server = new Server();

    /** As products have them, for faults or for a connection of a class of their own. */
    private static final class OwnFactory extends HttpConnectionFactory {
        private final AtomicInteger made = new AtomicInteger();

        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            made.incrementAndGet();
            return super.newConnection(connector, endPoint);
        }
    }

    /** As Dropwizard and Druid have it, for a metric of each connection. */
    private static final class Instrumented extends ContainerLifeCycle implements ConnectionFactory {
        private final ConnectionFactory inner;
        private final AtomicInteger opened = new AtomicInteger();
        private final AtomicInteger closed = new AtomicInteger();

        private Instrumented(ConnectionFactory inner) {
            this.inner = inner;
            addBean(inner);
        }

        @Override
        public String getProtocol() {
            return inner.getProtocol();
        }

        @Override
        public List<String> getProtocols() {
            return inner.getProtocols();
        }

        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            Connection connection = inner.newConnection(connector, endPoint);
            connection.addEventListener(new Connection.Listener() {
                @Override
                public void onOpened(Connection connection) {
                    opened.incrementAndGet();
                }

                @Override
                public void onClosed(Connection connection) {
                    closed.incrementAndGet();
                }
            });
            return connection;
        }
    }

    /** Its connections say hello to everything, and are none of Jetty's. */
    private static final class Foreign extends HttpConnectionFactory {
        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            return new AbstractConnection(endPoint, connector.getExecutor()) {
                @Override
                public void onOpen() {
                    super.onOpen();
                    fillInterested();
                }

                @Override
                public void onFillable() {
                    try {
                        ByteBuffer bytes = BufferUtil.allocate(1024);
                        int filled = getEndPoint().fill(bytes);
                        if (filled < 0) {
                            close();
                        } else if (filled == 0) {
                            fillInterested();
                        } else {
                            byte[] answer =
                                    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
                            getEndPoint().write(Callback.from(this::fillInterested), ByteBuffer.wrap(answer));
                        }
                    } catch (Exception x) {
                        getEndPoint().close(x);
                    }
                }
            };
        }
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    private ServerConnector connector(ConnectionFactory factory) {
        ServerConnector connector = new ServerConnector(server, 1, 1, factory);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.setHandler(TestServer.hello());
        return connector;
    }

    private static RawClient connect(ServerConnector connector) throws Exception {
        RawClient client = new RawClient(Transport.CLEAR.connect(connector.getLocalPort()));
        client.socket().setSoTimeout(20_000);
        return client;
    }

    private void assertTwoRequests(ServerConnector connector) throws Exception {
        try (RawClient client = connect(connector)) {
            assertFalse(client.get().saysClose());
            assertTrue(client.get().saysClose());
            client.awaitEnd();
        }
        KeepAliveStatistics statistics = Inside.monitor(server).getStatistics();
        await().until(() -> Inside.monitor(server).getOpenConnections() == 0);
        assertEquals(1, statistics.getOpened());
        assertEquals(2, statistics.getRequests());
    }

    @Test
    void aFactoryOfAClassOfItsOwn() throws Exception {
        OwnFactory own = new OwnFactory();
        ServerConnector connector = connector(own);
        StrictKeepAlive installed = StrictKeepAlive.install(server, TWO_REQUESTS);
        server.start();
        assertTwoRequests(connector);
        assertEquals(1, own.made.get());

        server.stop();
        installed.uninstall();
        assertSame(own, connector.getDefaultConnectionFactory());
        server.start();
        try (RawClient client = connect(connector)) {
            client.get();
            client.get();
            assertFalse(client.get().saysClose());
        }
        assertEquals(2, own.made.get());
    }

    @Test
    void aFactoryInsideAnother() throws Exception {
        HttpConnectionFactory inner = new HttpConnectionFactory();
        Instrumented outer = new Instrumented(inner);
        ServerConnector connector = connector(outer);
        StrictKeepAlive installed = StrictKeepAlive.install(server, TWO_REQUESTS);
        server.start();
        assertTrue(outer.isStarted() && inner.isStarted());
        assertTwoRequests(connector);
        await().until(() -> outer.closed.get() == 1);
        assertEquals(1, outer.opened.get());

        server.stop();
        assertTrue(outer.isStopped() && inner.isStopped());
        installed.uninstall();
        assertSame(outer, connector.getDefaultConnectionFactory());
        server.start();
        assertTrue(outer.isStarted() && inner.isStarted());
    }

    @Test
    void aStrictFactoryInsideAnotherIsConfiguredAtTheStart() throws Exception {
        StrictKeepAliveConnectionFactory inner =
                new StrictKeepAliveConnectionFactory(new HttpConfiguration(), TWO_REQUESTS);
        Instrumented outer = new Instrumented(inner);
        ServerConnector connector = connector(outer);
        StrictKeepAlive installed = StrictKeepAlive.install(server);
        assertSame(outer, connector.getDefaultConnectionFactory());
        for (int i = 0; i < 2; i++) {
            server.start();
            assertSame(Inside.monitor(server), inner.getDescriptorMonitor());
            assertTrue(
                    inner.getDescriptorMonitor().dump().contains(connector.toString()), "before its first connection");
            server.stop();
        }
        server.start();
        assertTwoRequests(connector);

        server.stop();
        installed.uninstall();
        inner.setPolicy(KeepAlivePolicy.builder().elevatedAt(0.9).highAt(0.8).build());
        StrictKeepAlive.install(server);
        assertThrows(IllegalArgumentException.class, server::start);
    }

    @Test
    void connectionsThatAreNotJettysAreLeftAlone() throws Exception {
        ServerConnector connector = connector(new Foreign());
        StrictKeepAlive.install(server, TWO_REQUESTS);
        server.start();
        String log = OperatorLines.captured(() -> {
            for (int i = 0; i < 2; i++) {
                try (RawClient client = connect(connector)) {
                    for (int requests = 0; requests < 3; requests++) {
                        assertFalse(client.get().saysClose());
                    }
                }
            }
        });
        DescriptorMonitor monitor = Inside.monitor(server);
        await().until(() -> connector.getConnectedEndPoints().isEmpty());
        assertEquals(0, monitor.getOpenConnections());
        assertEquals(0, monitor.getProbeFailureCount());
        assertEquals(1, OperatorLines.count(log, "are not governed: "), log);
    }
}
