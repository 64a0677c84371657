package org.strictkeepalive;

import java.time.Duration;
import java.util.Objects;
import java.util.function.Function;

/**
 * The settings of the strict keep-alive policy, and the decisions that follow from them.
 *
 * <p>Immutable and safe for use by any thread. A {@link Duration}, rate or count of zero or less switches its limit
 * off; what is not set keeps its default. The settings of pressure ({@code elevatedAt}, {@code highAt},
 * {@code hysteresis}, {@code fairShare}, {@code reservedDescriptors}, {@code descriptorLimit},
 * {@code maxConnections}, {@code pauseAcceptWhenCritical}, {@code sampleInterval}) belong to the process, so they are shared by all connectors
 * of a server.
 */
public final class KeepAlivePolicy {
    private static final KeepAlivePolicy DEFAULTS = new Builder().build();

    private final Builder settings;

    private KeepAlivePolicy(Builder builder) {
        settings = builder;
    }

    /**
     * Returns the policy with every setting at its default.
     *
     * @return the default policy
     */
    public static KeepAlivePolicy defaults() {
        return DEFAULTS;
    }

    /**
     * Returns a builder with every setting at its default.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns a builder with the settings of this policy.
     *
     * @return a new builder
     */
    public Builder toBuilder() {
        return new Builder(settings);
    }

    /**
     * Returns the time from the end of a response to the first byte of the next request.
     *
     * @return the timeout, or null for the connector's idle timeout, the default
     * @see Builder#keepAliveTimeout(Duration)
     */
    public Duration getKeepAliveTimeout() {
        return settings.keepAliveTimeout;
    }

    /**
     * Returns what {@code keepAliveTimeout} shrinks to under pressure.
     *
     * @return the least keep-alive timeout
     * @see Builder#minKeepAliveTimeout(Duration)
     */
    public Duration getMinKeepAliveTimeout() {
        return settings.minKeepAliveTimeout;
    }

    /**
     * Returns the time from the first byte of a request to the end of its headers.
     *
     * @return the timeout
     * @see Builder#requestHeaderTimeout(Duration)
     */
    public Duration getRequestHeaderTimeout() {
        return settings.requestHeaderTimeout;
    }

    /**
     * Returns the time from accept to the end of the first request's headers.
     *
     * @return the timeout, or null for the connector's idle timeout, the default
     * @see Builder#firstRequestTimeout(Duration)
     */
    public Duration getFirstRequestTimeout() {
        return settings.firstRequestTimeout;
    }

    /**
     * Returns the time from accept to the end of the phases before HTTP: TLS handshake, ALPN, PROXY.
     *
     * @return the timeout
     * @see Builder#handshakeTimeout(Duration)
     */
    public Duration getHandshakeTimeout() {
        return settings.handshakeTimeout;
    }

    /**
     * Returns what {@code requestHeaderTimeout} and {@code firstRequestTimeout} shrink to under pressure.
     *
     * @return the least header timeout
     * @see Builder#minRequestHeaderTimeout(Duration)
     */
    public Duration getMinRequestHeaderTimeout() {
        return settings.minRequestHeaderTimeout;
    }

    /**
     * Returns how many requests a connection may carry.
     *
     * @return the number of requests
     * @see Builder#maxRequestsPerConnection(int)
     */
    public int getMaxRequestsPerConnection() {
        return settings.maxRequestsPerConnection;
    }

    /**
     * Returns the age at which a connection's next response says close.
     *
     * @return the age
     * @see Builder#maxConnectionAge(Duration)
     */
    public Duration getMaxConnectionAge() {
        return settings.maxConnectionAge;
    }

    /**
     * Returns the share by which a connection's maximum age may be shortened at random.
     *
     * @return a share from 0 to 1
     * @see Builder#maxConnectionAgeJitter(double)
     */
    public double getMaxConnectionAgeJitter() {
        return settings.maxConnectionAgeJitter;
    }

