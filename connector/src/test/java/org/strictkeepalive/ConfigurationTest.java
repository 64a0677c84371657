package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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

/** The same settings in Java, in a {@code jetty.xml} and as properties of the module of {@code jetty-home}. */
class ConfigurationTest {
    /** The directory of the connector, also where these tests run in another module. */
    private static final Path CONNECTOR = Path.of("").toAbsolutePath().resolveSibling("connector");

    private static final Path MODULE_XML = CONNECTOR.resolve("src/main/jetty-home/etc/jetty-strict-keepalive.xml");
    private static final Path MODULE = CONNECTOR.resolve("src/main/jetty-home/modules/strict-keepalive.mod");
    private static final String PREFIX = "jetty.strictKeepAlive.";
    private static final Pattern INI_LINE = Pattern.compile("# " + Pattern.quote(PREFIX) + "(\\w+)=(\\S+)");
    private static final Pattern XML_BLOCK = Pattern.compile("```xml\n(.*?)```", Pattern.DOTALL);
    /** What the module's ini template shows for settings whose default depends on the machine or the connector. */
    private static final Map<String, String> DEPENDING =
            Map.of("keepAliveTimeout", "30000", "firstRequestTimeout", "30000", "reservedDescriptors", "64");

    private final Server server = new Server();

    @TempDir
    private Path directory;

    @BeforeEach
    void addConnector() {
        ServerConnector connector = new ServerConnector(server, new HttpConnectionFactory());
        server.addConnector(connector);
    }

    private static String property(String setting) {
        return Character.toLowerCase(setting.charAt(0)) + setting.substring(1);
    }

    private static Map<String, String> settings(KeepAlivePolicy policy) throws ReflectiveOperationException {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        factory.setPolicy(policy);
        Map<String, String> settings = new TreeMap<>();
        for (String name : StrictKeepAliveConnectionFactoryTest.SETTINGS.keySet()) {
            settings.put(
                    property(name),
                    StrictKeepAliveConnectionFactoryTest.get(factory, name).toString());
        }
        return settings;
    }

    private static Map<String, String> otherSettings() {
        Map<String, String> settings = new TreeMap<>();
        StrictKeepAliveConnectionFactoryTest.SETTINGS.forEach(
                (name, value) -> settings.put(property(name), value.toString()));
        return settings;
    }

    private static KeepAlivePolicy policy(Server server) {
        return server.getConnectors()[0]
                .getConnectionFactory(StrictKeepAliveConnectionFactory.class)
                .getPolicy();
    }

    private static void configure(Path xml, Server server, Map<String, String> settings) throws Exception {
        XmlConfiguration configuration =
                new XmlConfiguration(ResourceFactory.root().newResource(xml));
        configuration.getIdMap().put("Server", server);
        settings.forEach((name, value) -> configuration.getProperties().put(PREFIX + name, value));
        assertEquals(server, configuration.configure());
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
        configure(MODULE_XML, server, Map.of());
        assertEquals(settings(KeepAlivePolicy.defaults()), settings(policy(server)));
    }

    @Test
    void everyPropertyOfTheModuleArrives() throws Exception {
        Map<String, String> settings = otherSettings();
        settings(KeepAlivePolicy.defaults()).forEach((name, value) -> assertNotEquals(value, settings.get(name), name));
        configure(MODULE_XML, server, settings);
        assertEquals(settings, settings(policy(server)));
    }

    @Test
    void theIniTemplateShowsEverySettingWithItsDefault() throws Exception {
        Map<String, String> shown = new TreeMap<>();
        Matcher matcher = INI_LINE.matcher(Files.readString(MODULE));
        while (matcher.find()) {
            shown.put(matcher.group(1), matcher.group(2));
        }
        Map<String, String> expected = settings(KeepAlivePolicy.defaults());
        expected.putAll(DEPENDING);
        assertEquals(expected, shown);
    }

    @Test
    void everySetterIsReachedFromXmlInAnyOrder() throws Exception {
        Map<String, String> settings = otherSettings();
        List<String> names = new ArrayList<>(settings.keySet());
        for (int round = 0; round < 10; round++) {
            Collections.shuffle(names, new Random(round));
            StringBuilder sets = new StringBuilder();
            names.forEach(name -> sets.append("<Set name=\"%s\">%s</Set>".formatted(name, settings.get(name))));
            Path xml = directory.resolve(round + ".xml");
            String sample = xmlOf("jetty-xml.md").get(0);
            Files.writeString(
                    xml, sample.replaceAll("(?s)<Set name=\"keepAliveTimeout\">.*?(?=</New>)", sets.toString()));
            Server configured = new Server();
            configure(xml, configured, Map.of());
            assertEquals(settings, settings(policy(configured)));
        }
    }

