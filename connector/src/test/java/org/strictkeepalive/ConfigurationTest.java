package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.resource.ResourceFactory;
import org.eclipse.jetty.xml.XmlConfiguration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** The same settings in Java, in a {@code jetty.xml} and as properties of the module of {@code jetty-home}. */
class ConfigurationTest {
    /** The directory of the connector, also where these tests run in another module. */
    private static final Path CONNECTOR = Path.of("").toAbsolutePath().resolveSibling("connector");

    private static final Path MODULE_XML = CONNECTOR.resolve("src/main/jetty-home/etc/jetty-strict-keepalive.xml");
    private static final String PREFIX = "jetty.strictKeepAlive.";
    private static final Pattern XML_BLOCK = Pattern.compile("```xml\n(.*?)```", Pattern.DOTALL);

    private final Server server = new Server();

    @TempDir
    private Path directory;

    @BeforeEach
    void addConnector() {
        ServerConnector connector = new ServerConnector(server, new HttpConnectionFactory());
        server.addConnector(connector);
    }

    private static Map<String, String> settings(KeepAlivePolicy policy) {
        Map<String, String> settings = new TreeMap<>();
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            settings.put(setting.getName(), setting.format(policy.get(setting)));
        }
        return settings;
    }

    private static Map<String, String> otherSettings() {
        Map<String, String> settings = new TreeMap<>();
        KeepAliveSettingTest.others()
                .forEach((setting, value) -> settings.put(setting.getName(), setting.format(value)));
        return settings;
    }

    /** As {@code <Set>} takes it: a time is a number of milliseconds. */
    private static String set(KeepAliveSetting setting, Object value) {
        return "<Set name=\"%s\">%s</Set>"
                .formatted(setting.getName(), value instanceof Duration duration ? duration.toMillis() : value);
    }

    private static KeepAlivePolicy policy(Server server) {
        return server.getConnectors()[0]
                .getConnectionFactory(StrictKeepAliveConnectionFactory.class)
                .getPolicy();
    }

    /** Returns the policy that a file installs, null if it doesn't. */
    private static KeepAlivePolicy configure(Path xml, Server server, Map<String, String> settings) throws Exception {
        XmlConfiguration configuration =
                new XmlConfiguration(ResourceFactory.root().newResource(xml));
        configuration.getIdMap().put("Server", server);
        settings.forEach((name, value) -> configuration.getProperties().put(PREFIX + name, value));
        assertEquals(server, configuration.configure());
        StrictKeepAlive installed = (StrictKeepAlive) configuration.getIdMap().get("strictKeepAlive");
        return installed == null ? null : installed.getPolicy();
    }

    private static List<String> xmlOf(String document) throws IOException {
        List<String> blocks = new ArrayList<>();
        Matcher matcher =
                XML_BLOCK.matcher(Files.readString(CONNECTOR.resolve("docs").resolve(document)));
        while (matcher.find()) {
            blocks.add(matcher.group(1));
        }
        return blocks;
    }

    @Test
    void aModuleWithoutPropertiesHasTheDefaults() throws Exception {
        KeepAlivePolicy policy = configure(MODULE_XML, server, Map.of());
        assertEquals(settings(KeepAlivePolicy.defaults()), settings(policy));
    }

    @Test
    void everyPropertyOfTheModuleArrives() throws Exception {
        Map<String, String> settings = otherSettings();
        settings(KeepAlivePolicy.defaults()).forEach((name, value) -> assertNotEquals(value, settings.get(name), name));
        assertEquals(settings, settings(configure(MODULE_XML, server, settings)));
    }

    @Test
    void everySetterIsReachedFromXmlInAnyOrder() throws Exception {
        Map<KeepAliveSetting, Object> others = KeepAliveSettingTest.others();
        List<KeepAliveSetting> names = new ArrayList<>(others.keySet());
        for (int round = 0; round < 10; round++) {
            Collections.shuffle(names, new Random(round));
            StringBuilder sets = new StringBuilder();
            names.forEach(name -> sets.append(set(name, others.get(name))));
            Path xml = directory.resolve(round + ".xml");
            String sample = xmlOf("jetty-xml.md").get(1);
            Files.writeString(
                    xml, sample.replaceAll("(?s)<Set name=\"keepAliveTimeout\">.*?(?=</New>)", sets.toString()));
            Server configured = new Server();
            configure(xml, configured, Map.of());
            assertEquals(otherSettings(), settings(policy(configured)));
        }
    }

    @Test
    void theSampleOfTheDocumentServes() throws Exception {
        Path xml = directory.resolve("jetty.xml");
        Files.writeString(xml, xmlOf("jetty-xml.md").get(1).replace("8080", "0"));
        Server sample = new Server();
        sample.setHandler(TestServer.hello());
        configure(xml, sample, Map.of());
        assertEquals(10_000, policy(sample).getMaxRequestsPerConnection());
        sample.start();
        try (RawClient client =
                new RawClient(Transport.CLEAR.connect(((ServerConnector) sample.getConnectors()[0]).getLocalPort()))) {
            assertEquals(TestServer.HELLO, client.get().body());
        } finally {
            sample.stop();
        }
    }

    @Test
    void theLineOfTheDocumentInstalls() throws Exception {
        Path xml = directory.resolve("jetty.xml");
        String sample = xmlOf("jetty-xml.md").get(1);
        String head = sample.substring(0, sample.indexOf("  <Call"));
        Files.writeString(xml, head + xmlOf("jetty-xml.md").get(0) + "</Configure>");
        configure(xml, server, Map.of());
        assertEquals(settings(KeepAlivePolicy.defaults()), settings(policy(server)));
    }

    @ParameterizedTest
    @CsvSource({
        "keepAliveTimeout,30x,at most 3650 days; 0 or less switches it off",
        "keepAliveTimeout,'',at most 3650 days; 0 or less switches it off",
        "keepAliveTimeout,9223372036854775807,at most 3650 days; 0 or less switches it off",
        "sampleInterval,0,1ms to 10s",
        "maxRequestsPerConnection,1e3,'a whole number, at most 2147483647; 0 or less switches it off'",
        "maxConnections,99999999999,'a whole number, at most 2147483647; 0 or less switches it off'",
        "minDataRate,2.5,'a whole number, 0 or less switches it off'",
        "highAt,80%,'a number, at most 1; 0 or less switches it off'",
        "hysteresis,NaN,'a number, 0 to 0.5'",
        "advertiseKeepAlive,yes,true or false",
        "pauseAcceptWhenCritical,TRUE,true or false"
    })
    void aWrongPropertyIsRefusedWithNameAndValueAndWhatIsAllowed(String name, String value, String expected) {
        Throwable refused = assertThrows(Exception.class, () -> configure(MODULE_XML, server, Map.of(name, value)));
        while (refused.getCause() != null) {
            refused = refused.getCause();
        }
        assertInstanceOf(IllegalArgumentException.class, refused);
        String message = refused.getMessage();
        assertTrue(message.startsWith(name + ": "), message);
        assertTrue(message.contains("(expected: ") && message.endsWith(expected + ")"), message);
    }

    @Test
    void everyWrongNumberInAnXmlFileStopsItsConfiguration() throws Exception {
        String sample = xmlOf("jetty-xml.md").get(1);
        Path xml = directory.resolve("wrong.xml");
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            if (setting.getUnit() == KeepAliveSetting.Unit.TRUTH) {
                continue; // to Jetty's XML any text but "true" is false
            }
            for (String wrong : KeepAliveSettingTest.wrong(setting)) {
                String set = set(setting, wrong);
                Files.writeString(xml, sample.replaceAll("(?s)<Set name=\"keepAliveTimeout\">.*?(?=</New>)", set));
                assertThrows(Exception.class, () -> configure(xml, new Server(), Map.of()), set);
            }
        }
    }
}
