package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.ProxyConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.FakeConnector;

class StrictKeepAliveTest {
    private final Server server = new Server();

    private ServerConnector connector(ConnectionFactory... factories) {
        ServerConnector connector = new ServerConnector(server, 1, 1, factories);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        return connector;
    }

    private static SslConnectionFactory tls() {
        return new SslConnectionFactory(new SslContextFactory.Server(), "http/1.1");
    }

    @Test
    void theFactoryIsReplacedInPlace() {
        SslConnectionFactory tls = tls();
        ProxyConnectionFactory proxy = new ProxyConnectionFactory(tls.getProtocol());
        HttpConnectionFactory http = new HttpConnectionFactory();
        ServerConnector connector = connector(proxy, tls, http);
        String defaultProtocol = connector.getDefaultProtocol();
        List<String> protocols = connector.getProtocols();

        StrictKeepAlive installed = StrictKeepAlive.install(server);

        List<ConnectionFactory> factories = List.copyOf(connector.getConnectionFactories());
        assertEquals(3, factories.size());
        assertSame(proxy, factories.get(0));
        assertSame(tls, factories.get(1));
        assertInstanceOf(StrictKeepAliveConnectionFactory.class, factories.get(2));
        assertEquals(defaultProtocol, connector.getDefaultProtocol());
        assertEquals(protocols, connector.getProtocols());
        assertSame(factories.get(2), connector.getConnectionFactory("http/1.1"));
        assertSame(KeepAlivePolicy.defaults(), installed.getPolicy());
    }

    @Test
    void theOrderStaysAlsoWhereHttpComesFirst() {
        HttpConnectionFactory http = new HttpConnectionFactory();
        SslConnectionFactory tls = tls();
        ServerConnector connector = connector(http, tls);
        connector.setDefaultProtocol(tls.getProtocol());
        String defaultProtocol = connector.getDefaultProtocol();

        StrictKeepAlive.install(server);

        List<ConnectionFactory> factories = List.copyOf(connector.getConnectionFactories());
        assertInstanceOf(StrictKeepAliveConnectionFactory.class, factories.get(0));
        assertSame(tls, factories.get(1));
        assertEquals(defaultProtocol, connector.getDefaultProtocol());
    }

    @Test
    @SuppressWarnings("removal") // Jetty 12.0 has two of these at the factory, later ones at the configuration.
    void settingsListenersAndBeansAreCopied() {
        HttpConfiguration config = new HttpConfiguration();
        HttpConnectionFactory http = new HttpConnectionFactory(config);
        http.setInputBufferSize(12_345);
        http.setUseInputDirectByteBuffers(false);
        http.setUseOutputDirectByteBuffers(false);
        Connection.Listener listener = new Connection.Listener() {};
        http.addEventListener(listener);
        Object bean = new Object();
        http.addBean(bean);
        ServerConnector connector = connector(http);

        StrictKeepAlive.install(server);

        StrictKeepAliveConnectionFactory strict = strict(connector);
        assertSame(config, strict.getHttpConfiguration());
        assertEquals(12_345, strict.getInputBufferSize());
        assertEquals(false, strict.isUseInputDirectByteBuffers());
        assertEquals(false, strict.isUseOutputDirectByteBuffers());
        assertTrue(strict.getEventListeners().contains(listener));
        assertTrue(strict.getBeans().contains(bean));
        assertEquals(
                1,
                strict.getEventListeners().stream()
                        .filter(other -> other == listener)
                        .count(),
                "once");
    }

    @Test
    void theChunkLengthIsCopiedWhereJettyHasIt() {
        assumeTrue(
                Stream.of(HttpConnectionFactory.class.getMethods())
                        .anyMatch(method -> method.getName().equals("setTransferEncodingChunkMaxLength")),
                "not in Jetty 12.0.16");
        HttpConnectionFactory http = new HttpConnectionFactory();
        http.setTransferEncodingChunkMaxLength(54_321);
        ServerConnector connector = connector(http);
        StrictKeepAlive.install(server);
        assertEquals(54_321, strict(connector).getTransferEncodingChunkMaxLength());
    }