    /**
     * Returns how long the server waits for the client's FIN after its own.
     *
     * @return the linger timeout
     * @see Builder#lingerTimeout(Duration)
     */
    public Duration getLingerTimeout() {
        return settings.lingerTimeout;
    }

    /**
     * Returns the linger timeout where the request's body was not read to its end.
     *
     * @return the linger timeout behind an unread body
     * @see Builder#unreadBodyLingerTimeout(Duration)
     */
    public Duration getUnreadBodyLingerTimeout() {
        return settings.unreadBodyLingerTimeout;
    }

    /**
     * Returns the rate below which an exchange that waits for its client makes no progress.
     *
     * @return bytes a second
     * @see Builder#minDataRate(long)
     */
    public long getMinDataRate() {
        return settings.minDataRate;
    }

    /**
     * Returns how long an exchange may wait for its client before {@code minDataRate} is asked of it.
     *
     * @return the grace
     * @see Builder#dataRateGrace(Duration)
     */
    public Duration getDataRateGrace() {
        return settings.dataRateGrace;
    }

    /**
     * Returns how long, under pressure, an exchange goes on whose client has shut its output.
     *
     * @return the timeout
     * @see Builder#abandonedTimeout(Duration)
     */
    public Duration getAbandonedTimeout() {
        return settings.abandonedTimeout;
    }

    /**
     * Tells whether responses carry a {@code Keep-Alive} field for clients that ask.
     *
     * @return true if they do
     * @see Builder#advertiseKeepAlive(boolean)
     */
    public boolean isAdvertiseKeepAlive() {
        return settings.advertiseKeepAlive;
    }

    /**
     * Returns by how much the advertised timeout is shorter than the real one.
     *
     * @return the buffer
     * @see Builder#keepAliveTimeoutBuffer(Duration)
     */
    public Duration getKeepAliveTimeoutBuffer() {
        return settings.keepAliveTimeoutBuffer;
    }

    /**
     * Returns the pressure from which {@link PressureLevel#ELEVATED} holds.
     *
     * @return a share from 0 to 1
     * @see Builder#elevatedAt(double)
     */
    public double getElevatedAt() {
        return settings.elevatedAt;
    }

    /**
     * Returns the pressure from which {@link PressureLevel#HIGH} holds.
     *
     * @return a share from 0 to 1
     * @see Builder#highAt(double)
     */
    public double getHighAt() {
        return settings.highAt;
    }

    /**
     * Returns how far below its threshold a level is left.
     *
     * @return a share from 0 to 1
     * @see Builder#hysteresis(double)
     */
    public double getHysteresis() {
        return settings.hysteresis;
    }

    /**
     * Returns the share of the idle connections that one peer may hold under pressure.
     *
     * @return a share, at most 1, not positive for any
     * @see Builder#fairShare(double)
     */
    public double getFairShare() {
        return settings.fairShare;
    }

    /**
     * Returns the number of descriptors kept for everything but connections.
     *
     * @return the number, or null for the default, 1 % of the limit but 16 to 256
     * @see Builder#reservedDescriptors(int)
     */
    public Integer getReservedDescriptors() {
        return settings.reservedDescriptors;
    }

    /**
     * Returns the descriptor limit.
     *
     * @return the limit, or 0 for the process's own
     * @see Builder#descriptorLimit(long)
     */
    public long getDescriptorLimit() {
        return settings.descriptorLimit;
    }

    /**
     * Returns the number of connections at which pressure is 1.
     *
     * @return the number, or 0 for none
     * @see Builder#maxConnections(int)
     */
    public int getMaxConnections() {
        return settings.maxConnections;
    }

    /**
     * Tells whether accepting pauses at {@link PressureLevel#CRITICAL}.
     *
     * @return true if it does
     * @see Builder#pauseAcceptWhenCritical(boolean)
     */
    public boolean isPauseAcceptWhenCritical() {
        return settings.pauseAcceptWhenCritical;
    }

