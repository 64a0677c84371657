package org.strictkeepalive;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.eclipse.jetty.util.annotation.Name;
import org.eclipse.jetty.util.component.DumpableCollection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.jetty.ConnectorGovernor;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.PolicyRules;

/**
 * Jetty's {@link HttpConnectionFactory} with a strict keep-alive policy for its connections.
 *
 * <p>It takes the place of that factory in a connector:
 *
 * <pre>{@code
 * ServerConnector connector = new ServerConnector(server, new StrictKeepAliveConnectionFactory(config));
 * }</pre>
 *
 * <p>The settings are a {@link KeepAlivePolicy}. Each setting has a setter for XML, which takes times in milliseconds,
 * and an attribute for JMX. All may be changed while running, and then act on open connections. Setters throw {@link
 * IllegalArgumentException} for what {@link KeepAlivePolicy.Builder} refuses. The start of the connector throws it for
 * settings that contradict each other. Safe for use by any thread.
 */
@ManagedObject("HTTP connections with a strict keep-alive policy")
public class StrictKeepAliveConnectionFactory extends SettableConnectionFactory
        implements ConnectionFactory.Configuring {
    private static final Logger LOG = LoggerFactory.getLogger(StrictKeepAliveConnectionFactory.class);

    private static final Logger OPERATORS = LoggerFactory.getLogger(OperatorLog.LOGGER);

    private final Map<Connector, ConnectorGovernor> connectors = new ConcurrentHashMap<>();
    /** The factory that makes the connections, null for this one. */
    private final ConnectionFactory original;
    /** The policy, and what follows from it. */
    private volatile Decisions decisions;
    /** The policy that was refused at a first connection, when it was too late to refuse the start. */
    private volatile KeepAlivePolicy refused;

    /** Creates a factory with the default configuration and the default policy. */
    public StrictKeepAliveConnectionFactory() {
        this(new HttpConfiguration());
    }

    /**
     * Creates a factory with the default policy.
     *
     * @param config the HTTP configuration, which may be shared with other factories
     */
    public StrictKeepAliveConnectionFactory(@Name("config") HttpConfiguration config) {
        this(config, KeepAlivePolicy.defaults());
    }

    /**
     * Creates a factory.
     *
     * @param config the HTTP configuration, which may be shared with other factories
     * @param policy the policy
     * @throws IllegalArgumentException for settings that contradict each other
     */
    public StrictKeepAliveConnectionFactory(
            @Name("config") HttpConfiguration config, @Name("policy") KeepAlivePolicy policy) {
        this(config, policy, null);
    }

    /**
     * Creates a factory that governs the connections of another one.
     *
     * @param original the factory that makes the connections, null for this one
     */
    StrictKeepAliveConnectionFactory(HttpConfiguration config, KeepAlivePolicy policy, ConnectionFactory original) {
        super(config);
        // Here as well as at the start: a start that fails leaves the threads of the server running.
        PolicyRules.check(requirePolicy(policy));
        decisions = new Decisions(policy);
        this.original = original;
        if (original != null) {
            addBean(original);
        }
    }

    /** Gives up the factory that makes the connections: it gets another container. */
    void releaseOriginal() {
        if (original != null) {
            removeBean(original);
        }
    }

    static KeepAlivePolicy requirePolicy(KeepAlivePolicy policy) {
        if (policy == null) {
            throw new IllegalArgumentException("policy: null (expected: a KeepAlivePolicy)");
        }
        return policy;
    }

    @Override
    public KeepAlivePolicy getPolicy() {
        return decisions.policy();
    }

    @Override
    public void setPolicy(KeepAlivePolicy policy) {
        requirePolicy(policy);
        if (connectors.isEmpty()) {
            decisions = new Decisions(policy);
            return;
        }
        PolicyRules.check(policy);
        String changes = PolicyRules.changes(getPolicy(), policy);
        decisions = new Decisions(policy);
        if (!changes.isEmpty()) {
            OPERATORS.info("Settings of {} changed: {}", connectors.keySet(), changes);
        }
        connectors.values().forEach(connector -> connector.server().onPolicyChanged(policy));
    }

    /**
     * Returns the value in force of a setting. That of a timeout that is not set is the idle timeout of the connector,
     * where it differs that of one of them. That of {@code reservedDescriptors} and {@code descriptorLimit} is what the
     * monitor uses now.
     *
     * @param setting the setting
     * @return the value; null for a default that is not known while no connector is started
     */
    public Object getEffective(KeepAliveSetting setting) {
        Object value = getPolicy().get(setting);
        for (Connector connector : connectors.keySet()) {
            DescriptorMonitor monitor = DescriptorMonitor.of(connector.getServer());
            return switch (setting) {
                case RESERVED_DESCRIPTORS -> (int) monitor.getReservedDescriptors();
                case DESCRIPTOR_LIMIT -> monitor.getDescriptorLimit();
                default -> value == null ? Duration.ofMillis(Math.max(connector.getIdleTimeout(), 0)) : value;
            };
        }
        return value;
    }

    private void adoptPressureSettings(KeepAlivePolicy changed) {
        if (!PolicyRules.agree(getPolicy(), changed)) {
            decisions = new Decisions(getPolicy().withPressureSettingsOf(changed));
        }
    }

    /**
     * Returns the monitor of the server.
     *
     * @return the monitor, null while no connector with this factory is started
     */
    public DescriptorMonitor getDescriptorMonitor() {
        for (Connector connector : connectors.keySet()) {
            return connector.getServer().getBean(DescriptorMonitor.class);
        }
        return null;
    }

    /** {@return how many governed connections of its connector are open} */
    @ManagedAttribute("connections open")
    public long getOpen() {
        long closed = getClosed(); // First, so that it is never less than zero.
        return getOpened() - closed;
    }

    /** {@return how many connections its connector has opened since the first start; 0 while it is stopped} */
    @ManagedAttribute("connections opened")
    public long getOpened() {
        return sum(Counters::opened);
    }

    /** {@return how many connections of its connector were closed or left the policy; 0 while it is stopped} */
    @ManagedAttribute("connections closed")
    public long getClosed() {
        return sum(
                of -> of.closed().values().stream().mapToLong(Long::longValue).sum());
    }

    /** {@return how many requests with complete headers came to its connector; 0 while it is stopped} */
    @ManagedAttribute("requests")
    public long getRequests() {
        return sum(Counters::requests);
    }

    private long sum(ToLongFunction<Counters> number) {
        return connectors.values().stream()
                .mapToLong(connector -> number.applyAsLong(connector.counters()))
                .sum();
    }

    /** Checks the settings here as well, since a factory that is a bean of another one is never configured. */
    @Override
    protected void doStart() throws Exception {
        PolicyRules.check(getPolicy());
        super.doStart();
    }

    @Override
    public void configure(Connector connector) {
        if (original instanceof ConnectionFactory.Configuring configuring) {
            configuring.configure(connector);
        }
        governed(connector);
    }

    ConnectorGovernor governed(Connector connector) {
        ConnectorGovernor governed = connectors.get(connector);
        if (governed != null) {
            return governed;
        }
        if (!(connector instanceof AbstractConnector abstractConnector)) {
            throw new IllegalArgumentException(
                    "connector: " + connector + " (expected: an AbstractConnector, such as ServerConnector)");
        }
        governed = connectors.computeIfAbsent(connector, key -> {
            ConnectorGovernor result = new ConnectorGovernor(
                    abstractConnector,
                    DescriptorMonitor.of(connector.getServer()).governor(),
                    getHttpConfiguration(),
                    () -> decisions,
                    this::adoptPressureSettings,
                    () -> connectors.remove(connector));
            result.govern();
            return result;
        });
        governed.announce();
        return governed;
    }

    /**
     * Returns the governor of a connector. Jetty doesn't configure a factory inside another one, such as protocol
     * detection's, so it begins to govern at its first connection, where it can't refuse the start. Returns null if its
     * settings are refused, and logs that once, as an ERROR.
     */
    private ConnectorGovernor governedLate(Connector connector) {
        ConnectorGovernor governed = connectors.get(connector);
        if (governed != null || refused == getPolicy()) {
            return governed;
        }
        try {
            return governed(connector);
        } catch (IllegalArgumentException | IllegalStateException x) {
            refused = getPolicy();
            LOG.error(
                    "{} does not govern {}, whose connections follow Jetty's own rules: {}",
                    this,
                    connector,
                    x.getMessage());
            return null;
        }
    }

    @Override
    public Connection newConnection(Connector connector, EndPoint endPoint) {
        if (!connectors.containsKey(connector) && !connector.isRunning()) {
            // This accept has raced with the stop.
            return newUngoverned(connector, endPoint);
        }
        ConnectorGovernor governed = governedLate(connector);
        if (governed == null) {
            return newUngoverned(connector, endPoint);
        }
        ConnectionGuard guard = new ConnectionGuard(governed, endPoint);
        Connection connection;
        try {
            connection = newUngoverned(connector, guard);
        } catch (ClassCastException x) {
            if (original == null) {
                throw x;
            }
            LOG.debug("{} knows no wrapped endpoint", original, x);
            connection = newUngoverned(connector, endPoint);
        }
        if (guard.bind(connection, getHttpConfiguration())) {
            governed.onGuard(guard);
        } else {
            governed.onForeign(original, connection);
        }
        return connection;
    }

    private Connection newUngoverned(Connector connector, EndPoint endPoint) {
        if (original == null) {
            return super.newConnection(connector, endPoint);
        }
        Connection connection = original.newConnection(connector, endPoint);
        // The original has added its own. It may be a listener itself, or somebody has added one here.
        getEventListeners().forEach(connection::addEventListener);
        return connection;
    }

    @Override
    public String getProtocol() {
        return original == null ? super.getProtocol() : original.getProtocol();
    }

    @Override
    public List<String> getProtocols() {
        return original == null ? super.getProtocols() : original.getProtocols();
    }

    @Override
    public void dump(Appendable out, String indent) throws java.io.IOException {
        KeepAlivePolicy current = getPolicy();
        List<String> settings =
                Arrays.stream(KeepAliveSetting.values()).map(current::toString).toList();
        dumpObjects(
                out,
                indent,
                new DumpableCollection("KeepAlivePolicy", settings),
                new DumpableCollection("connectors", List.copyOf(connectors.keySet())));
    }
}
