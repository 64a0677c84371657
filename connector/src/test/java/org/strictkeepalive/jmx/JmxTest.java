package org.strictkeepalive.jmx;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.management.Attribute;
import javax.management.AttributeList;
import javax.management.AttributeNotFoundException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanException;
import javax.management.MBeanServer;
import javax.management.MBeanServerConnection;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.TabularData;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXConnectorServer;
import javax.management.remote.JMXConnectorServerFactory;
import javax.management.remote.JMXServiceURL;
import org.eclipse.jetty.jmx.MBeanContainer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.KeepAliveSettingTest;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Over a real remote connection. */
class JmxTest {
    private final MBeanServer mbeans = MBeanServerFactory.newMBeanServer();
    private TestServer server;
    private JMXConnectorServer remote;
    private JMXConnector client;
    private MBeanServerConnection connection;

    @BeforeEach
    @SuppressWarnings("BanJNDI") // Both ends are in this process.
    void start() throws Exception {
        server = TestServer.of(
                Transport.CLEAR,
                KeepAlivePolicy.builder().maxRequestsPerConnection(2).build(),
                TestServer.hello());
        server.server.addBean(new MBeanContainer(mbeans));
        server.start();
        remote = JMXConnectorServerFactory.newJMXConnectorServer(
                new JMXServiceURL("service:jmx:rmi://127.0.0.1"), null, mbeans);
        remote.start();
        client = JMXConnectorFactory.connect(remote.getAddress());
        connection = client.getMBeanServerConnection();
    }

    @AfterEach
    void stop() throws Exception {
        client.close();
        remote.stop();
        server.close();
    }

    private ObjectName bean(String type) throws Exception {
        Set<ObjectName> names = connection.queryNames(new ObjectName("org.strictkeepalive:type=" + type + ",*"), null);
        assertEquals(1, names.size(), () -> type + ": " + names);
        return names.iterator().next();
    }

    private Object get(String type, String attribute) throws Exception {
        return connection.getAttribute(bean(type), attribute);
    }

    @Test
    void theNumbersAreThere() throws Exception {
        try (RawClient last = server.connect();
                RawClient idle = server.connect()) {
            last.get();
            last.get();
            idle.get();
            assertEquals("NORMAL", get("descriptormonitor", "level"));
            assertEquals(server.monitor().getProbeName(), get("descriptormonitor", "probeName"));
            assertTrue((long) get("descriptormonitor", "usedDescriptors") > 0);
            assertEquals(server.monitor().getDescriptorLimit(), get("descriptormonitor", "descriptorLimit"));
            assertTrue((long) get("descriptormonitor", "longestIdle") >= 0);
            assertEquals(3L, get("keepalivestatistics", "requests"));
            assertEquals(1, ((CompositeData) get("keepalivestatistics", "connectionsByState")).get("IDLE"));
            for (String byReason : List.of("closedByReason", "racesByReason", "regretsByReason")) {
                assertEquals(0L, ((CompositeData) get("keepalivestatistics", byReason)).get("EVICTED"));
            }
            CompositeData reuses = (CompositeData) get("keepalivestatistics", "reusesByIdleTime");
            assertEquals(
                    server.monitor().getStatistics().getReusesByIdleTime().size(),
                    reuses.values().size());
            assertEquals(0, ((TabularData) get("keepalivestatistics", "racesByPeer")).size());
            assertEquals(0, get("descriptormonitor", "levelNumber"));
            TabularData byConnector = (TabularData) get("keepalivestatistics", "connectionsByConnector");
            String connector = ":" + server.port();
            assertEquals(2L, byConnector.get(new Object[] {connector}).get("value"));
            TabularData requests = (TabularData) get("keepalivestatistics", "requestsByConnector");
            assertEquals(3L, requests.get(new Object[] {connector}).get("value"));
            assertEquals(3L, get("strictkeepaliveconnectionfactory", "requests"));
            assertEquals(
                    get("strictkeepaliveconnectionfactory", "opened"),
                    (long) get("strictkeepaliveconnectionfactory", "open")
                            + (long) get("strictkeepaliveconnectionfactory", "closed"));
        }
    }

