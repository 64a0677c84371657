package org.strictkeepalive.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.StrictKeepAlive;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

class InstallerTest {
    private static StrictKeepAliveConnectionFactory factory(ServerConnector connector) {
        return connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class);
    }

    private static Server server() {
        Server server = new Server();
        server.addConnector(new ServerConnector(server));
        return server;
    }

    private static ServerConnector connector(Server server) {
        return (ServerConnector) server.getConnectors()[0];
    }

    @Test
    void theServerIsGovernedWithTheSettings() {
        Server server = server();
        new Installer(Map.of("keepAliveTimeout", "75s")).accept(server);
        assertEquals(
                Duration.ofSeconds(75),
                factory(connector(server)).getPolicy().get(KeepAliveSetting.KEEP_ALIVE_TIMEOUT));
    }

    @Test
    void whatTheProgramHasInstalledStays() {
        Server server = server();
        KeepAlivePolicy own = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofSeconds(10))
                .build();
        StrictKeepAlive.install(server, own);
        StrictKeepAliveConnectionFactory before = factory(connector(server));
        new Installer(Map.of("keepAliveTimeout", "75s")).accept(server);
        assertEquals(before, factory(connector(server)));
        assertEquals(own, before.getPolicy());
    }

    @Test
    void aServerWithoutHttpStartsAsItWould() {
        Server server = new Server();
        new Installer(Map.of()).accept(server);
        assertEquals(0, server.getConnectors().length);
    }

    @Test
    void settingsThatContradictEachOtherStopTheStart() {
        Server server = server();
        Installer installer = new Installer(Map.of("highAt", "0.1"));
        String message = assertThrows(IllegalArgumentException.class, () -> installer.accept(server))
                .getMessage();
        assertTrue(message.startsWith("highAt: 0.1 (expected: more than elevatedAt"), message);
    }

    @Test
    void aServerOfAClassOfTheProgramIsGoverned() {
        Server server = new Server() {};
        server.addConnector(new ServerConnector(server));
        assertNull(factory(connector(server)));
        new Installer(Map.of()).accept(server);
        assertNotNull(factory(connector(server)));
    }

    @ParameterizedTest
    @CsvSource({
        "12.0.16,true",
        "12.0.39,true",
        "12.1.0,true",
        "12.1.12-SNAPSHOT,true",
        "12.0.15,false",
        "12.0.0.beta1,false",
        "11.0.26,false",
        "13.0.0,false",
        "9.4.58.v20250814,false",
        "UNKNOWN,false"
    })
    void onlyAJettyThatTheConnectorKnowsIsGoverned(String version, boolean supported) {
        assertEquals(supported, Installer.isSupported(version));
    }
}
