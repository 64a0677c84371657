package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.AbstractConnectionFactory;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
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

    private static final class WrapsEndPoint extends HttpConnectionFactory {
        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            EndPoint wrapped = (EndPoint) Proxy.newProxyInstance(
                    EndPoint.class.getClassLoader(), new Class<?>[] {EndPoint.class}, (proxy, method, arguments) -> {
                        try {
                            return method.invoke(endPoint, arguments);
                        } catch (InvocationTargetException x) {
                            throw x.getCause();
                        }
                    });
            return super.newConnection(connector, wrapped);
        }
    }

    /** It makes its connections by another factory, with another configuration. */
    private static final class Delegates extends HttpConnectionFactory {
        private final HttpConnectionFactory other = new HttpConnectionFactory(new HttpConfiguration());

        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            return other.newConnection(connector, endPoint);
        }
    }

    private static final class Casts extends HttpConnectionFactory {
        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            return super.newConnection(connector, (SocketChannelEndPoint) endPoint);
        }
    }

    /** Its requests are not seen, so no time may be counted for them: the next answer would be a 408. */
    @ParameterizedTest
    @MethodSource
    void whatCannotBeGovernedIsLeftAlone(HttpConnectionFactory factory) throws Exception {
        ServerConnector connector = connector(factory);
        StrictKeepAlive.install(
                server,
                KeepAlivePolicy.builder()
                        .requestHeaderTimeout(Duration.ofMillis(300))
                        .firstRequestTimeout(Duration.ofMillis(300))
                        .build());
        server.start();
        String log = OperatorLines.captured(() -> {
            for (int i = 0; i < 2; i++) {
                try (RawClient client = connect(connector)) {
                    assertEquals(200, client.get().status());
                    TimeUnit.MILLISECONDS.sleep(700);
                    assertEquals(200, client.get().status());
                }
            }
        });
        assertEquals(1, OperatorLines.count(log, " that are not governed: "), log);
        assertEquals(0, Inside.monitor(server).getProbeFailureCount());
    }

    static Stream<HttpConnectionFactory> whatCannotBeGovernedIsLeftAlone() {
        return Stream.of(new WrapsEndPoint(), new Delegates(), new Casts());
    }

    /** It looks at the first bytes, and then makes place for HTTP. */
    private static final class Sniffs extends HttpConnectionFactory {
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
                    getEndPoint().upgrade(Sniffs.super.newConnection(connector, getEndPoint()));
                }
            };
        }
    }

    @Test
    void aConnectionThatIsNotJettysMayUpgrade() throws Exception {
        ServerConnector connector = connector(new Sniffs());
        StrictKeepAlive.install(server);
        server.start();
        try (RawClient client = connect(connector)) {
            client.get();
            assertEquals(200, client.get().status());
        }
    }

    /** As a product that counts its connections has it. */
    private static final class Listens extends HttpConnectionFactory implements Connection.Listener {
        private final AtomicInteger opened = new AtomicInteger();

        @Override
        public void onOpened(Connection connection) {
            opened.incrementAndGet();
        }
    }

    @Test
    void listenersOfBothAreHeardOnce() throws Exception {
        Listens own = new Listens();
        ServerConnector connector = connector(own);
        StrictKeepAlive.install(server, TWO_REQUESTS);
        AtomicInteger later = new AtomicInteger();
        connector.getConnectionFactory(HttpConnectionFactory.class).addEventListener(new Connection.Listener() {
            @Override
            public void onOpened(Connection connection) {
                later.incrementAndGet();
            }
        });
        server.start();
        assertTwoRequests(connector);
        assertEquals(1, own.opened.get());
        assertEquals(1, later.get());
    }

    /** The names of protocols have no case, and a factory may have several. */
    @ParameterizedTest
    @ValueSource(strings = {"http/1.1", "http/1.0,HTTP/1.1", "HTTP/1.1,http/1.0"})
    void theProtocolsOfAWrappingFactoryStay(String protocols) throws Exception {
        HttpConnectionFactory inner = new HttpConnectionFactory();
        ServerConnector connector = connector(new AbstractConnectionFactory(protocols.split(",", -1)) {
            {
                addBean(inner);
            }

            @Override
            public Connection newConnection(Connector connector, EndPoint endPoint) {
                return inner.newConnection(connector, endPoint);
            }
        });
        List<String> before = connector.getProtocols();
        StrictKeepAlive.install(server, TWO_REQUESTS);
        assertEquals(before, connector.getProtocols());
        for (ConnectionFactory factory : connector.getConnectionFactories()) {
            assertTrue(factory instanceof StrictKeepAliveConnectionFactory);
        }
        server.start();
        assertTwoRequests(connector);
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
        assertEquals(1, OperatorLines.count(log, " that are not governed: "), log);
    }
}
