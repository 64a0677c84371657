package org.strictkeepalive.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

class KeepAliveMetricsTest {
    private static double value(String scraped, String series) {
        Matcher matcher = Pattern.compile("^" + Pattern.quote(series) + " (\\S+)$", Pattern.MULTILINE)
                .matcher(scraped);
        assertTrue(matcher.find(), () -> series + " in:\n" + scraped);
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void prometheusScrapesWhatTheMonitorKnows() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (TestServer server = TestServer.strict(Transport.CLEAR, settings -> settings.maxRequestsPerConnection(2))) {
            new KeepAliveMetrics(server.monitor(), Tags.of("server", "a")).bindTo(registry);
            try (RawClient client = server.connect()) {
                client.get();
                client.get();
            }
            server.awaitClosed(CloseReason.MAX_REQUESTS, 1);
            try (RawClient idle = server.connect()) {
                idle.get();
                String scraped = registry.scrape();
                assertEquals(
                        1,
                        value(
                                scraped,
                                "jetty_keepalive_connections{protocol=\"http/1.1\",server=\"a\",state=\"idle\"}"));
                assertEquals(2, value(scraped, "jetty_keepalive_connections_opened_connections_total{server=\"a\"}"));
                assertEquals(3, value(scraped, "jetty_keepalive_requests_total{server=\"a\"}"));
                assertEquals(1, value(scraped, "jetty_keepalive_level{level=\"normal\",server=\"a\"}"));
                assertEquals(0, value(scraped, "jetty_keepalive_level{level=\"critical\",server=\"a\"}"));
                assertEquals(
                        (double) server.monitor().getDescriptorLimit(),
                        value(scraped, "jetty_keepalive_descriptors_limit_descriptors{server=\"a\"}"));
                assertEquals(30, value(scraped, "jetty_keepalive_timeout_seconds{server=\"a\"}"));
                assertEquals(1, value(scraped, "jetty_keepalive_reuse_idle_seconds_total{le=\"+Inf\",server=\"a\"}"));
                assertEquals(0, value(scraped, "jetty_keepalive_closed_requests_total{le=\"1.0\",server=\"a\"}"));
                assertEquals(1, value(scraped, "jetty_keepalive_closed_requests_total{le=\"3.0\",server=\"a\"}"));
                String connector = "{connector=\":" + server.port() + "\",server=\"a\"}";
                assertEquals(1, value(scraped, "jetty_keepalive_connector_connections" + connector));
                assertEquals(2, value(scraped, "jetty_keepalive_connector_opened_connections_total" + connector));
                assertEquals(3, value(scraped, "jetty_keepalive_connector_requests_total" + connector));
                assertTrue(value(scraped, "jetty_keepalive_descriptors_used_descriptors{server=\"a\"}") > 0);
                for (CloseReason reason : CloseReason.values()) {
                    assertEquals(
                            (double) server.statistics().getClosed(reason),
                            value(
                                    scraped,
                                    "jetty_keepalive_connections_closed_connections_total{reason=\""
                                            + reason.name().toLowerCase(Locale.ROOT) + "\",server=\"a\"}"));
                }
            }
        }
    }

    /** As with Spring Boot, which binds meters before it starts the server. */
    @Test
    void aConnectorThatStartsLaterHasMetersTooAndKeepsThemOverARestart() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (TestServer server = TestServer.of(Transport.CLEAR, KeepAlivePolicy.defaults(), TestServer.hello())) {
            server.connector.setName("web");
            new KeepAliveMetrics(DescriptorMonitor.of(server.server)).bindTo(registry);
            assertFalse(registry.scrape().contains("jetty_keepalive_connector"));
            for (int requests = 1; requests <= 2; requests++) {
                server.start();
                try (RawClient client = server.connect()) {
                    client.get();
                }
                server.awaitClosed(CloseReason.CLIENT, requests);
                String scraped = registry.scrape();
                assertEquals(requests, value(scraped, "jetty_keepalive_connector_requests_total{connector=\"web\"}"));
                assertEquals(
                        requests,
                        value(
                                scraped,
                                "jetty_keepalive_connector_closed_connections_total{connector=\"web\",reason=\"client\"}"));
                server.server.stop();
            }
        }
    }

    @Test
    void aWatcherThatFailsHarmsNobody() throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, KeepAlivePolicy.defaults(), TestServer.hello())) {
            DescriptorMonitor monitor = DescriptorMonitor.of(server.server);
            monitor.getStatistics().watchConnectors(name -> {
                throw new IllegalStateException("on purpose");
            });
            server.start();
            assertEquals(1, monitor.getProbeFailureCount());
            try (RawClient client = server.connect()) {
                assertEquals(200, client.get().status());
            }
        }
    }

    @Test
    void connectorsOfOneNameAreAddedUpButEachHasItsOwnMBean() throws Exception {
        Server server = new Server();
        for (int i = 0; i < 2; i++) {
            ServerConnector connector =
                    new ServerConnector(server, 1, 1, new StrictKeepAliveConnectionFactory(new HttpConfiguration()));
            connector.setName("web");
            server.addConnector(connector);
        }
        server.start();
        try (RawClient client = new RawClient(new Socket(
                InetAddress.getLoopbackAddress(), ((ServerConnector) server.getConnectors()[1]).getLocalPort()))) {
            client.get();
            List<Long> requests = Arrays.stream(server.getConnectors())
                    .map(connector -> connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class))
                    .map(StrictKeepAliveConnectionFactory::getRequests)
                    .toList();
            assertEquals(List.of(0L, 1L), requests);
            KeepAliveStatistics statistics = DescriptorMonitor.of(server).getStatistics();
            assertEquals(Map.of("web", 1L), statistics.getRequestsByConnector());
            assertEquals(Map.of("web", 1), statistics.getConnectionsByConnector());
            assertEquals(1, statistics.getRequests());
        } finally {
            server.stop();
        }
    }

    @Test
    void aMissingMonitorIsRefused() {
        IllegalArgumentException x = assertThrows(IllegalArgumentException.class, () -> new KeepAliveMetrics(null));
        assertTrue(x.getMessage().startsWith("monitor: null (expected: "), x.getMessage());
    }
}