    @Test
    void onlyTheNamedConnectorsAreGoverned() {
        ServerConnector site = connector(new HttpConnectionFactory());
        ServerConnector administration = connector(new HttpConnectionFactory());
        StrictKeepAlive installed = StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), site);
        strict(site);
        assertNull(administration.getConnectionFactory(StrictKeepAliveConnectionFactory.class));
        assertEquals(0, administration.getAcceptQueueSize());
        installed.uninstall();
        assertNull(site.getConnectionFactory(StrictKeepAliveConnectionFactory.class));

        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), new ServerConnector(new Server())));
        assertTrue(refused.getMessage().startsWith("connectors: "), refused.getMessage());
        assertThrows(
                IllegalStateException.class,
                () -> StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), new Connector[0]));
    }

    @Test
    void allConnectorsGetThePolicyAndEachAFactoryOfItsOwn() {
        ServerConnector one = connector(new HttpConnectionFactory());
        ServerConnector other = connector(tls(), new HttpConnectionFactory());
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().maxRequestsPerConnection(3).build();
        StrictKeepAlive installed = StrictKeepAlive.install(server, policy);
        assertNotSame(strict(one), strict(other));
        assertSame(policy, strict(one).getPolicy());
        assertSame(policy, strict(other).getPolicy());

        KeepAlivePolicy changed =
                KeepAlivePolicy.builder().maxRequestsPerConnection(4).build();
        installed.setPolicy(changed);
        assertSame(changed, strict(one).getPolicy());
        assertSame(changed, strict(other).getPolicy());
        assertSame(changed, installed.getPolicy());
        assertThrows(IllegalArgumentException.class, () -> installed.setPolicy(null));
        assertSame(changed, installed.getPolicy());
    }

    @Test
    void theDefaultBacklogBecomesLargerAndAChosenOneStays() {
        ServerConnector byDefault = connector(new HttpConnectionFactory());
        ServerConnector chosen = connector(new HttpConnectionFactory());
        chosen.setAcceptQueueSize(64);
        StrictKeepAlive installed = StrictKeepAlive.install(server);
        assertEquals(1024, byDefault.getAcceptQueueSize());
        assertEquals(64, chosen.getAcceptQueueSize());
        installed.uninstall();
        assertEquals(0, byDefault.getAcceptQueueSize());
        assertEquals(64, chosen.getAcceptQueueSize());
    }

    @Test
    void aServerWithNothingToReplaceIsRefused() {
        assertThrows(IllegalStateException.class, () -> StrictKeepAlive.install(server));
        connector(new StrictKeepAliveConnectionFactory());
        String message = assertThrows(IllegalStateException.class, () -> StrictKeepAlive.install(server))
                .getMessage();
        assertTrue(
                message.contains("expected: a connector with an HttpConnectionFactory that is not governed already"),
                message);
    }

    @Test
    void whatCameAfterInstallStaysAtUninstall() {
        ServerConnector connector = connector(new HttpConnectionFactory());
        StrictKeepAlive installed = StrictKeepAlive.install(server);
        SslConnectionFactory later = tls();
        connector.addConnectionFactory(later);
        installed.uninstall();
        assertSame(later, connector.getConnectionFactory("SSL"));
        assertEquals(
                HttpConnectionFactory.class,
                connector.getDefaultConnectionFactory().getClass());
    }

    @Test
    void theMonitorStaysWhileAnotherPolicyIsInstalled() {
        ServerConnector one = connector(new HttpConnectionFactory());
        ServerConnector other = connector(new HttpConnectionFactory());
        StrictKeepAlive first = StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), one);
        StrictKeepAlive second = StrictKeepAlive.install(server, KeepAlivePolicy.defaults(), other);
        DescriptorMonitor monitor = first.getDescriptorMonitor();
        first.uninstall();
        assertSame(monitor, second.getDescriptorMonitor());
        second.uninstall();
        assertNull(server.getBean(DescriptorMonitor.class));
    }

    @Test
    void uninstallPutsEverythingBack() throws Exception {
        SslConnectionFactory tls = tls();
        HttpConnectionFactory http = new HttpConnectionFactory();
        ServerConnector one = connector(http, tls);
        one.setDefaultProtocol(tls.getProtocol());
        String defaultProtocol = one.getDefaultProtocol();
        FakeConnector other = new FakeConnector(server, 1, new HttpConnectionFactory());
        List<ConnectionFactory> before = new ArrayList<>(one.getConnectionFactories());
        ConnectionFactory otherBefore = other.getDefaultConnectionFactory();
        List<?> customizers = List.copyOf(http.getHttpConfiguration().getCustomizers());

        StrictKeepAlive installed = StrictKeepAlive.install(server);
        installed.getDescriptorMonitor();
        installed.uninstall();

        assertEquals(before, List.copyOf(one.getConnectionFactories()));
        assertEquals(defaultProtocol, one.getDefaultProtocol());
        assertSame(otherBefore, other.getDefaultConnectionFactory());
        assertEquals(customizers, http.getHttpConfiguration().getCustomizers());
        assertNull(server.getBean(DescriptorMonitor.class));
        installed.uninstall(); // a second time does nothing
        assertEquals(before, List.copyOf(one.getConnectionFactories()));
    }

    @Test
    void afterUninstallThePolicyCanBeInstalledAgain() {
        ServerConnector connector = connector(new HttpConnectionFactory());
        StrictKeepAlive.install(server).uninstall();
        StrictKeepAlive.install(server);
        assertInstanceOf(StrictKeepAliveConnectionFactory.class, connector.getDefaultConnectionFactory());
    }

    @Test
    void aRunningConnectorIsRefused() throws Exception {
        FakeConnector connector = new FakeConnector(server, 1, new HttpConnectionFactory());
        ConnectionFactory before = connector.getDefaultConnectionFactory();
        server.start();
        try {
            String message = assertThrows(IllegalStateException.class, () -> StrictKeepAlive.install(server))
                    .getMessage();
            assertTrue(message.contains("not started"), message);
            assertSame(before, connector.getDefaultConnectionFactory());
        } finally {
            server.stop();
        }
        StrictKeepAlive installed = StrictKeepAlive.install(server);
        server.start();
        try {
            assertThrows(IllegalStateException.class, installed::uninstall);
            assertInstanceOf(StrictKeepAliveConnectionFactory.class, connector.getDefaultConnectionFactory());
        } finally {
            server.stop();
        }
        installed.uninstall();
        assertSame(before, connector.getDefaultConnectionFactory());
    }

    @Test
    void noPolicyIsRefused() {
        connector(new HttpConnectionFactory());
        String message = assertThrows(IllegalArgumentException.class, () -> StrictKeepAlive.install(server, null))
                .getMessage();
        assertTrue(message.startsWith("policy: null"), message);
    }

    private static StrictKeepAliveConnectionFactory strict(ServerConnector connector) {
        return connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class);
    }
}
