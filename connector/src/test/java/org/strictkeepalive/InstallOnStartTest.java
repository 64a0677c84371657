package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.eclipse.jetty.server.ConnectionFactory;
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

    @Test
    void withNothingToGovernTheStartFails() {
        StrictKeepAlive.installOnStart(server);
        String message =
                assertThrows(IllegalStateException.class, server::start).getMessage();
        assertTrue(message.contains("expected: a connector with an HttpConnectionFactory"), message);
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
