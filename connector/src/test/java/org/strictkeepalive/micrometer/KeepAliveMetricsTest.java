package org.strictkeepalive.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
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
                assertEquals(0, value(scraped, "jetty_keepalive_closed_requests_total{le=\"2.0\",server=\"a\"}"));
                assertEquals(1, value(scraped, "jetty_keepalive_closed_requests_total{le=\"4.0\",server=\"a\"}"));
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
    void aMissingMonitorIsRefused() {
        IllegalArgumentException x = assertThrows(IllegalArgumentException.class, () -> new KeepAliveMetrics(null));
        assertTrue(x.getMessage().startsWith("monitor: null (expected: "), x.getMessage());
    }
}
