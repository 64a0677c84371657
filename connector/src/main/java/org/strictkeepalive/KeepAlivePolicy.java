package org.strictkeepalive;

import java.time.Duration;
import java.util.EnumMap;
import org.strictkeepalive.KeepAliveSetting.Scope;

/**
 * The settings of the strict keep-alive policy. A setting that is not set has its default.
 *
 * <p>Immutable and safe for use by any thread. The settings of {@link Scope#SERVER} are about pressure, which a server
 * has only once: all its connectors share them.
 */
public final class KeepAlivePolicy extends SettingValues {
    private static final KeepAlivePolicy DEFAULTS = new KeepAlivePolicy(presets());

    private KeepAlivePolicy(EnumMap<KeepAliveSetting, Object> values) {
        super(values);
    }

    /** {@return the policy with every setting at its default} */
    public static KeepAlivePolicy defaults() {
        return DEFAULTS;
    }

    private static EnumMap<KeepAliveSetting, Object> presets() {
        EnumMap<KeepAliveSetting, Object> values = new EnumMap<>(KeepAliveSetting.class);
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            values.put(setting, setting.getDefault());
        }
        return values;
    }

    /** {@return a new builder with every setting at its default} */
    public static Builder builder() {
        return new Builder(presets());
    }

    /** {@return a new builder with the settings of this policy} */
    public Builder toBuilder() {
        return new Builder(values());
    }

    /** Returns this policy with the settings of pressure of another. */
    KeepAlivePolicy withPressureSettingsOf(KeepAlivePolicy that) {
        Builder result = toBuilder();
        for (KeepAliveSetting setting : KeepAliveSetting.values()) {
            if (setting.getScope() == Scope.SERVER) {
                result.values.put(setting, that.get(setting));
            }
        }
        return result.build();
    }

    /**
     * Builds a {@link KeepAlivePolicy}. A duration is at most 3650 days, a share at most 1. Each method throws
     * {@link IllegalArgumentException} for null and for a value that is not allowed, and then changes nothing. Not safe
     * for use by several threads at once.
     */
    public static final class Builder {
        private final EnumMap<KeepAliveSetting, Object> values;

        private Builder(EnumMap<KeepAliveSetting, Object> values) {
            this.values = values;
        }

        private Builder put(KeepAliveSetting setting, Object value) {
            values.put(setting, setting.check(value));
            return this;
        }

        /**
         * Sets the time from the end of a response to the first byte of the next request (nginx:
         * {@code keepalive_timeout}). Default: the connector's idle timeout, Jetty's 30 s. Zero or less: no limit.
         * Behind a proxy that keeps connections open, set it above the proxy's own idle timeout.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder keepAliveTimeout(Duration timeout) {
            return put(KeepAliveSetting.KEEP_ALIVE_TIMEOUT, timeout);
        }

        /**
         * Sets what {@code keepAliveTimeout} shrinks to under pressure, and how long after its last response a reused
         * connection is not evicted (nginx: {@code keepalive_min_timeout}). Default: 1 s. Zero or less: it may shrink to
         * nothing. It never lengthens a shorter {@code keepAliveTimeout}.
         *
         * @param timeout the least timeout
         * @return this
         */
        public Builder minKeepAliveTimeout(Duration timeout) {
            return put(KeepAliveSetting.MIN_KEEP_ALIVE_TIMEOUT, timeout);
        }

        /**
         * Sets the time from the first byte of a request to the end of its headers (nginx:
         * {@code client_header_timeout}). After it the client gets a 408. Default: 10 s. Zero or less: no limit.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder requestHeaderTimeout(Duration timeout) {
            return put(KeepAliveSetting.REQUEST_HEADER_TIMEOUT, timeout);
        }

        /**
         * Sets the time from accept, TLS handshake included, to the end of the first request's headers. From the first
         * byte of that request on, {@code requestHeaderTimeout} holds as well. Default: the connector's idle timeout,
         * since load balancers open connections ahead and use them later. Zero or less: no limit.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder firstRequestTimeout(Duration timeout) {
            return put(KeepAliveSetting.FIRST_REQUEST_TIMEOUT, timeout);
        }

        /**
         * Sets the time from accept to the end of the phases before HTTP: TLS handshake, ALPN, PROXY, protocol
         * detection. After it the connection is closed without an answer. Default: 10 s. Zero or less: no limit but
         * {@code firstRequestTimeout}.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder handshakeTimeout(Duration timeout) {
            return put(KeepAliveSetting.HANDSHAKE_TIMEOUT, timeout);
        }

        /**
         * Sets what {@code requestHeaderTimeout} and {@code firstRequestTimeout} shrink to under pressure. Default: 1 s.
         * Zero or less: they may shrink to nothing. It never lengthens a shorter timeout.
         *
         * @param timeout the least timeout
         * @return this
         */
        public Builder minRequestHeaderTimeout(Duration timeout) {
            return put(KeepAliveSetting.MIN_REQUEST_HEADER_TIMEOUT, timeout);
        }

        /**
         * Sets how many requests a connection may carry (nginx: {@code keepalive_requests}). The response to the last
         * one says {@code Connection: close}. Default: 10,000, since Jetty keeps no memory that grows with a connection's
         * requests, and each close costs a connection and its handshake. Zero or less: no limit.
         *
         * @param requests the number of requests
         * @return this
         */
        public Builder maxRequestsPerConnection(int requests) {
            return put(KeepAliveSetting.MAX_REQUESTS_PER_CONNECTION, requests);
        }

        /**
         * Sets the age, since accept, from which the next response says {@code Connection: close} (nginx:
         * {@code keepalive_time}). An idle connection is not closed for its age. Default: 1 h. Zero or less: no limit.
         *
         * @param age the age
         * @return this
         */
        public Builder maxConnectionAge(Duration age) {
            return put(KeepAliveSetting.MAX_CONNECTION_AGE, age);
        }

        /**
         * Sets the share by which each connection's maximum age is shortened at random, so that clients that came
         * together don't leave together. Default: 0.1. Zero or less: not at all.
         *
         * @param share a share
         * @return this
         */
        public Builder maxConnectionAgeJitter(double share) {
            return put(KeepAliveSetting.MAX_CONNECTION_AGE_JITTER, share);
        }

        /**
         * Sets how long the server, after its FIN, reads and discards until the client's FIN (RFC 9112, 9.6; nginx:
         * {@code lingering_timeout}, but bounded as a whole). Default: 2 s. Zero or less: Jetty's idle timeout.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder lingerTimeout(Duration timeout) {
            return put(KeepAliveSetting.LINGER_TIMEOUT, timeout);
        }

        /**
         * Sets the linger timeout after a request whose body was not read to its end, so that an early response reaches
         * a client that is still sending (nginx: {@code lingering_time}). Default: 10 s. Zero or less: Jetty's idle
         * timeout.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder unreadBodyLingerTimeout(Duration timeout) {
            return put(KeepAliveSetting.UNREAD_BODY_LINGER_TIMEOUT, timeout);
        }

        /**
         * Sets the rate below which an exchange that waits for its client is ended, from {@link PressureLevel#ELEVATED}
         * on (Kestrel: {@code MinRequestBodyDataRate}). Default: 240 bytes a second. Zero or less: none is ended.
         *
         * @param bytesPerSecond bytes a second
         * @return this
         */
        public Builder minDataRate(long bytesPerSecond) {
            return put(KeepAliveSetting.MIN_DATA_RATE, bytesPerSecond);
        }

        /**
         * Sets how long an exchange may wait for its client before {@code minDataRate} applies. Default: 5 s. Zero or
         * less: no grace.
         *
         * @param grace the grace
         * @return this
         */
        public Builder dataRateGrace(Duration grace) {
            return put(KeepAliveSetting.DATA_RATE_GRACE, grace);
        }

        /**
         * Sets the rate above which an exchange is never ended for being the slowest. At {@link PressureLevel#CRITICAL},
         * if nothing idle is left to evict and visitors come, or if requests wait for a thread, exchanges that wait for
         * their client are ended, the slowest first, as many as are needed. Default: 16384 bytes a second. Zero or less:
         * none is ended for that.
         *
         * @param bytesPerSecond bytes a second
         * @return this
         */
        public Builder fastDataRate(long bytesPerSecond) {
            return put(KeepAliveSetting.FAST_DATA_RATE, bytesPerSecond);
        }

        /**
         * Sets how long, from {@link PressureLevel#ELEVATED} on, an exchange goes on after its client has shut its
         * output. It shrinks to 1 s at {@code highAt}. A client that resets its connection is gone at once. Default: 5 s.
         * Zero or less: such an exchange goes on however long it takes. It has no effect over TLS.
         *
         * @param timeout the timeout
         * @return this
         */
        public Builder abandonedTimeout(Duration timeout) {
            return put(KeepAliveSetting.ABANDONED_TIMEOUT, timeout);
        }

        /**
         * Sets whether responses to requests with {@code Connection: keep-alive} carry that field and
         * {@code Keep-Alive: timeout=…, max=…} (RFC 2068, 19.7.1), as Apache httpd does. Default: true.
         *
         * @param advertise whether they do
         * @return this
         */
        public Builder advertiseKeepAlive(boolean advertise) {
            return put(KeepAliveSetting.ADVERTISE_KEEP_ALIVE, advertise);
        }

        /**
         * Sets by how much the advertised timeout is shorter than the real one, so that clients stop using a connection
         * before the server closes it. Default: 1 s. Zero or less: not at all.
         *
         * @param buffer the buffer
         * @return this
         */
        public Builder keepAliveTimeoutBuffer(Duration buffer) {
            return put(KeepAliveSetting.KEEP_ALIVE_TIMEOUT_BUFFER, buffer);
        }

        /**
         * Sets the pressure from which timeouts shrink. Default: 0.7. Zero or less: the level is not used.
         *
         * @param pressure a share, below {@code highAt}
         * @return this
         */
        public Builder elevatedAt(double pressure) {
            return put(KeepAliveSetting.ELEVATED_AT, pressure);
        }

        /**
         * Sets the pressure from which idle connections are evicted. Default: 0.8. Zero or less: the level is not used.
         *
         * @param pressure a share, above {@code elevatedAt}
         * @return this
         */
        public Builder highAt(double pressure) {
            return put(KeepAliveSetting.HIGH_AT, pressure);
        }

        /**
         * Sets how far pressure falls below a level's threshold before the level is left. Default: 0.05. Zero: a level
         * is left where it was entered.
         *
         * @param share 0 to 0.5, below {@code elevatedAt}
         * @return this
         */
        public Builder hysteresis(double share) {
            return put(KeepAliveSetting.HYSTERESIS, share);
        }

        /**
         * Sets the share of the idle connections that one peer may hold from {@link PressureLevel#HIGH} on. A peer is
         * an address as told by PROXY, or for IPv6 its /64. What a peer holds beyond the share is evicted first. As
         * long as that is enough, reused connections of others are spared: their responses don't say close. Their
         * timeouts don't shrink either, if their last request came a second or more after their accept. Switch it off
         * if a proxy shares a connector with direct clients. Default: 0.25. Zero or less: peers make no difference.
         *
         * @param share a share
         * @return this
         */
        public Builder fairShare(double share) {
            return put(KeepAliveSetting.FAIR_SHARE, share);
        }

        /**
         * Sets the number of descriptors kept for everything but connections. If no more than these are free, the level
         * is {@link PressureLevel#CRITICAL}. The number counts as a tenth of the connections' room at most, and always
         * as more than the acceptor threads. Default: 1 % of the limit, but 16 to 256. Zero or less: what the acceptors
         * need.
         *
         * @param descriptors the number
         * @return this
         */
        public Builder reservedDescriptors(int descriptors) {
            return put(KeepAliveSetting.RESERVED_DESCRIPTORS, descriptors);
        }

        /**
         * Sets the descriptor limit. Default: 0. Zero or less: the process's own.
         *
         * @param descriptors the limit
         * @return this
         */
        public Builder descriptorLimit(long descriptors) {
            return put(KeepAliveSetting.DESCRIPTOR_LIMIT, descriptors);
        }

        /**
         * Sets the number of governed connections at which pressure is 1. The pressure from descriptors counts as well,
         * if it is higher. Default: 0. Zero or less: only descriptors count.
         *
         * @param connections the number of connections
         * @return this
         */
        public Builder maxConnections(int connections) {
            return put(KeepAliveSetting.MAX_CONNECTIONS, connections);
        }

        /**
         * Sets whether governed connectors stop accepting at {@link PressureLevel#CRITICAL}, so that visitors wait in
         * the listen backlog. Default: true.
         *
         * @param pause whether they do
         * @return this
         */
        public Builder pauseAcceptWhenCritical(boolean pause) {
            return put(KeepAliveSetting.PAUSE_ACCEPT_WHEN_CRITICAL, pause);
        }

        /**
         * Sets whether the first request of a connection is answered with 503 while the requests in progress hold all
         * the room and none of them can be ended. Default: false, such a visitor waits.
         *
         * @param refuse whether it is
         * @return this
         */
        public Builder refuseWhenFull(boolean refuse) {
            return put(KeepAliveSetting.REFUSE_WHEN_FULL, refuse);
        }

        /**
         * Sets how often deadlines are checked and descriptors are counted: up to four times as often while deadlines
         * pass, and each 10 ms at CRITICAL, 1 ms while visitors are refused. Default: 100 ms. It can't be switched off.
         *
         * @param interval 1 ms to 10 s
         * @return this
         */
        public Builder sampleInterval(Duration interval) {
            return put(KeepAliveSetting.SAMPLE_INTERVAL, interval);
        }

        /**
         * Sets a setting by its name, for configuration that comes as text.
         *
         * @param name the name of the setting, such as {@code keepAliveTimeout}
         * @param text the value, such as {@code 75s}, {@code 1000} or {@code default}; null leaves it as it is
         * @return this
         * @throws IllegalArgumentException for a name that is not a setting, and for a text that is not allowed
         */
        public Builder set(String name, String text) {
            KeepAliveSetting setting = KeepAliveSetting.find(name)
                    .orElseThrow(() ->
                            new IllegalArgumentException(name + ": " + text + " (expected: the name of a setting)"));
            values.put(setting, text == null ? values.get(setting) : setting.parse(text));
            return this;
        }

        /** {@return the policy; rules across settings are checked when the server starts} */
        public KeepAlivePolicy build() {
            return new KeepAlivePolicy(values);
        }
    }
}