    /**
     * Returns how often deadlines are looked at and descriptors are counted.
     *
     * @return the interval
     * @see Builder#sampleInterval(Duration)
     */
    public Duration getSampleInterval() {
        return settings.sampleInterval;
    }

    // ---- Rules across settings

    /** Checks the rules across settings, once all of them are known. */
    void validate() {
        if (settings.elevatedAt > 0 && settings.highAt > 0 && settings.elevatedAt >= settings.highAt) {
            throw bad("elevatedAt", settings.elevatedAt, "less than highAt, which is " + settings.highAt);
        }
        double lowest = settings.elevatedAt > 0 ? settings.elevatedAt : settings.highAt;
        if (lowest > 0 && settings.hysteresis >= lowest) {
            throw bad("hysteresis", settings.hysteresis, "less than the lowest level, which is at " + lowest);
        }
    }

    /** Tells whether the settings of pressure, which a server has only once, are the same. */
    boolean hasSamePressureSettings(KeepAlivePolicy that) {
        Builder a = settings;
        Builder b = that.settings;
        return a.elevatedAt == b.elevatedAt
                && a.highAt == b.highAt
                && a.hysteresis == b.hysteresis
                && a.fairShare == b.fairShare
                && Objects.equals(a.reservedDescriptors, b.reservedDescriptors)
                && a.descriptorLimit == b.descriptorLimit
                && a.maxConnections == b.maxConnections
                && a.pauseAcceptWhenCritical == b.pauseAcceptWhenCritical
                && a.sampleInterval.equals(b.sampleInterval);
    }

    /** Returns this policy with the settings of pressure of another. */
    KeepAlivePolicy withPressureSettingsOf(KeepAlivePolicy that) {
        Builder result = toBuilder();
        result.elevatedAt = that.settings.elevatedAt;
        result.highAt = that.settings.highAt;
        result.hysteresis = that.settings.hysteresis;
        result.fairShare = that.settings.fairShare;
        result.reservedDescriptors = that.settings.reservedDescriptors;
        result.descriptorLimit = that.settings.descriptorLimit;
        result.maxConnections = that.settings.maxConnections;
        result.pauseAcceptWhenCritical = that.settings.pauseAcceptWhenCritical;
        result.sampleInterval = that.settings.sampleInterval;
        return result.build();
    }

    /**
     * Returns the level of pressure that holds with these numbers, entered from {@link PressureLevel#NORMAL}. For tools
     * that ask what the policy would do.
     *
     * @param connections the open connections, of those that would be governed
     * @param usedDescriptors the open descriptors of the process, connections included
     * @param descriptorLimit the limit of the process; the setting {@code descriptorLimit} comes before it
     * @return the level
     * @throws IllegalArgumentException if a number is negative
     */
    public PressureLevel level(int connections, long usedDescriptors, long descriptorLimit) {
        if (connections < 0 || usedDescriptors < 0 || descriptorLimit < 0) {
            throw bad(
                    "connections, usedDescriptors, descriptorLimit",
                    connections + ", " + usedDescriptors + ", " + descriptorLimit,
                    "at least 0");
        }
        long limit = getDescriptorLimit() > 0
                ? getDescriptorLimit()
                : Math.min(descriptorLimit, PressureGauge.LARGEST_LIMIT);
        return new PressureGauge(this)
                .next(Pressure.NONE, connections, usedDescriptors, limit, 1, 0, 0, 0)
                .level();
    }

    @Override
    public String toString() {
        return "KeepAlivePolicy[keepAliveTimeout=%s,requestHeaderTimeout=%s,firstRequestTimeout=%s,maxRequests=%d,maxAge=%s]"
                .formatted(
                        settings.keepAliveTimeout == null ? "idleTimeout" : settings.keepAliveTimeout,
                        settings.requestHeaderTimeout,
                        settings.firstRequestTimeout == null ? "idleTimeout" : settings.firstRequestTimeout,
                        settings.maxRequestsPerConnection,
                        settings.maxConnectionAge);
    }

