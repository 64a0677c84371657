package org.strictkeepalive;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.component.Container;
import org.eclipse.jetty.util.component.LifeCycle;
import org.eclipse.jetty.util.thread.AutoLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.PolicyRules;

/**
 * Puts the strict keep-alive policy into an existing server, and takes it out again.
 *
 * <pre>{@code
 * StrictKeepAlive.install(server);
 * server.start();
 * }</pre>
 *
 * <p>Each connector's HTTP/1.1 factory is replaced in place by a {@link StrictKeepAliveConnectionFactory} with the same
 * {@code HttpConfiguration} and settings. The order of the protocols and the default protocol stay, so connectors with
 * TLS, ALPN or PROXY go on as they did.
 *
 * <p>Frameworks often put a factory of their own in a connector: one whose class extends {@link HttpConnectionFactory},
 * or one that wraps it and has it as a bean. Such a factory goes on making the connections, with an {@code
 * EndPoint.Wrapper} whose {@code unwrap()} is Jetty's endpoint. If it wraps that once more, casts it, or makes connections
 * with another {@code HttpConfiguration}, its connections are not governed, with a warning. A {@code
 * StrictKeepAliveConnectionFactory} that is wrapped stays with its own settings, and is configured at the start of its
 * connector.
 *
 * <p>Not safe for use by several threads at once, except {@link #getPolicy} and {@link #setPolicy}.
 */
public final class StrictKeepAlive {
    private static final Logger LOG = LoggerFactory.getLogger(OperatorLog.LOGGER);

    private final Server server;
    private final AutoLock lock = new AutoLock();
    /** Guarded by the lock. */
    private final Map<AbstractConnector, GovernedFactory> governed = new LinkedHashMap<>();

    private final InstallOnStart onStart = new InstallOnStart();
    private volatile KeepAlivePolicy policy;

    private StrictKeepAlive(Server server, KeepAlivePolicy policy) {
        this.server = server;
        this.policy = policy;
    }

    /**
     * Installs the default policy on all connectors of a server.
     *
     * @param server the server; its connectors are not started
     * @return what was installed
     * @throws IllegalStateException if a connector is running, or none has an HTTP/1.1 factory
     */
    public static StrictKeepAlive install(Server server) {
        return install(server, KeepAlivePolicy.defaults());
    }

    /**
     * Installs a policy on all connectors of a server.
     *
     * <p>The server may be starting already, as in {@code LifeCycle.Listener.lifeCycleStarting}. An {@code
     * acceptQueueSize} that is unset (the JDK then uses 50) is set to 1024, so that visitors can wait in the listen
     * backlog. An HTTP/1.1 factory inside a {@code DetectorConnectionFactory} is left alone, with a warning.
     *
     * @param server the server; its connectors are not started
     * @param policy the policy
     * @return what was installed
     * @throws IllegalArgumentException if the policy is null, or its settings contradict each other
     * @throws IllegalStateException if a connector is running, or none has an HTTP/1.1 factory
     */
    public static StrictKeepAlive install(Server server, KeepAlivePolicy policy) {
        return install(server, policy, server.getConnectors());
    }

    /**
     * Installs a policy on some connectors of a server. The others, for example one for administration, stay as they
     * are and never pause.
     *
     * @param server the server
     * @param policy the policy
     * @param connectors connectors of the server, not started
     * @return what was installed
     * @throws IllegalArgumentException if the policy is null or its settings contradict each other, or a connector is
     *     another server's
     * @throws IllegalStateException if a connector is running, or none has an HTTP/1.1 factory
     * @see #install(Server, KeepAlivePolicy)
     */
    public static StrictKeepAlive install(Server server, KeepAlivePolicy policy, Connector... connectors) {
        StrictKeepAlive result = create(server, policy);
        for (Connector connector : connectors) {
            if (connector.getServer() != server) {
                throw new IllegalArgumentException(
                        "connectors: " + connector + " (expected: a connector of " + server + ")");
            }
            if (connector.isRunning()) {
                throw running(connector);
            }
        }
        result.govern(connectors);
        if (result.governed.isEmpty()) {
            throw result.nothing();
        }
        return result;
    }

    /**
     * Installs the default policy on all connectors that a server has when it starts.
     *
     * @param server the server
     * @return what will be installed
     * @throws IllegalStateException if the server was started already
     * @see #installOnStart(Server, KeepAlivePolicy)
     */
    public static StrictKeepAlive installOnStart(Server server) {
        return installOnStart(server, KeepAlivePolicy.defaults());
    }

    /**
     * Installs a policy on all connectors that a server has when it starts, and on those that are added while it runs,
     * with the factories that they have then. For frameworks that hand out the server before its connectors exist. The
     * start fails with {@link IllegalStateException} if there are connectors, and none has an HTTP/1.1 factory.
     *
     * @param server the server, not started
     * @param policy the policy
     * @return what will be installed
     * @throws IllegalArgumentException if the policy is null, or its settings contradict each other
     * @throws IllegalStateException if the server was started already, or is starting: then {@link #install} can be used
     */
    public static StrictKeepAlive installOnStart(Server server, KeepAlivePolicy policy) {
        StrictKeepAlive result = create(server, policy);
        if (server.isRunning()) {
            throw new IllegalStateException("server: " + server + " (expected: not started)");
        }
        server.addEventListener(result.onStart);
        return result;
    }

