package org.strictkeepalive;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Jetty's {@link HttpConnectionFactory} with a strict keep-alive policy for its connections.
 *
 * <p>It takes the place of that factory in a connector:
 *
 * <pre>{@code
 * ServerConnector connector = new ServerConnector(server, new StrictKeepAliveConnectionFactory(config));
 * }</pre>
 *
 * <p>The settings are a {@link KeepAlivePolicy}; for XML each of them is a property of this class as well, in
 * milliseconds where it is a time. All may be changed while running and then act on open connections. Setters throw
 * {@link IllegalArgumentException} for what {@link KeepAlivePolicy.Builder} refuses, and the start of the connector
 * does for what contradicts another setting. Safe for use by any thread.
 */
@ManagedObject("HTTP/1.1 connections with a strict keep-alive policy")
public class StrictKeepAliveConnectionFactory extends HttpConnectionFactory implements ConnectionFactory.Configuring {
    private static final Logger LOG = LoggerFactory.getLogger(StrictKeepAliveConnectionFactory.class);

    private final Map<Connector, GovernedConnector> connectors = new ConcurrentHashMap<>();
    private volatile KeepAlivePolicy policy;
    /** The policy that was refused when it was too late to refuse a start. */
    private volatile KeepAlivePolicy refused;

    /** Creates a factory with a configuration and a policy of their defaults. */
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
     */
    public StrictKeepAliveConnectionFactory(
            @Name("config") HttpConfiguration config, @Name("policy") KeepAlivePolicy policy) {
        super(config);
        this.policy = requirePolicy(policy);
    }