    private static IllegalArgumentException bad(String name, Object value, String expected) {
        return new IllegalArgumentException(name + ": " + value + " (expected: " + expected + ")");
    }

    /** Builds a {@link KeepAlivePolicy}. Not safe for use by several threads at once. */
    public static final class Builder {
        private static final Duration LONGEST = Duration.ofDays(3650);
        private static final String WHOLE = "a whole number";
        private static final String SHARE = "a number, at most 1";
        private static final String TRUTH = "true or false";

        private Duration keepAliveTimeout;
        private Duration minKeepAliveTimeout = Duration.ofSeconds(1);
        private Duration requestHeaderTimeout = Duration.ofSeconds(10);
        private Duration firstRequestTimeout;
        private Duration handshakeTimeout = Duration.ofSeconds(10);
        private Duration minRequestHeaderTimeout = Duration.ofSeconds(1);
        private int maxRequestsPerConnection = 1000;
        private Duration maxConnectionAge = Duration.ofHours(1);
        private double maxConnectionAgeJitter = 0.1;
        private Duration lingerTimeout = Duration.ofSeconds(2);
        private Duration unreadBodyLingerTimeout = Duration.ofSeconds(10);
        private long minDataRate = 240;
        private Duration dataRateGrace = Duration.ofSeconds(5);
        private Duration abandonedTimeout = Duration.ofSeconds(5);
        private boolean advertiseKeepAlive = true;
        private Duration keepAliveTimeoutBuffer = Duration.ofSeconds(1);
        private double elevatedAt = 0.70;
        private double highAt = 0.80;
        private double hysteresis = 0.05;
        private double fairShare = 0.25;
        private Integer reservedDescriptors;
        private long descriptorLimit;
        private int maxConnections;
        private boolean pauseAcceptWhenCritical = true;
        private Duration sampleInterval = Duration.ofMillis(100);

        private Builder() {}

        private Builder(Builder that) {
            keepAliveTimeout = that.keepAliveTimeout;
            minKeepAliveTimeout = that.minKeepAliveTimeout;
            requestHeaderTimeout = that.requestHeaderTimeout;
            firstRequestTimeout = that.firstRequestTimeout;
            handshakeTimeout = that.handshakeTimeout;
            minRequestHeaderTimeout = that.minRequestHeaderTimeout;
            maxRequestsPerConnection = that.maxRequestsPerConnection;
            maxConnectionAge = that.maxConnectionAge;
            maxConnectionAgeJitter = that.maxConnectionAgeJitter;
            lingerTimeout = that.lingerTimeout;
            unreadBodyLingerTimeout = that.unreadBodyLingerTimeout;
            minDataRate = that.minDataRate;
            dataRateGrace = that.dataRateGrace;
            abandonedTimeout = that.abandonedTimeout;
            advertiseKeepAlive = that.advertiseKeepAlive;
            keepAliveTimeoutBuffer = that.keepAliveTimeoutBuffer;
            elevatedAt = that.elevatedAt;
            highAt = that.highAt;
            hysteresis = that.hysteresis;
            fairShare = that.fairShare;
            reservedDescriptors = that.reservedDescriptors;
            descriptorLimit = that.descriptorLimit;
            maxConnections = that.maxConnections;
            pauseAcceptWhenCritical = that.pauseAcceptWhenCritical;
            sampleInterval = that.sampleInterval;
        }

