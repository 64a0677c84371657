package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.internal.policy.PolicyRules;
import org.strictkeepalive.testkit.FakeConnector;

class StrictKeepAliveConnectionFactoryTest {
    /** Calls a setter as XML does. */
    private static void set(StrictKeepAliveConnectionFactory factory, KeepAliveSetting setting, Object value)
            throws ReflectiveOperationException {
        Class<?> type = switch (setting.getUnit()) {
            case DURATION, AMOUNT -> long.class;
            case COUNT -> int.class;
            case SHARE -> double.class;
            case TRUTH -> boolean.class;
        };
        String name = setting.getName().substring(0, 1).toUpperCase(Locale.ROOT)
                + setting.getName().substring(1);
        StrictKeepAliveConnectionFactory.class
                .getMethod("set" + name, type)
                .invoke(factory, value instanceof Duration duration ? (Object) duration.toMillis() : value);
    }

    @Test
    void everySettingCanBeSetInAnyOrder() throws Exception {
        Map<KeepAliveSetting, Object> others = KeepAliveSettingTest.others();
        List<KeepAliveSetting> settings = new ArrayList<>(others.keySet());
        for (int round = 0; round < 50; round++) {
            Collections.shuffle(settings, new Random(round));
            StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
            assertSame(KeepAlivePolicy.defaults(), factory.getPolicy());
            for (KeepAliveSetting setting : settings) {
                set(factory, setting, others.get(setting));
                assertEquals(others.get(setting), factory.getPolicy().get(setting));
            }
            for (KeepAliveSetting setting : settings) {
                assertEquals(others.get(setting), factory.getPolicy().get(setting));
            }
            assertDoesNotThrow(() -> PolicyRules.check(factory.getPolicy()));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE})
    void timesOfZeroOrLessSwitchTheirLimitOff(long off) {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        factory.setKeepAliveTimeout(off);
        assertEquals(Duration.ZERO, factory.getPolicy().getKeepAliveTimeout());
    }

    @Test
    void whatTheBuilderRefusesIsRefused() {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        assertThrows(IllegalArgumentException.class, () -> factory.setElevatedAt(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> factory.setHighAt(1.5));
        assertThrows(IllegalArgumentException.class, () -> factory.setHysteresis(-1));
        assertThrows(IllegalArgumentException.class, () -> factory.setMaxConnectionAgeJitter(2));
        assertThrows(IllegalArgumentException.class, () -> factory.setLingerTimeout(Long.MAX_VALUE));
        assertSame(KeepAlivePolicy.defaults(), factory.getPolicy());
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
            assertEquals(0.95, factory.getPolicy().getHighAt(), "what is refused is not taken");
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
    void theDumpTellsEverySetting() {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory();
        factory.setMaxConnections(17);
        String dump = factory.dump();
        assertTrue(dump.contains("maxConnections=17"), dump);
        assertTrue(dump.contains("keepAliveTimeout=the connector's idle timeout"), dump);
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            assertTrue(dump.contains("> " + setting + "="), dump);
        }
    }

    /** A connector is taken under government in several steps: another thread may set a policy between two of them. */
    @Test
    void aPolicySetWhileAConnectorStartsIsInForce() throws Exception {
        StrictKeepAliveConnectionFactory[] factory = new StrictKeepAliveConnectionFactory[1];
        KeepAlivePolicy late = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMillis(300))
                .build();
        HttpConfiguration configuration = new HttpConfiguration() {
            @Override
            public List<Customizer> getCustomizers() {
                if (factory[0] != null) {
                    factory[0].setPolicy(late); // When the guards' customizer is added.
                }
                return super.getCustomizers();
            }
        };
        factory[0] = new StrictKeepAliveConnectionFactory(configuration);
        Server server = new Server();
        FakeConnector connector = new FakeConnector(server, 1, factory[0]);
        server.start();
        try {
            assertSame(late, factory[0].governed(connector).decisions().policy());
        } finally {
            server.stop();
        }
    }
}
