package org.strictkeepalive;

import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.component.Container;
import org.eclipse.jetty.util.component.LifeCycle;

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
 * or one that wraps it and has it as a bean. Such a factory goes on making the connections. A {@code
 * StrictKeepAliveConnectionFactory} that is wrapped stays, and is configured at the start of its connector.
 *
 * <p>Not safe for use by several threads at once, except {@link #getPolicy} and {@link #setPolicy}.
 */
public final class StrictKeepAlive {
    private final Server server;
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
     * @throws IllegalArgumentException if the policy is null
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
     * @throws IllegalArgumentException if the policy is null, or a connector is another server's
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
                throw new IllegalStateException("connectors: " + connector + " (expected: not started)");
            }
        }
        result.govern(connectors);
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
     * Installs a policy on all connectors that a server has when it starts, and on those that are added while it runs.
     * For frameworks that hand out the server before its connectors exist. The start fails with {@link
     * IllegalStateException} if no connector has an HTTP/1.1 factory then.
     *
     * @param server the server, not started
     * @param policy the policy
     * @return what will be installed
     * @throws IllegalArgumentException if the policy is null
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
        return new StrictKeepAlive(server, StrictKeepAliveConnectionFactory.requirePolicy(policy));
    }

    private void govern(Connector... connectors) {
        for (Connector connector : connectors) {
            govern(connector);
        }
        if (governed.isEmpty()) {
            throw new IllegalStateException(
                    "server: " + server + " (expected: a connector with an HttpConnectionFactory)");
        }
    }

    private void govern(Connector connector) {
        if (connector instanceof AbstractConnector http && !governed.containsKey(http)) {
            GovernedFactory factory = GovernedFactory.of(http, policy);
            if (factory != null) {
                governed.put(http, factory);
            }
        }
    }

    /** Governs the connectors as the server starts, before they do. */
    private final class InstallOnStart implements LifeCycle.Listener, Container.Listener {
        @Override
        public void lifeCycleStarting(LifeCycle starting) {
            govern(server.getConnectors());
        }

        @Override
        public void beanAdded(Container parent, Object child) {
            if (server.isRunning() && child instanceof Connector added && !added.isRunning()) {
                govern(added);
            }
        }

        @Override
        public void beanRemoved(Container parent, Object child) {}
    }

    /**
     * Puts back the factories and the {@code acceptQueueSize} that the connectors had before, and removes the monitor.
     *
     * @throws IllegalStateException if the server is running
     */
    public void uninstall() {
        if (server.isRunning()) {
            throw new IllegalStateException("server: " + server + " (expected: stopped)");
        }
        server.removeEventListener(onStart);
        governed.values().forEach(GovernedFactory::putBack);
        governed.clear();
        DescriptorMonitor monitor = server.getBean(DescriptorMonitor.class);
        if (monitor != null) {
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
     * Replaces the policy on all connectors, also while they run.
     *
     * @param policy the policy
     * @throws IllegalArgumentException for null and, while running, for settings that contradict each other
     */
    public void setPolicy(KeepAlivePolicy policy) {
        StrictKeepAliveConnectionFactory.requirePolicy(policy);
        governed.values().forEach(factory -> factory.strict().setPolicy(policy));
        this.policy = policy;
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