        /**
         * Sets the time from the end of a response to the first byte of the next request, as nginx's
         * {@code keepalive_timeout}. Default: the connector's idle timeout (Jetty's 30 s). Zero or less: no limit.
         *
         * <p>Behind a proxy that keeps connections open, set it above the proxy's own idle timeout.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder keepAliveTimeout(Duration timeout) {
            keepAliveTimeout = duration("keepAliveTimeout", timeout);
            return this;
        }

        /**
         * Sets what {@code keepAliveTimeout} shrinks to under pressure, and for how long after its last response a
         * reused connection is not evicted; as nginx's {@code keepalive_min_timeout}. Default: 1 s. Zero or less: it
         * may shrink to nothing. It never lengthens a shorter {@code keepAliveTimeout}.
         *
         * @param timeout the least timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder minKeepAliveTimeout(Duration timeout) {
            minKeepAliveTimeout = duration("minKeepAliveTimeout", timeout);
            return this;
        }

        /**
         * Sets the time from the first byte of a request to the end of its headers, as nginx's
         * {@code client_header_timeout}. When it passes the client gets a 408 (RFC 9110, 15.5.9). Default: 10 s. Zero
         * or less: no limit.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder requestHeaderTimeout(Duration timeout) {
            requestHeaderTimeout = duration("requestHeaderTimeout", timeout);
            return this;
        }

        /**
         * Sets the time from accept, TLS handshake included, to the end of the first request's headers. From the first
         * byte of that request on, {@code requestHeaderTimeout} holds as well. Default: the connector's idle timeout
         * (Jetty's 30 s), since load balancers open connections ahead and use them later. Zero or less: no limit.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder firstRequestTimeout(Duration timeout) {
            firstRequestTimeout = duration("firstRequestTimeout", timeout);
            return this;
        }

        /**
         * Sets the time from accept to the end of the phases before HTTP: TLS handshake, ALPN, PROXY, protocol
         * detection. There is no HTTP to answer in, so the connection is closed without a word. Default: 10 s. Zero or
         * less: no limit but {@code firstRequestTimeout}.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder handshakeTimeout(Duration timeout) {
            handshakeTimeout = duration("handshakeTimeout", timeout);
            return this;
        }

        /**
         * Sets what {@code requestHeaderTimeout} and {@code firstRequestTimeout} shrink to under pressure. Default:
         * 1 s. Zero or less: they may shrink to nothing. It never lengthens a shorter timeout.
         *
         * @param timeout the least timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder minRequestHeaderTimeout(Duration timeout) {
            minRequestHeaderTimeout = duration("minRequestHeaderTimeout", timeout);
            return this;
        }

        /**
         * Sets how many requests a connection may carry, as nginx's {@code keepalive_requests}: the response to the
         * last one says {@code Connection: close}. Default: 1000. Zero or less: no limit.
         *
         * @param requests the number of requests
         * @return this
         */
        public Builder maxRequestsPerConnection(int requests) {
            maxRequestsPerConnection = requests;
            return this;
        }

        /**
         * Sets the age, since accept, from which the next response says {@code Connection: close}, as nginx's
         * {@code keepalive_time}. An idle connection is not closed for its age. Default: 1 h. Zero or less: no limit.
         *
         * @param age the age, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder maxConnectionAge(Duration age) {
            maxConnectionAge = duration("maxConnectionAge", age);
            return this;
        }

        /**
         * Sets the share by which each connection's maximum age is shortened at random, so that clients that came
         * together don't leave together. Default: 0.1. Zero or less: not at all.
         *
         * @param share a share, at most 1
         * @return this
         * @throws IllegalArgumentException for more than 1 and for NaN
         */
        public Builder maxConnectionAgeJitter(double share) {
            maxConnectionAgeJitter = Math.max(share("maxConnectionAgeJitter", share), 0);
            return this;
        }

