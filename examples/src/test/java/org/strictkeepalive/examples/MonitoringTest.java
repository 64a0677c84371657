package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.StrictKeepAlive;
import org.strictkeepalive.micrometer.KeepAliveMetrics;

/** The dashboard and the alert rules name no meter, and no value of a tag, that does not exist. */
class MonitoringTest {
    private static final Path DIRECTORY = Path.of("monitoring");
    private static final Pattern NAME = Pattern.compile("\\bjetty_keepalive_\\w+");
    private static final Pattern TAG = Pattern.compile("(level|reason|state)=~?\"([^\"]+)\"");

    private static String scrape() {
        Server server = new Server();
        server.addConnector(new org.eclipse.jetty.server.ServerConnector(server));
        DescriptorMonitor monitor = StrictKeepAlive.install(server).getDescriptorMonitor();
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        new KeepAliveMetrics(monitor).bindTo(registry);
        return registry.scrape();
    }

    private static Set<String> find(Pattern pattern, String text) {
        Set<String> result = new TreeSet<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            result.add(matcher.group());
        }
        return result;
    }

    private static void assertKnown(String text) {
        String scraped = scrape();
        Set<String> names = find(NAME, text);
        assertFalse(names.isEmpty());
        names.removeAll(find(NAME, scraped));
        assertEquals(Set.of(), names, "no such meter");
        Matcher tags = TAG.matcher(text);
        while (tags.find()) {
            for (String value : tags.group(2).split("\\|", -1)) {
                assertFalse(!scraped.contains(tags.group(1) + "=\"" + value + "\""), tags::group);
            }
        }
    }

    @Test
    void theAlertRulesUseMetersThatExist() throws Exception {
        assertKnown(Files.readString(DIRECTORY.resolve("alerts.yml")));
    }

    @Test
    void theDashboardUsesMetersThatExist() throws Exception {
        JsonNode dashboard =
                new ObjectMapper().readTree(DIRECTORY.resolve("grafana.json").toFile());
        StringBuilder expressions = new StringBuilder();
        Set<Integer> ids = new TreeSet<>();
        for (JsonNode panel : dashboard.get("panels")) {
            String title = panel.get("title").asText();
            assertTrue(ids.add(panel.get("id").asInt()), title);
            assertTrue(panel.get("description").asText().length() > 10, title);
            assertTrue(panel.get("fieldConfig").get("defaults").has("unit"), title);
            assertTrue(
                    Set.of("stat", "state-timeline", "timeseries")
                            .contains(panel.get("type").asText()),
                    title);
            for (JsonNode target : panel.get("targets")) {
                expressions.append(target.get("expr").asText()).append('\n');
            }
        }
        assertKnown(expressions.toString());
    }
}