    @Test
    void everySettingIsAnAttributeOfAPlainType() throws Exception {
        ObjectName factory = bean("strictkeepaliveconnectionfactory");
        Map<String, MBeanAttributeInfo> attributes = new HashMap<>();
        for (MBeanAttributeInfo attribute : connection.getMBeanInfo(factory).getAttributes()) {
            assertNull(attributes.put(attribute.getName(), attribute), attribute.getName());
        }
        assertTrue(attributes.containsKey("protocol"), "Jetty's own stay");
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            MBeanAttributeInfo attribute = attributes.get(setting.getName());
            assertTrue(attribute.isReadable() && attribute.isWritable(), setting.getName());
            assertEquals(setting.getDescription(), attribute.getDescription());
            Object value = connection.getAttribute(factory, setting.getName());
            assertEquals(
                    attribute.getType(),
                    value.getClass().getField("TYPE").get(null).toString());
        }
        assertEquals(-1L, connection.getAttribute(factory, "keepAliveTimeout"));
        assertEquals(-1, connection.getAttribute(factory, "reservedDescriptors"));
        assertEquals(10_000L, connection.getAttribute(factory, "requestHeaderTimeout"));
        assertEquals(2, connection.getAttribute(factory, "maxRequestsPerConnection"));
    }

    @Test
    void settingsAreWritableAndRefuseWhatTheBuilderRefuses() throws Exception {
        ObjectName factory = bean("strictkeepaliveconnectionfactory");
        KeepAliveSettingTest.others().forEach((setting, value) -> {
            Object plain = value instanceof Duration duration ? (Object) duration.toMillis() : value;
            Attribute attribute = new Attribute(setting.getName(), plain);
            assertDoesNotThrow(() -> connection.setAttribute(factory, attribute), setting.getName());
            assertEquals(plain, assertDoesNotThrow(() -> connection.getAttribute(factory, setting.getName())));
            assertEquals(value, server.factory().getPolicy().get(setting));
        });
        AttributeList set = connection.setAttributes(
                factory, new AttributeList(List.of(new Attribute("highAt", 0.9), new Attribute("elevatedAt", 0.85))));
        assertEquals(2, set.size());
        assertEquals(
                List.of(new Attribute("highAt", 0.9), new Attribute("elevatedAt", 0.85)),
                connection.getAttributes(factory, new String[] {"highAt", "elevatedAt"}));
        for (Object wrong : new Object[] {1.5, 0.8, "many", null}) {
            MBeanException x = assertThrows(
                    MBeanException.class, () -> connection.setAttribute(factory, new Attribute("highAt", wrong)));
            String message = x.getCause().getMessage();
            assertEquals(IllegalArgumentException.class, x.getCause().getClass());
            assertTrue(message.contains("highAt") && message.contains("(expected: "), message);
        }
        assertEquals(0.9, connection.getAttribute(factory, "highAt"), "what is refused is not taken");
        assertThrows(
                AttributeNotFoundException.class,
                () -> connection.setAttribute(factory, new Attribute("keepAliveTimout", 1L)));
        assertThrows(AttributeNotFoundException.class, () -> connection.getAttribute(factory, "keepAliveTimout"));
    }

    @Test
    void whatWasReadCanBeWrittenBack() throws Exception {
        ObjectName factory = bean("strictkeepaliveconnectionfactory");
        KeepAlivePolicy before = server.factory().getPolicy();
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            Object read = connection.getAttribute(factory, setting.getName());
            connection.setAttribute(factory, new Attribute(setting.getName(), read));
            assertEquals(before.get(setting), server.factory().getPolicy().get(setting), setting.getName());
        }
        assertEquals(30_000L, connection.getAttribute(factory, "effectiveKeepAliveTimeout"));
        assertEquals(30_000L, connection.getAttribute(factory, "effectiveFirstRequestTimeout"));
        assertEquals(
                (int) server.monitor().getReservedDescriptors(),
                connection.getAttribute(factory, "effectiveReservedDescriptors"));

        connection.setAttribute(factory, new Attribute("keepAliveTimeout", 7_000L));
        assertEquals(7_000L, connection.getAttribute(factory, "effectiveKeepAliveTimeout"));
        connection.setAttribute(factory, new Attribute("keepAliveTimeout", -1L));
        assertEquals(-1L, connection.getAttribute(factory, "keepAliveTimeout"));
        assertEquals(30_000L, connection.getAttribute(factory, "effectiveKeepAliveTimeout"));
    }

    @Test
    void moreDescriptorsThanTheProcessHasAreRefused() throws Exception {
        ObjectName factory = bean("strictkeepaliveconnectionfactory");
        long most = (long) get("descriptormonitor", "processDescriptorLimit");
        connection.setAttribute(factory, new Attribute("descriptorLimit", most));
        MBeanException x = assertThrows(
                MBeanException.class,
                () -> connection.setAttribute(factory, new Attribute("descriptorLimit", most + 1)));
        assertTrue(x.getCause().getMessage().startsWith("descriptorLimit: " + (most + 1)), x.toString());
        server.factory()
                .setPolicy(KeepAlivePolicy.builder().descriptorLimit(most + 1).build());
        connection.setAttribute(factory, new Attribute("descriptorLimit", most + 1)); // what is read
        assertEquals(most, connection.getAttribute(factory, "effectiveDescriptorLimit"));
    }

    @Test
    void operationsAct() throws Exception {
        try (RawClient idle = server.connect()) {
            idle.get();
            ObjectName monitor = bean("descriptormonitor");
            await().until(() ->
                    connection.invoke(monitor, "evictIdle", null, null).equals(1));
            idle.awaitEnd();
        }
        server.awaitClosed(CloseReason.EVICTED, 1);
        ObjectName monitor = bean("descriptormonitor");
        assertThrows(
                MBeanException.class,
                () -> connection.invoke(monitor, "drain", new Object[] {-1L}, new String[] {"long"}));
        assertEquals(false, connection.getAttribute(monitor, "draining"));
        connection.invoke(monitor, "drain", new Object[] {60_000L}, new String[] {"long"});
        assertEquals(true, connection.getAttribute(monitor, "draining"));
        connection.invoke(monitor, "resume", null, null);
        assertEquals(false, connection.getAttribute(monitor, "draining"));
        ObjectName statistics = bean("keepalivestatistics");
        connection.invoke(statistics, "reset", null, null);
        assertEquals(0, connection.getAttribute(statistics, "mostOpen"));
        assertEquals(0L, connection.getAttribute(statistics, "opened"));
        assertEquals(0L, connection.getAttribute(statistics, "closed"));
        assertEquals(0L, connection.getAttribute(statistics, "requests"));
    }

    @Test
    void aClientNeedsNoneOfOurClasses() throws Exception {
        for (ObjectName name : connection.queryNames(new ObjectName("org.strictkeepalive:*"), null)) {
            for (MBeanAttributeInfo attribute : connection.getMBeanInfo(name).getAttributes()) {
                assertIsOfTheJdk(name + " " + attribute.getName(), connection.getAttribute(name, attribute.getName()));
            }
        }
    }

    private static void assertIsOfTheJdk(String name, Object value) {
        if (value instanceof Map<?, ?> map) {
            map.keySet().forEach(key -> assertIsOfTheJdk(name, key));
            map.values().forEach(each -> assertIsOfTheJdk(name, each));
        } else if (value instanceof Object[] array) {
            List.of(array).forEach(each -> assertIsOfTheJdk(name, each));
        }
        assertTrue(value == null || !value.getClass().getName().startsWith("org."), () -> name + " is " + value);
    }
}