    @Test
    void theSampleOfTheDocumentServes() throws Exception {
        Path xml = directory.resolve("jetty.xml");
        Files.writeString(xml, xmlOf("jetty-xml.md").get(0).replace("8080", "0"));
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
        String sample = xmlOf("jetty-xml.md").get(0);
        String head = sample.substring(0, sample.indexOf("  <Call"));
        Files.writeString(xml, head + xmlOf("jetty-xml.md").get(1) + "</Configure>");
        configure(xml, server, Map.of());
        assertEquals(settings(KeepAlivePolicy.defaults()), settings(policy(server)));
    }

    @ParameterizedTest
    @CsvSource({
        "keepAliveTimeout,30s,a whole number of milliseconds",
        "keepAliveTimeout,'',a whole number of milliseconds",
        "keepAliveTimeout,9223372036854775807,at most 3650 days; 0 or less switches the limit off",
        "sampleInterval,0,1 ms to 10 s",
        "maxRequestsPerConnection,1e3,a whole number",
        "maxConnections,99999999999,a whole number",
        "minDataRate,2.5,a whole number",
        "highAt,80%,'a number, at most 1'",
        "highAt,1.5,at most 1; 0 or less switches it off",
        "hysteresis,NaN,0 to 0.5",
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
        assertTrue(message.endsWith("(expected: " + expected + ")"), message);
    }

    /** Wrong values for each type of setting. */
    private static List<String> wrong(Object value) {
        List<String> common = List.of("", " ", "null", "text", "1s", "1,5", "0x10", "1 2", "--1", "1;2");
        List<String> own = switch (value.getClass().getSimpleName()) {
            case "Boolean" -> List.of("0", "1", "yes", "TRUE", "on");
            case "Double" -> List.of("NaN", "Infinity", "1e309", "1.01", "80%", "true");
            case "Integer" -> List.of("2147483648", "-2147483649", "1e3", "2.5", "NaN", "true");
            default -> List.of("9223372036854775808", "-9223372036854775809", "1e3", "2.5", "Infinity", "true");
        };
        return Stream.concat(common.stream(), own.stream()).toList();
    }

    @Test
    void everyWrongValueIsRefusedFromTextAndNothingOfItIsTaken() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        StrictKeepAliveConnectionFactoryTest.SETTINGS.forEach((setting, value) -> {
            String name = property(setting);
            for (String wrong : wrong(value)) {
                String what = name + "=" + wrong;
                String message = assertThrows(IllegalArgumentException.class, () -> builder.set(name, wrong), what)
                        .getMessage();
                assertTrue(message.startsWith(name + ": "), message);
                assertTrue(message.contains("(expected: "), message);
            }
            assertSame(builder, builder.set(name, null), "a property that is not set leaves the default");
        });
        assertDoesNotThrow(() -> assertEquals(settings(KeepAlivePolicy.defaults()), settings(builder.build())));
    }

    @Test
    void everyWrongNumberInAnXmlFileStopsItsConfiguration() throws Exception {
        String sample = xmlOf("jetty-xml.md").get(0);
        Path xml = directory.resolve("wrong.xml");
        for (Map.Entry<String, Object> setting : StrictKeepAliveConnectionFactoryTest.SETTINGS.entrySet()) {
            if (setting.getValue() instanceof Boolean) {
                continue; // to Jetty's XML any text but "true" is false
            }
            for (String wrong : wrong(setting.getValue())) {
                String set = "<Set name=\"%s\">%s</Set>".formatted(property(setting.getKey()), wrong);
                Files.writeString(xml, sample.replaceAll("(?s)<Set name=\"keepAliveTimeout\">.*?(?=</New>)", set));
                assertThrows(Exception.class, () -> configure(xml, new Server(), Map.of()), set);
            }
        }
    }

    @Test
    void aNameThatIsNoSettingIsRefused() {
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class, () -> KeepAlivePolicy.builder().set("keepAliveTimout", "1"));
        assertEquals("keepAliveTimout: 1 (expected: the name of a setting)", refused.getMessage());
    }
}
