package org.strictkeepalive;

import java.util.EventListener;
import java.util.LinkedHashSet;
import java.util.List;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.DetectorConnectionFactory;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.component.Container;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The HTTP/1.1 factory that {@link StrictKeepAlive} has put into a connector, and what was there before. */
final class GovernedFactory {
    private static final Logger LOG = LoggerFactory.getLogger(GovernedFactory.class);
    private static final int ACCEPT_QUEUE_SIZE = 1024;

    private final AbstractConnector connector;
    private final boolean queueUnset;
    /** The factory in whose place {@link #strict} is, null if a strict one was there already, inside another one. */
    private ConnectionFactory replaced;

    private StrictKeepAliveConnectionFactory strict;
    /** Null if the factory was replaced. */
    private Configuration configuration;

    private GovernedFactory(AbstractConnector connector) {
        this.connector = connector;
        queueUnset = connector instanceof ServerConnector tcp && tcp.getAcceptQueueSize() == 0;
    }

    /** Governs a connector. Returns null if it has no HTTP/1.1 factory, or a strict one already. */
    static GovernedFactory of(AbstractConnector connector, KeepAlivePolicy policy) {
        GovernedFactory result = new GovernedFactory(connector);
        return result.govern(policy) ? result : null;
    }

    /** Whether the connector still has the factory. */
    boolean isInPlace() {
        return configuration != null || connector.getConnectionFactories().contains(strict);
    }

    KeepAlivePolicy policy() {
        return strict.getPolicy();
    }

    /** A factory that was there before keeps its own settings. */
    void setPolicy(KeepAlivePolicy policy) {
        if (configuration == null) {
            strict.setPolicy(policy);
        }
    }

    private boolean govern(KeepAlivePolicy policy) {
        if (connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class) != null) {
            return false;
        }
        for (ConnectionFactory factory : connector.getConnectionFactories()) {
            HttpConnectionFactory http = http(factory);
            if (http != null) {
                take(factory, http, policy);
                return true;
            }
        }
        return false;
    }

    private void take(ConnectionFactory factory, HttpConnectionFactory http, KeepAlivePolicy policy) {
        if (http instanceof StrictKeepAliveConnectionFactory wrapped) {
            strict = wrapped;
            configuration = new Configuration(connector, strict);
            connector.addBean(configuration);
        } else {
            strict = replacement(factory, http, policy);
            replaced = factory;
            swap(replaced, strict);
        }
        if (queueUnset) {
            ((ServerConnector) connector).setAcceptQueueSize(ACCEPT_QUEUE_SIZE);
        }
    }

    void putBack() {
        if (configuration != null) {
            connector.removeBean(configuration);
        } else {
            strict.releaseOriginal();
            swap(strict, replaced);
        }
        if (queueUnset) {
            ((ServerConnector) connector).setAcceptQueueSize(0);
        }
    }

    /** Replaces a factory, and keeps the order of the protocols and the default protocol. */
    private void swap(ConnectionFactory from, ConnectionFactory to) {
        String defaultProtocol = connector.getDefaultProtocol();
        List<ConnectionFactory> factories = new LinkedHashSet<>(connector.getConnectionFactories())
                .stream().map(factory -> factory == from ? to : factory).toList();
        connector.setConnectionFactories(factories);
        connector.setDefaultProtocol(defaultProtocol);
    }

    /** The HTTP/1.1 factory that a factory is or wraps, null if there is none. */
    private HttpConnectionFactory http(ConnectionFactory factory) {
        if (factory instanceof HttpConnectionFactory http) {
            return http;
        }
        HttpConnectionFactory wrapped = factory instanceof Container container
                ? container.getContainedBeans(HttpConnectionFactory.class).stream()
                        .findFirst()
                        .orElse(null)
                : null;
        if (wrapped != null && factory instanceof DetectorConnectionFactory) {
            LOG.warn("The HTTP/1.1 factory inside {} of {} is left alone", factory, connector);
            return null;
        }
        boolean speaks = wrapped != null
                && factory.getProtocols().stream().anyMatch(one -> one.equalsIgnoreCase(wrapped.getProtocol()));
        return speaks ? wrapped : null;
    }

    @SuppressWarnings("removal") // Jetty 12.0 has these settings at the factory, later ones at the configuration.
    private static StrictKeepAliveConnectionFactory replacement(
            ConnectionFactory factory, HttpConnectionFactory http, KeepAlivePolicy policy) {
        boolean isJettys = factory.getClass() == HttpConnectionFactory.class;
        StrictKeepAliveConnectionFactory copy =
                new StrictKeepAliveConnectionFactory(http.getHttpConfiguration(), policy, isJettys ? null : factory);
        copy.setInputBufferSize(http.getInputBufferSize());
        copy.setUseInputDirectByteBuffers(http.isUseInputDirectByteBuffers());
        copy.setUseOutputDirectByteBuffers(http.isUseOutputDirectByteBuffers());
        try {
            copy.setTransferEncodingChunkMaxLength(http.getTransferEncodingChunkMaxLength());
        } catch (NoSuchMethodError x) {
            LOG.debug("No transferEncodingChunkMaxLength in this Jetty", x);
        }
        if (isJettys) {
            for (EventListener listener : http.getEventListeners()) {
                copy.addEventListener(listener);
            }
            for (Object bean : http.getBeans()) {
                copy.addBean(bean);
            }
        }
        return copy;
    }

    /** Configures a wrapped factory as its connector starts. Jetty configures only the factories of a connector itself. */
    private static final class Configuration extends AbstractLifeCycle {
        private final AbstractConnector connector;
        private final StrictKeepAliveConnectionFactory strict;

        private Configuration(AbstractConnector connector, StrictKeepAliveConnectionFactory strict) {
            this.connector = connector;
            this.strict = strict;
        }

        @Override
        protected void doStart() throws Exception {
            strict.configure(connector);
            super.doStart();
        }
    }
}