        /**
         * Sets how long the server reads and discards, after its FIN, until the client's FIN, as nginx's
         * {@code lingering_timeout} but bounded as a whole (RFC 9112, 9.6). Default: 2 s. Zero or less: until Jetty's
         * idle timeout.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder lingerTimeout(Duration timeout) {
            lingerTimeout = duration("lingerTimeout", timeout);
            return this;
        }

        /**
         * Sets the linger timeout for a connection whose last request has a body that was not read to its end, so that
         * an early answer reaches a client that is still sending; as nginx's {@code lingering_time}. Default: 10 s.
         * Zero or less: until Jetty's idle timeout.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder unreadBodyLingerTimeout(Duration timeout) {
            unreadBodyLingerTimeout = duration("unreadBodyLingerTimeout", timeout);
            return this;
        }

        /**
         * Sets the rate below which an exchange that waits for its client makes no progress, and is ended from
         * {@link PressureLevel#ELEVATED} on; as Kestrel's {@code MinRequestBodyDataRate}. Default: 240 bytes a second.
         * Zero or less: no exchange is ended.
         *
         * @param bytesPerSecond bytes a second
         * @return this
         */
        public Builder minDataRate(long bytesPerSecond) {
            minDataRate = bytesPerSecond;
            return this;
        }

        /**
         * Sets how long an exchange may wait for its client before {@code minDataRate} is asked of it. Default: 5 s.
         * Zero or less: no grace.
         *
         * @param grace the grace, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder dataRateGrace(Duration grace) {
            dataRateGrace = duration("dataRateGrace", grace);
            return this;
        }

        /**
         * Sets how long, from ELEVATED on, an exchange goes on whose client has shut its output, as clients do that have
         * gone. It shrinks to 1 s at {@code highAt}. A client that has reset its connection is gone at once. Default:
         * 5 s. Zero or less: no client is looked after, so that those who only shut their output get their answer
         * however long that takes. Over TLS it has no effect.
         *
         * @param timeout the timeout, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder abandonedTimeout(Duration timeout) {
            abandonedTimeout = duration("abandonedTimeout", timeout);
            return this;
        }

        /**
         * Sets whether responses carry {@code Keep-Alive: timeout=…, max=…} (RFC 2068, 19.7.1), and
         * {@code Connection: keep-alive} with it, where the request said the latter, as Apache httpd does. Default: true.
         *
         * @param advertise whether they do
         * @return this
         */
        public Builder advertiseKeepAlive(boolean advertise) {
            advertiseKeepAlive = advertise;
            return this;
        }

        /**
         * Sets by how much the advertised timeout is shorter than the real one, so that clients stop using a
         * connection before the server closes it. Where less than a second would be left to advertise, the response
         * says close instead. Default: 1 s. Zero or less: not at all.
         *
         * @param buffer the buffer, at most 3650 days
         * @return this
         * @throws IllegalArgumentException for null and for a longer one
         */
        public Builder keepAliveTimeoutBuffer(Duration buffer) {
            keepAliveTimeoutBuffer = duration("keepAliveTimeoutBuffer", buffer);
            return this;
        }

        /**
         * Sets the pressure from which timeouts shrink. Default: 0.70. Zero or less: the level is not used.
         *
         * @param pressure a share, at most 1, below {@code highAt}
         * @return this
         * @throws IllegalArgumentException for more than 1 and for NaN
         */
        public Builder elevatedAt(double pressure) {
            elevatedAt = share("elevatedAt", pressure);
            return this;
        }

        /**
         * Sets the pressure from which idle connections are evicted. Default: 0.80. Zero or less: the level is not
         * used.
         *
         * @param pressure a share, at most 1, above {@code elevatedAt}
         * @return this
         * @throws IllegalArgumentException for more than 1 and for NaN
         */
        public Builder highAt(double pressure) {
            highAt = share("highAt", pressure);
            return this;
        }

        /**
         * Sets how far pressure falls below a level's threshold before the level is left. Default: 0.05. Zero: a level
         * is left as it was entered.
         *
         * @param share a share from 0 to 0.5, below {@code elevatedAt}
         * @return this
         * @throws IllegalArgumentException outside of that
         */
        public Builder hysteresis(double share) {
            if (!(share >= 0 && share <= 0.5)) {
                throw bad("hysteresis", share, "0 to 0.5");
            }
            hysteresis = share;
            return this;
        }