    private static KeepAlivePolicy requirePolicy(KeepAlivePolicy policy) {
        if (policy == null) {
            throw new IllegalArgumentException("policy: null (expected: a KeepAlivePolicy)");
        }
        return policy;
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
     * Replaces the policy, also while running: it acts on open connections. Its settings of pressure become those of
     * all factories of the server.
     *
     * @param policy the policy
     * @throws IllegalArgumentException for null and, while running, for settings that contradict each other
     */
    public void setPolicy(KeepAlivePolicy policy) {
        requirePolicy(policy);
        if (connectors.isEmpty()) {
            this.policy = policy;
            return;
        }
        policy.validate();
        this.policy = policy;
        connectors.values().forEach(connector -> connector.setPolicy(policy));
        connectors.values().forEach(connector -> connector.monitor().onPolicyChanged(policy));
    }

    void adoptPressureSettings(KeepAlivePolicy changed) {
        if (!policy.hasSamePressureSettings(changed)) {
            policy = policy.withPressureSettingsOf(changed);
            connectors.values().forEach(connector -> connector.setPolicy(policy));
        }
    }

    /**
     * Returns the monitor of the server.
     *
     * @return the monitor, null while no connector with this factory is started
     */
    public DescriptorMonitor getDescriptorMonitor() {
        for (GovernedConnector connector : connectors.values()) {
            return connector.monitor();
        }
        return null;
    }

    /** Also where it is inside another factory whose bean it is, which nobody configures. */
    @Override
    protected void doStart() throws Exception {
        policy.validate();
        super.doStart();
    }

    @Override
    public void configure(Connector connector) {
        governed(connector);
    }

    GovernedConnector governed(Connector connector) {
        GovernedConnector governed = connectors.get(connector);
        if (governed != null) {
            return governed;
        }
        if (!(connector instanceof AbstractConnector abstractConnector)) {
            throw new IllegalArgumentException(
                    "connector: " + connector + " (expected: an AbstractConnector, such as ServerConnector)");
        }
        return connectors.computeIfAbsent(connector, key -> {
            GovernedConnector result = new GovernedConnector(abstractConnector, this);
            result.govern();
            return result;
        });
    }

    /**
     * A factory inside another one, such as protocol detection's, is not configured at start but with its first
     * connection, where it can't refuse to start: null where its settings are refused, once with an ERROR.
     */
    private GovernedConnector governedLate(Connector connector) {
        GovernedConnector governed = connectors.get(connector);
        if (governed != null || refused == policy) {
            return governed;
        }
        try {
            return governed(connector);
        } catch (IllegalArgumentException | IllegalStateException x) {
            refused = policy;
            LOG.error(
                    "{} does not govern {}, whose connections are as without it: {}", this, connector, x.getMessage());
            return null;
        }
    }

    void release(GovernedConnector governed) {
        connectors.remove(governed.connector());
    }

    @Override
    public Connection newConnection(Connector connector, EndPoint endPoint) {
        if (!connectors.containsKey(connector) && !connector.isRunning()) {
            // An accept that raced with the stop.
            return super.newConnection(connector, endPoint);
        }
        GovernedConnector governed = governedLate(connector);
        if (governed == null) {
            return super.newConnection(connector, endPoint);
        }
        ConnectionGuard guard = new ConnectionGuard(governed, endPoint);
        Connection connection = super.newConnection(connector, guard);
        guard.bind(connection);
        governed.onGuard(guard);
        return connection;
    }

    @Override
    public void dump(Appendable out, String indent) throws java.io.IOException {
        dumpObjects(out, indent, policy, List.copyOf(connectors.keySet()));
    }

    // ---- The settings one by one, for XML

    private void set(UnaryOperator<KeepAlivePolicy.Builder> setting) {
        setPolicy(setting.apply(policy.toBuilder()).build());
    }

    /**
     * Returns the time from the end of a response to the first byte of the next request, in milliseconds.
     *
     * @return the time from the end of a response to the first byte of the next request, in milliseconds, -1 where it is the connector's idle timeout
     * @see KeepAlivePolicy#getKeepAliveTimeout()
     */
    @ManagedAttribute("the time from the end of a response to the first byte of the next request, in milliseconds")
    public long getKeepAliveTimeout() {
        Duration timeout = policy.getKeepAliveTimeout();
        return timeout == null ? -1 : timeout.toMillis();
    }

    /**
     * Sets the time from the end of a response to the first byte of the next request, in milliseconds.
     *
     * @param milliseconds the time from the end of a response to the first byte of the next request, in milliseconds
     * @see KeepAlivePolicy.Builder#keepAliveTimeout
     */
    public void setKeepAliveTimeout(long milliseconds) {
        set(builder -> builder.keepAliveTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns what keepAliveTimeout shrinks to under pressure, in milliseconds.
     *
     * @return what keepAliveTimeout shrinks to under pressure, in milliseconds
     * @see KeepAlivePolicy#getMinKeepAliveTimeout()
     */
    @ManagedAttribute("what keepAliveTimeout shrinks to under pressure, in milliseconds")
    public long getMinKeepAliveTimeout() {
        return policy.getMinKeepAliveTimeout().toMillis();
    }

    /**
     * Sets what keepAliveTimeout shrinks to under pressure, in milliseconds.
     *
     * @param milliseconds what keepAliveTimeout shrinks to under pressure, in milliseconds
     * @see KeepAlivePolicy.Builder#minKeepAliveTimeout
     */
    public void setMinKeepAliveTimeout(long milliseconds) {
        set(builder -> builder.minKeepAliveTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the time from the first byte of a further request to the end of its headers, in milliseconds.
     *
     * @return the time from the first byte of a further request to the end of its headers, in milliseconds
     * @see KeepAlivePolicy#getRequestHeaderTimeout()
     */
    @ManagedAttribute("the time from the first byte of a further request to the end of its headers, in milliseconds")
    public long getRequestHeaderTimeout() {
        return policy.getRequestHeaderTimeout().toMillis();
    }

    /**
     * Sets the time from the first byte of a further request to the end of its headers, in milliseconds.
     *
     * @param milliseconds the time from the first byte of a further request to the end of its headers, in milliseconds
     * @see KeepAlivePolicy.Builder#requestHeaderTimeout
     */
    public void setRequestHeaderTimeout(long milliseconds) {
        set(builder -> builder.requestHeaderTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the time from accept to the end of the first request's headers, in milliseconds.
     *
     * @return the time from accept to the end of the first request's headers, in milliseconds, -1 for the connector's
     *     idle timeout
     * @see KeepAlivePolicy#getFirstRequestTimeout()
     */
    @ManagedAttribute("the time from accept to the end of the first request's headers, in milliseconds")
    public long getFirstRequestTimeout() {
        Duration timeout = policy.getFirstRequestTimeout();
        return timeout == null ? -1 : timeout.toMillis();
    }

    /**
     * Sets the time from accept to the end of the first request's headers, in milliseconds.
     *
     * @param milliseconds the time from accept to the end of the first request's headers, in milliseconds
     * @see KeepAlivePolicy.Builder#firstRequestTimeout
     */
    public void setFirstRequestTimeout(long milliseconds) {
        set(builder -> builder.firstRequestTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the time from accept to the end of TLS handshake, ALPN and PROXY, in milliseconds.
     *
     * @return the time from accept to the end of TLS handshake, ALPN and PROXY, in milliseconds
     * @see KeepAlivePolicy#getHandshakeTimeout()
     */
    @ManagedAttribute("the time from accept to the end of TLS handshake, ALPN and PROXY, in milliseconds")
    public long getHandshakeTimeout() {
        return policy.getHandshakeTimeout().toMillis();
    }

    /**
     * Sets the time from accept to the end of TLS handshake, ALPN and PROXY, in milliseconds.
     *
     * @param milliseconds the time from accept to the end of TLS handshake, ALPN and PROXY, in milliseconds
     * @see KeepAlivePolicy.Builder#handshakeTimeout
     */
    public void setHandshakeTimeout(long milliseconds) {
        set(builder -> builder.handshakeTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns what requestHeaderTimeout and firstRequestTimeout shrink to under pressure, in milliseconds.
     *
     * @return what requestHeaderTimeout and firstRequestTimeout shrink to under pressure, in milliseconds
     * @see KeepAlivePolicy#getMinRequestHeaderTimeout()
     */
    @ManagedAttribute("what requestHeaderTimeout and firstRequestTimeout shrink to under pressure, in milliseconds")
    public long getMinRequestHeaderTimeout() {
        return policy.getMinRequestHeaderTimeout().toMillis();
    }

    /**
     * Sets what requestHeaderTimeout and firstRequestTimeout shrink to under pressure, in milliseconds.
     *
     * @param milliseconds what requestHeaderTimeout and firstRequestTimeout shrink to under pressure, in milliseconds
     * @see KeepAlivePolicy.Builder#minRequestHeaderTimeout
     */
    public void setMinRequestHeaderTimeout(long milliseconds) {
        set(builder -> builder.minRequestHeaderTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns how many requests a connection may carry.
     *
     * @return how many requests a connection may carry
     * @see KeepAlivePolicy#getMaxRequestsPerConnection()
     */
    @ManagedAttribute("how many requests a connection may carry")
    public int getMaxRequestsPerConnection() {
        return policy.getMaxRequestsPerConnection();
    }

    /**
     * Sets how many requests a connection may carry.
     *
     * @param value how many requests a connection may carry
     * @see KeepAlivePolicy.Builder#maxRequestsPerConnection
     */
    public void setMaxRequestsPerConnection(int value) {
        set(builder -> builder.maxRequestsPerConnection(value));
    }

    /**
     * Returns the age from which the next response says close, in milliseconds.
     *
     * @return the age from which the next response says close, in milliseconds
     * @see KeepAlivePolicy#getMaxConnectionAge()
     */
    @ManagedAttribute("the age from which the next response says close, in milliseconds")
    public long getMaxConnectionAge() {
        return policy.getMaxConnectionAge().toMillis();
    }

    /**
     * Sets the age from which the next response says close, in milliseconds.
     *
     * @param milliseconds the age from which the next response says close, in milliseconds
     * @see KeepAlivePolicy.Builder#maxConnectionAge
     */
    public void setMaxConnectionAge(long milliseconds) {
        set(builder -> builder.maxConnectionAge(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the share by which the age is shortened at random.
     *
     * @return the share by which the age is shortened at random
     * @see KeepAlivePolicy#getMaxConnectionAgeJitter()
     */
    @ManagedAttribute("the share by which the age is shortened at random")
    public double getMaxConnectionAgeJitter() {
        return policy.getMaxConnectionAgeJitter();
    }

    /**
     * Sets the share by which the age is shortened at random.
     *
     * @param value the share by which the age is shortened at random
     * @see KeepAlivePolicy.Builder#maxConnectionAgeJitter
     */
    public void setMaxConnectionAgeJitter(double value) {
        set(builder -> builder.maxConnectionAgeJitter(value));
    }

    /**
     * Returns how long the server waits for the client's FIN after its own, in milliseconds.
     *
     * @return how long the server waits for the client's FIN after its own, in milliseconds
     * @see KeepAlivePolicy#getLingerTimeout()
     */
    @ManagedAttribute("how long the server waits for the client's FIN after its own, in milliseconds")
    public long getLingerTimeout() {
        return policy.getLingerTimeout().toMillis();
    }

    /**
     * Sets how long the server waits for the client's FIN after its own, in milliseconds.
     *
     * @param milliseconds how long the server waits for the client's FIN after its own, in milliseconds
     * @see KeepAlivePolicy.Builder#lingerTimeout
     */
    public void setLingerTimeout(long milliseconds) {
        set(builder -> builder.lingerTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the linger timeout where the request's body was not read to its end, in milliseconds.
     *
     * @return the linger timeout where the request's body was not read to its end, in milliseconds
     * @see KeepAlivePolicy#getUnreadBodyLingerTimeout()
     */
    @ManagedAttribute("the linger timeout where the request's body was not read to its end, in milliseconds")
    public long getUnreadBodyLingerTimeout() {
        return policy.getUnreadBodyLingerTimeout().toMillis();
    }

    /**
     * Sets the linger timeout where the request's body was not read to its end, in milliseconds.
     *
     * @param milliseconds the linger timeout where the request's body was not read to its end, in milliseconds
     * @see KeepAlivePolicy.Builder#unreadBodyLingerTimeout
     */
    public void setUnreadBodyLingerTimeout(long milliseconds) {
        set(builder -> builder.unreadBodyLingerTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the rate, in bytes a second, below which a waiting exchange makes no progress.
     *
     * @return the rate, in bytes a second, below which a waiting exchange makes no progress
     * @see KeepAlivePolicy#getMinDataRate()
     */
    @ManagedAttribute("the rate, in bytes a second, below which a waiting exchange makes no progress")
    public long getMinDataRate() {
        return policy.getMinDataRate();
    }

    /**
     * Sets the rate, in bytes a second, below which a waiting exchange makes no progress.
     *
     * @param value the rate, in bytes a second, below which a waiting exchange makes no progress
     * @see KeepAlivePolicy.Builder#minDataRate
     */
    public void setMinDataRate(long value) {
        set(builder -> builder.minDataRate(value));
    }

    /**
     * Returns how long an exchange may wait before minDataRate is asked of it, in milliseconds.
     *
     * @return how long an exchange may wait before minDataRate is asked of it, in milliseconds
     * @see KeepAlivePolicy#getDataRateGrace()
     */
    @ManagedAttribute("how long an exchange may wait before minDataRate is asked of it, in milliseconds")
    public long getDataRateGrace() {
        return policy.getDataRateGrace().toMillis();
    }

    /**
     * Sets how long an exchange may wait before minDataRate is asked of it, in milliseconds.
     *
     * @param milliseconds how long an exchange may wait before minDataRate is asked of it, in milliseconds
     * @see KeepAlivePolicy.Builder#dataRateGrace
     */
    public void setDataRateGrace(long milliseconds) {
        set(builder -> builder.dataRateGrace(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns how long, under pressure, an exchange goes on whose client has shut its output, in milliseconds.
     *
     * @return how long, under pressure, an exchange goes on whose client has shut its output, in milliseconds
     * @see KeepAlivePolicy#getAbandonedTimeout()
     */
    @ManagedAttribute("how long, under pressure, an exchange goes on whose client has shut its output, in milliseconds")
    public long getAbandonedTimeout() {
        return policy.getAbandonedTimeout().toMillis();
    }

    /**
     * Sets how long, under pressure, an exchange goes on whose client has shut its output, in milliseconds.
     *
     * @param milliseconds how long, under pressure, an exchange goes on whose client has shut its output, in
     *     milliseconds
     * @see KeepAlivePolicy.Builder#abandonedTimeout
     */
    public void setAbandonedTimeout(long milliseconds) {
        set(builder -> builder.abandonedTimeout(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns whether responses carry a Keep-Alive field for clients that ask.
     *
     * @return whether responses carry a Keep-Alive field for clients that ask
     * @see KeepAlivePolicy#isAdvertiseKeepAlive()
     */
    @ManagedAttribute("whether responses carry a Keep-Alive field for clients that ask")
    public boolean isAdvertiseKeepAlive() {
        return policy.isAdvertiseKeepAlive();
    }

    /**
     * Sets whether responses carry a Keep-Alive field for clients that ask.
     *
     * @param value whether responses carry a Keep-Alive field for clients that ask
     * @see KeepAlivePolicy.Builder#advertiseKeepAlive
     */
    public void setAdvertiseKeepAlive(boolean value) {
        set(builder -> builder.advertiseKeepAlive(value));
    }

    /**
     * Returns by how much the advertised timeout is shorter than the real one, in milliseconds.
     *
     * @return by how much the advertised timeout is shorter than the real one, in milliseconds
     * @see KeepAlivePolicy#getKeepAliveTimeoutBuffer()
     */
    @ManagedAttribute("by how much the advertised timeout is shorter than the real one, in milliseconds")
    public long getKeepAliveTimeoutBuffer() {
        return policy.getKeepAliveTimeoutBuffer().toMillis();
    }

    /**
     * Sets by how much the advertised timeout is shorter than the real one, in milliseconds.
     *
     * @param milliseconds by how much the advertised timeout is shorter than the real one, in milliseconds
     * @see KeepAlivePolicy.Builder#keepAliveTimeoutBuffer
     */
    public void setKeepAliveTimeoutBuffer(long milliseconds) {
        set(builder -> builder.keepAliveTimeoutBuffer(Duration.ofMillis(milliseconds)));
    }

    /**
     * Returns the pressure from which timeouts shrink.
     *
     * @return the pressure from which timeouts shrink
     * @see KeepAlivePolicy#getElevatedAt()
     */
    @ManagedAttribute("the pressure from which timeouts shrink")
    public double getElevatedAt() {
        return policy.getElevatedAt();
    }

    /**
     * Sets the pressure from which timeouts shrink.
     *
     * @param value the pressure from which timeouts shrink
     * @see KeepAlivePolicy.Builder#elevatedAt
     */
    public void setElevatedAt(double value) {
        set(builder -> builder.elevatedAt(value));
    }

    /**
     * Returns the pressure from which idle connections are evicted.
     *
     * @return the pressure from which idle connections are evicted
     * @see KeepAlivePolicy#getHighAt()
     */
    @ManagedAttribute("the pressure from which idle connections are evicted")
    public double getHighAt() {
        return policy.getHighAt();
    }

    /**
     * Sets the pressure from which idle connections are evicted.
     *
     * @param value the pressure from which idle connections are evicted
     * @see KeepAlivePolicy.Builder#highAt
     */
    public void setHighAt(double value) {
        set(builder -> builder.highAt(value));
    }

    /**
     * Returns how far pressure falls below a threshold before its level is left.
     *
     * @return how far pressure falls below a threshold before its level is left
     * @see KeepAlivePolicy#getHysteresis()
     */
    @ManagedAttribute("how far pressure falls below a threshold before its level is left")
    public double getHysteresis() {
        return policy.getHysteresis();
    }

    /**
     * Sets how far pressure falls below a threshold before its level is left.
     *
     * @param value how far pressure falls below a threshold before its level is left
     * @see KeepAlivePolicy.Builder#hysteresis
     */
    public void setHysteresis(double value) {
        set(builder -> builder.hysteresis(value));
    }

    /**
     * Returns the share of the idle connections that one peer may hold under pressure.
     *
     * @return the share of the idle connections that one peer may hold under pressure
     * @see KeepAlivePolicy#getFairShare()
     */
    @ManagedAttribute("the share of the idle connections that one peer may hold under pressure")
    public double getFairShare() {
        return policy.getFairShare();
    }

    /**
     * Sets the share of the idle connections that one peer may hold under pressure.
     *
     * @param value the share of the idle connections that one peer may hold under pressure
     * @see KeepAlivePolicy.Builder#fairShare
     */
    public void setFairShare(double value) {
        set(builder -> builder.fairShare(value));
    }

    /**
     * Returns the number of descriptors kept for everything but connections.
     *
     * @return the number of descriptors kept for everything but connections, -1 where it is the default
     * @see KeepAlivePolicy#getReservedDescriptors()
     */
    @ManagedAttribute("the number of descriptors kept for everything but connections")
    public int getReservedDescriptors() {
        Integer reserved = policy.getReservedDescriptors();
        return reserved == null ? -1 : reserved;
    }

    /**
     * Sets the number of descriptors kept for everything but connections.
     *
     * @param value the number of descriptors kept for everything but connections
     * @see KeepAlivePolicy.Builder#reservedDescriptors
     */
    public void setReservedDescriptors(int value) {
        set(builder -> builder.reservedDescriptors(value));
    }

    /**
     * Returns the descriptor limit, 0 for the process's own.
     *
     * @return the descriptor limit, 0 for the process's own
     * @see KeepAlivePolicy#getDescriptorLimit()
     */
    @ManagedAttribute("the descriptor limit, 0 for the process's own")
    public long getDescriptorLimit() {
        return policy.getDescriptorLimit();
    }

    /**
     * Sets the descriptor limit, 0 for the process's own.
     *
     * @param value the descriptor limit, 0 for the process's own
     * @see KeepAlivePolicy.Builder#descriptorLimit
     */
    public void setDescriptorLimit(long value) {
        set(builder -> builder.descriptorLimit(value));
    }

    /**
     * Returns the number of connections at which pressure is 1, 0 for none.
     *
     * @return the number of connections at which pressure is 1, 0 for none
     * @see KeepAlivePolicy#getMaxConnections()
     */
    @ManagedAttribute("the number of connections at which pressure is 1, 0 for none")
    public int getMaxConnections() {
        return policy.getMaxConnections();
    }

    /**
     * Sets the number of connections at which pressure is 1, 0 for none.
     *
     * @param value the number of connections at which pressure is 1, 0 for none
     * @see KeepAlivePolicy.Builder#maxConnections
     */
    public void setMaxConnections(int value) {
        set(builder -> builder.maxConnections(value));
    }

    /**
     * Returns whether accepting pauses at CRITICAL.
     *
     * @return whether accepting pauses at CRITICAL
     * @see KeepAlivePolicy#isPauseAcceptWhenCritical()
     */
    @ManagedAttribute("whether accepting pauses at CRITICAL")
    public boolean isPauseAcceptWhenCritical() {
        return policy.isPauseAcceptWhenCritical();
    }

    /**
     * Sets whether accepting pauses at CRITICAL.
     *
     * @param value whether accepting pauses at CRITICAL
     * @see KeepAlivePolicy.Builder#pauseAcceptWhenCritical
     */
    public void setPauseAcceptWhenCritical(boolean value) {
        set(builder -> builder.pauseAcceptWhenCritical(value));
    }

    /**
     * Returns how often deadlines are looked at and descriptors are counted, in milliseconds.
     *
     * @return how often deadlines are looked at and descriptors are counted, in milliseconds
     * @see KeepAlivePolicy#getSampleInterval()
     */
    @ManagedAttribute("how often deadlines are looked at and descriptors are counted, in milliseconds")
    public long getSampleInterval() {
        return policy.getSampleInterval().toMillis();
    }

    /**
     * Sets how often deadlines are looked at and descriptors are counted, in milliseconds.
     *
     * @param milliseconds how often deadlines are looked at and descriptors are counted, in milliseconds
     * @see KeepAlivePolicy.Builder#sampleInterval
     */
    public void setSampleInterval(long milliseconds) {
        set(builder -> builder.sampleInterval(Duration.ofMillis(milliseconds)));
    }
}