    private static StrictKeepAlive create(Server server, KeepAlivePolicy policy) {
        // Here, not at the start: by then the server has threads that keep the JVM alive.
        PolicyRules.check(StrictKeepAliveConnectionFactory.requirePolicy(policy));
        return new StrictKeepAlive(server, policy);
    }

    private void govern(Connector... connectors) {
        try (AutoLock ignored = lock.lock()) {
            for (Connector connector : connectors) {
                governOne(connector);
            }
        }
    }

    private void governOne(Connector connector) {
        if (!(connector instanceof AbstractConnector http)) {
            return;
        }
        GovernedFactory known = governed.get(http);
        if (known != null && known.isInPlace()) {
            return;
        }
        if (http.isRunning()) {
            throw running(connector);
        }
        governed.remove(http);
        KeepAlivePolicy wanted = policy;
        for (GovernedFactory other : governed.values()) {
            if (!PolicyRules.agree(wanted, other.policy())) {
                wanted = wanted.withPressureSettingsOf(other.policy()); // They have changed while running.
            }
        }
        GovernedFactory factory = GovernedFactory.of(http, wanted);
        if (factory != null) {
            governed.put(http, factory);
        }
    }

    private static IllegalStateException running(Connector connector) {
        return new IllegalStateException("connectors: " + connector + " (expected: not started)");
    }

    private static boolean isStrict(Connector connector) {
        return connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class) != null;
    }

    private boolean isGoverned(Connector connector) {
        try (AutoLock ignored = lock.lock()) {
            return isStrict(connector) || governed.containsKey(connector);
        }
    }

    private IllegalStateException nothing() {
        boolean strict = Stream.of(server.getConnectors()).anyMatch(StrictKeepAlive::isStrict);
        return new IllegalStateException("server: " + server + " (expected: a connector with an HttpConnectionFactory"
                + (strict ? " that is not governed already)" : ")"));
    }

    /** Governs the connectors as the server starts, before they do. */
    private final class InstallOnStart implements LifeCycle.Listener, Container.Listener {
        @Override
        public void lifeCycleStarting(LifeCycle starting) {
            Connector[] connectors = server.getConnectors();
            govern(connectors);
            // If there is none yet, they come later.
            if (connectors.length > 0 && Stream.of(connectors).noneMatch(StrictKeepAlive.this::isGoverned)) {
                throw nothing();
            }
        }

        @Override
        public void lifeCycleStarted(LifeCycle started) {
            if (server.getConnectors().length == 0) {
                LOG.warn("{} has no connector yet: those that are added will be governed", server);
            }
        }

        @Override
        public void beanAdded(Container parent, Object child) {
            if (server.isRunning() && child instanceof Connector added && !added.isRunning()) {
                govern(added);
            }
        }

        @Override
        public void beanRemoved(Container parent, Object child) {
            if (server.isRunning() && child instanceof AbstractConnector removed) {
                try (AutoLock ignored = lock.lock()) {
                    governed.remove(removed);
                }
            }
        }
    }

    /**
     * Tells whether a policy is installed on a server, or will be when it starts.
     *
     * @param server the server
     * @return true if one of its connectors has a {@link StrictKeepAliveConnectionFactory}, or {@link #installOnStart} was
     *     called for it
     */
    public static boolean isInstalled(Server server) {
        return Stream.of(server.getConnectors()).anyMatch(StrictKeepAlive::isStrict)
                || server.getEventListeners().stream().anyMatch(InstallOnStart.class::isInstance);
    }

    /**
     * Puts back the factories and the {@code acceptQueueSize} that the connectors had before. Removes the monitor, unless
     * another policy is installed on the server.
     *
     * @throws IllegalStateException if the server is running
     */
    public void uninstall() {
        if (server.isRunning()) {
            throw new IllegalStateException("server: " + server + " (expected: stopped)");
        }
        server.removeEventListener(onStart);
        try (AutoLock ignored = lock.lock()) {
            governed.values().stream().filter(GovernedFactory::isInPlace).forEach(GovernedFactory::putBack);
            governed.clear();
        }
        DescriptorMonitor monitor = server.getBean(DescriptorMonitor.class);
        if (monitor != null && !isInstalled(server)) {
            server.removeBean(monitor.getStatistics());
            server.removeBean(monitor);
        }
    }

    /**
     * Returns the policy.
     *
     * @return the policy
     */
    public KeepAlivePolicy getPolicy() {
        return policy;
    }

    /**
     * Replaces the policy on all connectors, also while they run. A factory that was strict already keeps its own.
     *
     * @param policy the policy
     * @throws IllegalArgumentException for null and, while running, for settings that contradict each other
     */
    public void setPolicy(KeepAlivePolicy policy) {
        StrictKeepAliveConnectionFactory.requirePolicy(policy);
        try (AutoLock ignored = lock.lock()) {
            governed.values().forEach(factory -> factory.setPolicy(policy));
            this.policy = policy;
        }
    }

    /**
     * Returns the monitor of the server.
     *
     * @return the monitor
     */
    public DescriptorMonitor getDescriptorMonitor() {
        return DescriptorMonitor.of(server);
    }
}
