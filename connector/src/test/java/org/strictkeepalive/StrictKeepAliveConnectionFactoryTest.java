package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StrictKeepAliveConnectionFactoryTest {
    /** Every setting with a value that is not its default, in the types that XML has. */
    static final Map<String, Object> SETTINGS = new LinkedHashMap<>();

    static {
        SETTINGS.put("KeepAliveTimeout", 3_001L);
        SETTINGS.put("MinKeepAliveTimeout", 1_002L);
        SETTINGS.put("RequestHeaderTimeout", 4_003L);
        SETTINGS.put("FirstRequestTimeout", 4_004L);
        SETTINGS.put("HandshakeTimeout", 4_013L);
        SETTINGS.put("MinRequestHeaderTimeout", 1_005L);
        SETTINGS.put("MaxRequestsPerConnection", 6);
        SETTINGS.put("MaxConnectionAge", 7_007L);
        SETTINGS.put("MaxConnectionAgeJitter", 0.25);
        SETTINGS.put("LingerTimeout", 1_008L);
        SETTINGS.put("UnreadBodyLingerTimeout", 1_009L);
        SETTINGS.put("MinDataRate", 100L);
        SETTINGS.put("DataRateGrace", 4_011L);
        SETTINGS.put("AbandonedTimeout", 4_013L);
        SETTINGS.put("AdvertiseKeepAlive", false);
        SETTINGS.put("KeepAliveTimeoutBuffer", 1_012L);
        SETTINGS.put("ElevatedAt", 0.85);
        SETTINGS.put("HighAt", 0.95);
        SETTINGS.put("Hysteresis", 0.04);
        SETTINGS.put("FairShare", 0.35);
        SETTINGS.put("ReservedDescriptors", 13);
        SETTINGS.put("DescriptorLimit", 1_014L);
        SETTINGS.put("MaxConnections", 15);
        SETTINGS.put("PauseAcceptWhenCritical", false);
        SETTINGS.put("SampleInterval", 60L);
    }

    private static Class<?> type(Object value) throws ReflectiveOperationException {
        return (Class<?>) value.getClass().getField("TYPE").get(null);
    }

    private static void set(StrictKeepAliveConnectionFactory factory, String name, Object value)
            throws ReflectiveOperationException {
        StrictKeepAliveConnectionFactory.class
                .getMethod("set" + name, type(value))
                .invoke(factory, value);
    }

    static Object get(Object object, String name) throws ReflectiveOperationException {
        Method getter;
        try {
            getter = object.getClass().getMethod("get" + name);
        } catch (NoSuchMethodException x) {
            getter = object.getClass().getMethod("is" + name);
        }
        return getter.invoke(object);
    }

    @Test
    void theSettingsAreAllThatThePolicyHas() {
        TreeSet<String> ofThePolicy = new TreeSet<>();
        for (Method method : KeepAlivePolicy.Builder.class.getMethods()) {
            if (method.getReturnType() == KeepAlivePolicy.Builder.class && method.getParameterCount() == 1) {
                String name = method.getName();
                ofThePolicy.add(Character.toUpperCase(name.charAt(0)) + name.substring(1));
            }
        }
        assertEquals(ofThePolicy, new TreeSet<>(SETTINGS.keySet()));
    }

    @Test
    void everySettingCanBeSetAndReadBackInAnyOrder() throws Exception {
        List<String> names = new ArrayList<>(SETTINGS.keySet());
        for (int round = 0; round < 50; round++) {
            Collections.shuffle(names, new Random(round));
            StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
            for (String name : names) {
                set(factory, name, SETTINGS.get(name));
                assertEquals(SETTINGS.get(name), get(factory, name), name);
            }
            for (String name : names) {
                assertEquals(SETTINGS.get(name), get(factory, name), name);
                Object inPolicy = get(factory.getPolicy(), name);
                assertEquals(
                        SETTINGS.get(name),
                        inPolicy instanceof Duration duration ? duration.toMillis() : inPolicy,
                        name);
            }
            assertDoesNotThrow(factory.getPolicy()::validate);
        }
    }

    @Test
    void everySettingStartsAtItsDefaultAndIsManaged() throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        for (String name : SETTINGS.keySet()) {
            Object inPolicy = get(KeepAlivePolicy.defaults(), name);
            Object expected =
                    inPolicy == null ? -1L : inPolicy instanceof Duration d ? (Object) d.toMillis() : inPolicy;
            assertEquals(expected.toString(), get(factory, name).toString(), name);
            Method getter;
            try {
                getter = StrictKeepAliveConnectionFactory.class.getMethod("get" + name);
            } catch (NoSuchMethodException x) {
                getter = StrictKeepAliveConnectionFactory.class.getMethod("is" + name);
            }
            assertTrue(getter.isAnnotationPresent(ManagedAttribute.class), name);
        }
        assertSame(KeepAlivePolicy.defaults(), factory.getPolicy());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE})
    void timesOfZeroOrLessSwitchTheirLimitOff(long off) throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        for (String name : SETTINGS.keySet()) {
            if ((name.contains("Timeout") || name.endsWith("Age") || name.endsWith("Grace"))
                    && SETTINGS.get(name) instanceof Long) {
                set(factory, name, off);
                assertEquals(0L, get(factory, name), name);
            }
        }
        assertEquals(Duration.ZERO, factory.getPolicy().getKeepAliveTimeout());
    }

    @Test
    void aTimeTooLongIsRefusedWithItsName() throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        for (String name : SETTINGS.keySet()) {
            if (SETTINGS.get(name) instanceof Long && !name.equals("MinDataRate") && !name.equals("DescriptorLimit")) {
                Throwable cause = assertThrows(
                                InvocationTargetException.class, () -> set(factory, name, Long.MAX_VALUE), name)
                        .getCause();
                assertEquals(IllegalArgumentException.class, cause.getClass());
                String property = Character.toLowerCase(name.charAt(0)) + name.substring(1);
                assertTrue(cause.getMessage().startsWith(property + ": "), cause.getMessage());
            }
        }
        assertTrue(factory.getPolicy().hasSamePressureSettings(KeepAlivePolicy.defaults()));
    }

    @Test
    void sharesThatAreNoneAreRefused() {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        assertThrows(IllegalArgumentException.class, () -> factory.setElevatedAt(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> factory.setHighAt(1.5));
        assertThrows(IllegalArgumentException.class, () -> factory.setHysteresis(-1));
        assertThrows(IllegalArgumentException.class, () -> factory.setMaxConnectionAgeJitter(2));
    }

    @Test
    void constructorsAreThoseOfJettysFactoryAndOneWithThePolicy() {
        HttpConfiguration config = new HttpConfiguration();
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().maxRequestsPerConnection(3).build();
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(config, policy);
        assertSame(config, factory.getHttpConfiguration());
        assertSame(policy, factory.getPolicy());
        assertSame(config, new StrictKeepAliveConnectionFactory(config).getHttpConfiguration());
        assertTrue(HttpConnectionFactory.class.isInstance(factory));
        assertEquals(HttpVersion.HTTP_1_1.asString(), factory.getProtocol());
        assertEquals(new HttpConnectionFactory().getProtocols(), factory.getProtocols());
    }

    @Test
    void noPolicyIsRefused() {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        String message = assertThrows(IllegalArgumentException.class, () -> factory.setPolicy(null))
                .getMessage();
        assertTrue(message.startsWith("policy: null"), message);
        assertThrows(
                IllegalArgumentException.class,
                () -> new StrictKeepAliveConnectionFactory(new HttpConfiguration(), null));
    }

    @Test
    void thereIsAMonitorWhileAConnectorIsStarted() throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        assertNull(factory.getDescriptorMonitor());
        Server server = new Server();
        new FakeConnector(server, 0, factory);
        server.start();
        assertSame(DescriptorMonitor.of(server), factory.getDescriptorMonitor());
        server.stop();
        assertNull(factory.getDescriptorMonitor());
    }

    @Test
    void settingsThatContradictEachOtherAreRefusedAtStartAndWhileRunning() throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        factory.setElevatedAt(0.9);
        Server server = new Server();
        new FakeConnector(server, 0, factory);
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, server::start);
        assertTrue(refused.getMessage().startsWith("elevatedAt: 0.9"), refused.getMessage());
        server.stop();
        factory.setHighAt(0.95);
        server.start();
        try {
            assertThrows(IllegalArgumentException.class, () -> factory.setHighAt(0.9));
            assertEquals(0.95, factory.getHighAt(), "what is refused is not taken");
        } finally {
            server.stop();
        }
    }

    @Test
    void theConfigurationIsLeftAsItWasFound() throws Exception {
        HttpConfiguration config = new HttpConfiguration();
        HttpConfiguration.Customizer own = (request, headers) -> request;
        config.addCustomizer(own);
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(config);
        Server server = new Server();
        new FakeConnector(server, 0, factory);
        for (int i = 0; i < 3; i++) {
            server.start();
            assertEquals(2, config.getCustomizers().size());
            assertSame(own, config.getCustomizers().get(1), "the policy's comes first");
            server.stop();
            assertEquals(List.of(own), config.getCustomizers());
        }
    }

    @Test
    void theDumpTellsOfThePolicy() {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        assertTrue(factory.dump().contains("KeepAlivePolicy"), factory.dump());
    }
}