        /**
         * Sets the share of the idle connections that one peer may hold from {@link PressureLevel#HIGH} on. Where one
         * holds more, what it holds beyond its share is evicted first. As far as that is enough, reused connections of
         * others are spared: their responses don't say close, and the timeouts of those whose last request came a second
         * or more after their accept don't shrink. A peer is an address, of IPv6 a /64, as PROXY tells it where it
         * does. Where all connections are from one peer, such as a proxy, it makes no difference; switch it off where a
         * proxy shares a connector with direct clients. Default: 0.25. Zero or less: no peer is told from another.
         *
         * @param share a share, at most 1
         * @return this
         * @throws IllegalArgumentException for more than 1 and for NaN
         */
        public Builder fairShare(double share) {
            fairShare = share("fairShare", share);
            return this;
        }

        /**
         * Sets the number of descriptors kept for everything but connections: where fewer are free the level is
         * {@link PressureLevel#CRITICAL}. At most a tenth of the room that connections have, and always more than the
         * number of acceptor threads, whatever is set. Default: 1 % of the limit, but 16 to 256. Zero or less: no more
         * than the acceptors need.
         *
         * @param descriptors the number
         * @return this
         */
        public Builder reservedDescriptors(int descriptors) {
            reservedDescriptors = descriptors;
            return this;
        }

        /**
         * Sets the descriptor limit, where it is not the process's own. Default: 0, the process's own. Zero or less:
         * the process's own.
         *
         * @param descriptors the limit
         * @return this
         */
        public Builder descriptorLimit(long descriptors) {
            descriptorLimit = Math.max(descriptors, 0);
            return this;
        }

        /**
         * Sets the number of governed connections at which pressure is 1, beside that of descriptors. Default: 0, off.
         * Zero or less: off.
         *
         * @param connections the number of connections
         * @return this
         */
        public Builder maxConnections(int connections) {
            maxConnections = Math.max(connections, 0);
            return this;
        }

        /**
         * Sets whether governed connectors stop accepting at {@link PressureLevel#CRITICAL}, so that visitors wait in
         * the listen backlog. Default: true.
         *
         * @param pause whether they do
         * @return this
         */
        public Builder pauseAcceptWhenCritical(boolean pause) {
            pauseAcceptWhenCritical = pause;
            return this;
        }

        /**
         * Sets how often deadlines are looked at and descriptors are counted; up to four times as often while deadlines
         * pass, and each 10 ms at CRITICAL. Default: 100 ms. It is no limit, so it can't be switched off.
         *
         * @param interval the interval, from 1 ms to 10 s
         * @return this
         * @throws IllegalArgumentException for null and outside of that
         */
        public Builder sampleInterval(Duration interval) {
            if (interval == null
                    || interval.compareTo(Duration.ofMillis(1)) < 0
                    || interval.compareTo(Duration.ofSeconds(10)) > 0) {
                throw bad("sampleInterval", text(interval), "1 ms to 10 s");
            }
            sampleInterval = interval;
            return this;
        }

