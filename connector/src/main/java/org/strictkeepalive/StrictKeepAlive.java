package org.strictkeepalive;

import java.util.ArrayList;
import java.util.EventListener;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.DetectorConnectionFactory;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
 * TLS, ALPN or PROXY go on as they did. Not safe for use by several threads at once, except {@link #getPolicy} and
 * {@link #setPolicy}.
 */
public final class StrictKeepAlive {
    private static final Logger LOG = LoggerFactory.getLogger(StrictKeepAlive.class);
    private static final int ACCEPT_QUEUE_SIZE = 1024;

    private final Server server;
    private final Map<AbstractConnector, Replaced> replaced = new LinkedHashMap<>();
    private volatile KeepAlivePolicy policy;

    /** What a connector had before. */
    private record Replaced(
            List<ConnectionFactory> factories,
            String defaultProtocol,
            int acceptQueueSize,
            StrictKeepAliveConnectionFactory strict) {}

    private StrictKeepAlive(Server server, KeepAlivePolicy policy) {
        this.server = server;
        this.policy = policy;
    }

    /**
     * Installs the default policy on all connectors of a server.
     *
     * @param server the server, not started
     * @return what was installed
     * @throws IllegalStateException if the server is running, or has no connector with an HTTP/1.1 factory
     */
    public static StrictKeepAlive install(Server server) {
        return install(server, KeepAlivePolicy.defaults());
    }

    /**
     * Installs a policy on all connectors of a server.
     *
     * <p>A connector is left alone, with a warning, if the class of its HTTP/1.1 factory only extends {@link
     * HttpConnectionFactory}, or if that factory is inside protocol detection. An {@code acceptQueueSize} that is unset
     * (the JDK then uses 50) is set to 1024, so that visitors can wait in the listen backlog.
     *
     * @param server the server, not started
     * @param policy the policy
     * @return what was installed
     * @throws IllegalArgumentException if the policy is null
     * @throws IllegalStateException if the server is running, or has no connector with an HTTP/1.1 factory
     */
    public static StrictKeepAlive install(Server server, KeepAlivePolicy policy) {
        return install(server, policy, server.getConnectors());
    }

    /**
     * Installs a policy on some connectors of a server. The others, for example one for administration, stay as they
     * are and never pause.
     *
     * @param server the server, not started
     * @param policy the policy
     * @param connectors connectors of the server
     * @return what was installed
     * @throws IllegalArgumentException if the policy is null, or a connector is another server's
     * @throws IllegalStateException if the server is running, or no connector has an HTTP/1.1 factory
     * @see #install(Server, KeepAlivePolicy)
     */
    public static StrictKeepAlive install(Server server, KeepAlivePolicy policy, Connector... connectors) {
        if (policy == null) {
            throw new IllegalArgumentException("policy: null (expected: a KeepAlivePolicy)");
        }
        if (server.isRunning()) {
            throw new IllegalStateException("server: " + server + " (expected: not started)");
        }
        for (Connector connector : connectors) {
            if (connector.getServer() != server) {
                throw new IllegalArgumentException(
                        "connectors: " + connector + " (expected: a connector of " + server + ")");
            }
        }
        StrictKeepAlive result = new StrictKeepAlive(server, policy);
        for (Connector connector : connectors) {
            if (connector instanceof AbstractConnector abstractConnector) {
                result.replace(abstractConnector);
            }
        }
        if (result.replaced.isEmpty()) {
            throw new IllegalStateException(
                    "server: " + server + " (expected: a connector with an HttpConnectionFactory)");
        }
        return result;
    }

    private void replace(AbstractConnector connector) {
        List<ConnectionFactory> before = new ArrayList<>(connector.getConnectionFactories());
        List<ConnectionFactory> after = new ArrayList<>();
        StrictKeepAliveConnectionFactory strict = null;
        for (ConnectionFactory factory : before) {
            if (factory.getClass() == HttpConnectionFactory.class) {
                strict = copy((HttpConnectionFactory) factory);
                after.add(strict);
            } else {
                if (factory instanceof HttpConnectionFactory
                        && !(factory instanceof StrictKeepAliveConnectionFactory)) {
                    LOG.warn(
                            "{} of {} is left alone: its class only extends HttpConnectionFactory", factory, connector);
                } else if (factory instanceof DetectorConnectionFactory detector
                        && !detector.getBeans(HttpConnectionFactory.class).isEmpty()) {
                    LOG.warn("The HTTP/1.1 factory inside {} of {} is left alone", factory, connector);
                }
                after.add(factory);
            }
        }
        if (strict == null) {
            return;
        }
        int acceptQueueSize = connector instanceof ServerConnector tcp ? tcp.getAcceptQueueSize() : -1;
        replaced.put(connector, new Replaced(before, connector.getDefaultProtocol(), acceptQueueSize, strict));
        setFactories(connector, after, connector.getDefaultProtocol());
        if (acceptQueueSize == 0) {
            ((ServerConnector) connector).setAcceptQueueSize(ACCEPT_QUEUE_SIZE);
        }
    }

    private static void setFactories(
            AbstractConnector connector, List<ConnectionFactory> factories, String defaultProtocol) {
        connector.setConnectionFactories(factories);
        connector.setDefaultProtocol(defaultProtocol);
    }

    @SuppressWarnings("removal") // Jetty 12.0 has these two settings at the factory, later ones at the configuration.
    private StrictKeepAliveConnectionFactory copy(HttpConnectionFactory factory) {
        StrictKeepAliveConnectionFactory copy =
                new StrictKeepAliveConnectionFactory(factory.getHttpConfiguration(), policy);
        copy.setInputBufferSize(factory.getInputBufferSize());
        copy.setUseInputDirectByteBuffers(factory.isUseInputDirectByteBuffers());
        copy.setUseOutputDirectByteBuffers(factory.isUseOutputDirectByteBuffers());
        try {
            copy.setTransferEncodingChunkMaxLength(factory.getTransferEncodingChunkMaxLength());
        } catch (NoSuchMethodError x) {
            LOG.debug("No transferEncodingChunkMaxLength in this Jetty", x);
        }
        for (EventListener listener : factory.getEventListeners()) {
            copy.addEventListener(listener);
        }
        for (Object bean : factory.getBeans()) {
            copy.addBean(bean);
        }
        return copy;
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
        replaced.forEach((connector, before) -> {
            setFactories(connector, before.factories, before.defaultProtocol);
            if (before.acceptQueueSize == 0) {
                ((ServerConnector) connector).setAcceptQueueSize(0);
            }
        });
        replaced.clear();
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
        replaced.values().forEach(connector -> connector.strict.setPolicy(policy));
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
