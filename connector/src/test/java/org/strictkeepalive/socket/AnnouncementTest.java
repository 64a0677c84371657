package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;
import org.strictkeepalive.testkit.OperatorLines;

/** One line says at the start what is governed, and one for each change. */
class AnnouncementTest {
    private static final String GOVERNS = "Strict keep-alive governs ";

    private final Server server = new Server();

    private ServerConnector connector() {
        ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory());
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        return connector;
    }

    @Test
    void oneLineAtEachStart() throws Exception {
        ServerConnector one = connector();
        ServerConnector other = connector();
        StrictKeepAlive.install(
                server, KeepAlivePolicy.builder().descriptorLimit(1000).build(), one, other);
        connector(); // not governed
        String log = OperatorLines.captured(server::start);
        assertEquals(1, OperatorLines.count(log, GOVERNS), log);
        assertTrue(log.contains(GOVERNS + one + ", " + other + ": keepAliveTimeout=30s"), log);
        assertTrue(
                log.contains(" firstRequestTimeout=30s requestHeaderTimeout=10s maxRequestsPerConnection=10000"
                        + " maxConnectionAge=1h limit=1000 reserve=16 used="),
                log);
        log = OperatorLines.captured(() -> {
            other.stop();
            other.start();
        });
        assertEquals(1, OperatorLines.count(log, GOVERNS + other + ":"), log);
        log = OperatorLines.captured(() -> {
            server.stop();
            server.start();
        });
        assertEquals(1, OperatorLines.count(log, GOVERNS), log);
        server.stop();
    }

    @Test
    void aLineForEachGroupOfSettings() throws Exception {
        ServerConnector one = connector();
        connector().setIdleTimeout(5000);
        StrictKeepAlive.install(server);
        String log = OperatorLines.captured(server::start);
        assertEquals(2, OperatorLines.count(log, GOVERNS), log);
        assertEquals(1, OperatorLines.count(log, GOVERNS + one + ": keepAliveTimeout=30s"), log);
        assertEquals(1, OperatorLines.count(log, " keepAliveTimeout=5s firstRequestTimeout=5s"), log);
        server.stop();
    }

    @Test
    void aLineForEachChangeWhileRunning() throws Exception {
        ServerConnector connector = connector();
        StrictKeepAlive installed = StrictKeepAlive.install(server);
        KeepAlivePolicy changed = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofSeconds(75))
                .maxRequestsPerConnection(7)
                .build();
        server.start();
        String log = OperatorLines.captured(() -> {
            installed.setPolicy(changed);
            installed.setPolicy(changed);
        });
        assertEquals(1, OperatorLines.count(log, "changed"), log);
        assertTrue(
                log.contains("Settings of [" + connector
                        + "] changed: keepAliveTimeout: the connector's idle timeout -> 75s,"
                        + " maxRequestsPerConnection: 10000 -> 7"),
                log);
        server.stop();
    }
}