        /**
         * Sets a setting by its name, for configuration that comes as text, such as the properties of a Jetty module.
         *
         * @param name the name of the setting, such as {@code keepAliveTimeout}
         * @param value the value, a time as a number of milliseconds; null leaves the setting as it is
         * @return this
         * @throws IllegalArgumentException for a name that is not a setting, for text that is no value of it, and for
         *     what its own method refuses
         */
        public Builder set(String name, String value) {
            String text = value == null ? null : value.trim();
            return switch (name) {
                case "keepAliveTimeout" -> setTime(name, text, this::keepAliveTimeout);
                case "minKeepAliveTimeout" -> setTime(name, text, this::minKeepAliveTimeout);
                case "requestHeaderTimeout" -> setTime(name, text, this::requestHeaderTimeout);
                case "firstRequestTimeout" -> setTime(name, text, this::firstRequestTimeout);
                case "handshakeTimeout" -> setTime(name, text, this::handshakeTimeout);
                case "minRequestHeaderTimeout" -> setTime(name, text, this::minRequestHeaderTimeout);
                case "maxRequestsPerConnection" ->
                    set(name, text, WHOLE, Integer::valueOf, this::maxRequestsPerConnection);
                case "maxConnectionAge" -> setTime(name, text, this::maxConnectionAge);
                case "maxConnectionAgeJitter" -> set(name, text, SHARE, Double::valueOf, this::maxConnectionAgeJitter);
                case "lingerTimeout" -> setTime(name, text, this::lingerTimeout);
                case "unreadBodyLingerTimeout" -> setTime(name, text, this::unreadBodyLingerTimeout);
                case "minDataRate" -> set(name, text, WHOLE, Long::valueOf, this::minDataRate);
                case "dataRateGrace" -> setTime(name, text, this::dataRateGrace);
                case "abandonedTimeout" -> setTime(name, text, this::abandonedTimeout);
                case "advertiseKeepAlive" -> set(name, text, TRUTH, Builder::truth, this::advertiseKeepAlive);
                case "keepAliveTimeoutBuffer" -> setTime(name, text, this::keepAliveTimeoutBuffer);
                case "elevatedAt" -> set(name, text, SHARE, Double::valueOf, this::elevatedAt);
                case "highAt" -> set(name, text, SHARE, Double::valueOf, this::highAt);
                case "hysteresis" -> set(name, text, SHARE, Double::valueOf, this::hysteresis);
                case "fairShare" -> set(name, text, SHARE, Double::valueOf, this::fairShare);
                case "reservedDescriptors" -> set(name, text, WHOLE, Integer::valueOf, this::reservedDescriptors);
                case "descriptorLimit" -> set(name, text, WHOLE, Long::valueOf, this::descriptorLimit);
                case "maxConnections" -> set(name, text, WHOLE, Integer::valueOf, this::maxConnections);
                case "pauseAcceptWhenCritical" -> set(name, text, TRUTH, Builder::truth, this::pauseAcceptWhenCritical);
                case "sampleInterval" -> setTime(name, text, this::sampleInterval);
                default -> throw bad(name, value, "the name of a setting");
            };
        }

        private Builder setTime(String name, String text, Function<Duration, Builder> setter) {
            return set(
                    name,
                    text,
                    "a whole number of milliseconds",
                    Long::valueOf,
                    ms -> setter.apply(Duration.ofMillis(ms)));
        }

        private <T> Builder set(
                String name, String text, String expected, Function<String, T> parser, Function<T, Builder> setter) {
            if (text == null) {
                return this;
            }
            T value;
            try {
                value = parser.apply(text);
            } catch (IllegalArgumentException x) {
                throw bad(name, text, expected);
            }
            return setter.apply(value);
        }

        private static Boolean truth(String text) {
            return switch (text) {
                case "true" -> true;
                case "false" -> false;
                default -> throw new IllegalArgumentException(text);
            };
        }

        /**
         * Returns the policy. Rules across settings are checked when the server starts.
         *
         * @return the policy
         */
        public KeepAlivePolicy build() {
            return new KeepAlivePolicy(new Builder(this));
        }

        private static Duration duration(String name, Duration value) {
            if (value == null || value.compareTo(LONGEST) > 0) {
                throw bad(name, text(value), "at most 3650 days; 0 or less switches the limit off");
            }
            return value.isNegative() ? Duration.ZERO : value;
        }

        private static double share(String name, double value) {
            if (!(value <= 1)) {
                throw bad(name, value, "at most 1; 0 or less switches it off");
            }
            return value;
        }

        private static String text(Duration duration) {
            return duration == null ? "null" : duration.toString().substring(2).toLowerCase(java.util.Locale.ROOT);
        }
    }
}
