package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractConnectionFactory;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.component.LifeCycle;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Frameworks hand out the server before its connectors exist, or while it starts. */
class InstallOnStartTest {
    private final Server server = new Server();

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    private ServerConnector connector() {
        ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory());
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        return connector;
    }

    private static void assertGoverned(ServerConnector connector) {
        assertInstanceOf(StrictKeepAliveConnectionFactory.class, connector.getDefaultConnectionFactory());
    }

    @Test
    void connectorsMayComeLater() throws Exception {
        StrictKeepAlive installed = StrictKeepAlive.installOnStart(server);
        ServerConnector connector = connector();
        ConnectionFactory before = connector.getDefaultConnectionFactory();
        server.start();
        assertGoverned(connector);
        assertEquals(1, server.getBeans(DescriptorMonitor.class).size());

        ServerConnector added = connector();
        added.start();
        assertGoverned(added);

        server.stop();
        ServerConnector afterStop = connector();
        server.start();
        assertGoverned(connector);
        assertGoverned(afterStop);

        server.stop();
        installed.uninstall();
        assertSame(before, connector.getDefaultConnectionFactory());
        server.start();
        assertSame(before, connector.getDefaultConnectionFactory());
    }

    @Test
    void thePolicyMayChangeBefore() throws Exception {
        StrictKeepAlive installed = StrictKeepAlive.installOnStart(server);
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().maxRequestsPerConnection(3).build();
        installed.setPolicy(policy);
        ServerConnector connector = connector();
        server.start();
        assertSame(
                policy,
                connector
                        .getConnectionFactory(StrictKeepAliveConnectionFactory.class)
                        .getPolicy());
    }

    /** No HTTP. */
    private ServerConnector echo() {
        ServerConnector connector = new ServerConnector(server, 1, 1, new AbstractConnectionFactory("echo") {
            @Override
            public Connection newConnection(Connector connector, EndPoint endPoint) {
                throw new UnsupportedOperationException();
            }
        });
        server.addConnector(connector);
        return connector;
    }

    @Test
    void withNothingToGovernTheStartFails() throws Exception {
        StrictKeepAlive.installOnStart(server);
        echo();
        String message =
                assertThrows(IllegalStateException.class, server::start).getMessage();
        assertTrue(message.contains("expected: a connector with an HttpConnectionFactory"), message);
        ServerConnector http = connector();
        server.start();
        server.stop();
        server.removeConnector(http);
        assertThrows(IllegalStateException.class, server::start);
    }

    @Test
    void connectorsMayComeAfterTheStart() throws Exception {
        StrictKeepAlive.installOnStart(server);
        server.start();
        ServerConnector added = connector();
        added.start();
        assertGoverned(added);
        server.removeConnector(added);
        added.stop();
    }

    @Test
    void whatIsStrictAlreadyIsGoverned() throws Exception {
        StrictKeepAliveConnectionFactory own = new StrictKeepAliveConnectionFactory();
        ServerConnector connector = new ServerConnector(server, 1, 1, own);
        server.addConnector(connector);
        StrictKeepAlive.installOnStart(server);
        assertTrue(StrictKeepAlive.isInstalled(server));
        server.start();
        assertSame(own, connector.getDefaultConnectionFactory());
    }

    @Test
    void aFactoryThatIsReplacedBetweenTwoStartsIsGoverned() throws Exception {
        StrictKeepAlive.installOnStart(server);
        ServerConnector connector = connector();
        server.start();
        server.stop();
        connector.setConnectionFactories(List.of(new HttpConnectionFactory()));
        server.start();
        assertGoverned(connector);
    }

    @Test
    void aLaterConnectorGetsThePressureSettingsOfNow() throws Exception {
        StrictKeepAlive.installOnStart(server);
        ServerConnector first = connector();
        server.start();
        first.getConnectionFactory(StrictKeepAliveConnectionFactory.class).setMaxConnections(500);
        ServerConnector added = connector();
        added.start();
        assertEquals(
                500,
                added.getConnectionFactory(StrictKeepAliveConnectionFactory.class)
                        .getPolicy()
                        .getMaxConnections());
    }

    /** Without the lock this fails within a few rounds. */
    @Test
    void thePolicyMayChangeWhileConnectorsAreAdded() throws Exception {
        StrictKeepAlive installed = StrictKeepAlive.installOnStart(server);
        connector();
        server.start();
        for (int round = 0; round < 50; round++) {
            KeepAlivePolicy policy = KeepAlivePolicy.builder()
                    .maxRequestsPerConnection(round + 1)
                    .build();
            CompletableFuture<Void> change = CompletableFuture.runAsync(() -> installed.setPolicy(policy));
            ServerConnector added = connector();
            change.join();
            assertEquals(
                    round + 1,
                    added.getConnectionFactory(StrictKeepAliveConnectionFactory.class)
                            .getPolicy()
                            .getMaxRequestsPerConnection());
            server.removeConnector(added);
        }
    }

    @Test
    void aStartedServerIsRefused() throws Exception {
        connector();
        server.start();
        String message = assertThrows(IllegalStateException.class, () -> StrictKeepAlive.installOnStart(server))
                .getMessage();
        assertTrue(message.contains("expected: not started"), message);
        assertThrows(IllegalArgumentException.class, () -> StrictKeepAlive.installOnStart(new Server(), null));
    }

    @Test
    void installWorksWhileTheServerStarts() throws Exception {
        ServerConnector connector = connector();
        server.addEventListener(new LifeCycle.Listener() {
            @Override
            public void lifeCycleStarting(LifeCycle starting) {
                StrictKeepAlive.install(server);
            }
        });
        server.start();
        assertGoverned(connector);
    }

    @Test
    void installWorksOnAConnectorThatIsAddedToARunningServer() throws Exception {
        ServerConnector first = connector();
        server.start();
        ServerConnector added = connector();
        StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), added);
        added.start();
        assertGoverned(added);
        assertThrows(
                IllegalStateException.class, () -> StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), first));
    }
}
