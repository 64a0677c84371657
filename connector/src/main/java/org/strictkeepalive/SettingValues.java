package org.strictkeepalive;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * The values of all settings. Immutable. Its public methods are those of {@link KeepAlivePolicy}. They are not final:
 * so the compiler creates a bridge for each of them there, which reflection can call.
 */
abstract class SettingValues {
    private final EnumMap<KeepAliveSetting, Object> values;

    /** Copies the values. */
    SettingValues(EnumMap<KeepAliveSetting, Object> values) {
        this.values = values.clone();
    }

    /** Returns a copy of the values. */
    final EnumMap<KeepAliveSetting, Object> values() {
        return values.clone();
    }

    /**
     * Returns the value of a setting.
     *
     * @param setting the setting
     * @return a {@link Duration}, {@link Integer}, {@link Long}, {@link Double} or {@link Boolean}; null for a default
     *     that depends on the connector or the process
     */
    public Object get(KeepAliveSetting setting) {
        return values.get(setting);
    }

    /** Returns the settings that differ from their defaults. */
    @Override
    public final String toString() {
        return values.keySet().stream()
                .filter(setting -> !Objects.equals(get(setting), setting.getDefault()))
                .map(this::toString)
                .collect(Collectors.joining(", ", "KeepAlivePolicy[", "]"));
    }

    final String toString(KeepAliveSetting setting) {
        return setting + "=" + setting.format(get(setting));
    }

    /**
     * {@return the time from the end of a response to the first byte of the next request, zero for no limit, null for
     * the connector's idle timeout}
     */
    public Duration getKeepAliveTimeout() {
        return (Duration) get(KeepAliveSetting.KEEP_ALIVE_TIMEOUT);
    }

    /** {@return what {@code keepAliveTimeout} shrinks to under pressure} */
    public Duration getMinKeepAliveTimeout() {
        return (Duration) get(KeepAliveSetting.MIN_KEEP_ALIVE_TIMEOUT);
    }

    /** {@return the time from the first byte of a request to the end of its headers, zero for no limit} */
    public Duration getRequestHeaderTimeout() {
        return (Duration) get(KeepAliveSetting.REQUEST_HEADER_TIMEOUT);
    }

    /**
     * {@return the time from accept to the end of the first request's headers, zero for no limit, null for the
     * connector's idle timeout}
     */
    public Duration getFirstRequestTimeout() {
        return (Duration) get(KeepAliveSetting.FIRST_REQUEST_TIMEOUT);
    }

    /** {@return the time from accept to the end of the TLS handshake, ALPN and PROXY, zero for no limit of its own} */
    public Duration getHandshakeTimeout() {
        return (Duration) get(KeepAliveSetting.HANDSHAKE_TIMEOUT);
    }

    /** {@return what {@code requestHeaderTimeout} and {@code firstRequestTimeout} shrink to under pressure} */
    public Duration getMinRequestHeaderTimeout() {
        return (Duration) get(KeepAliveSetting.MIN_REQUEST_HEADER_TIMEOUT);
    }

    /** {@return how many requests a connection may carry, 0 for any number} */
    public int getMaxRequestsPerConnection() {
        return (Integer) get(KeepAliveSetting.MAX_REQUESTS_PER_CONNECTION);
    }

    /** {@return the age from which a connection's next response says close, zero for no limit} */
    public Duration getMaxConnectionAge() {
        return (Duration) get(KeepAliveSetting.MAX_CONNECTION_AGE);
    }

    /** {@return the share, 0 to 1, by which a connection's maximum age may be shortened at random} */
    public double getMaxConnectionAgeJitter() {
        return (Double) get(KeepAliveSetting.MAX_CONNECTION_AGE_JITTER);
    }

    /** {@return how long the server waits for the client's FIN after its own, zero for Jetty's idle timeout} */
    public Duration getLingerTimeout() {
        return (Duration) get(KeepAliveSetting.LINGER_TIMEOUT);
    }

    /** {@return the linger timeout if the request's body was not read to its end, zero for Jetty's idle timeout} */
    public Duration getUnreadBodyLingerTimeout() {
        return (Duration) get(KeepAliveSetting.UNREAD_BODY_LINGER_TIMEOUT);
    }

    /**
     * {@return the rate, in bytes a second, below which an exchange that waits for its client makes no progress, 0 for
     * none}
     */
    public long getMinDataRate() {
        return (Long) get(KeepAliveSetting.MIN_DATA_RATE);
    }

    /** {@return how long an exchange may wait for its client before {@code minDataRate} applies, zero for no grace} */
    public Duration getDataRateGrace() {
        return (Duration) get(KeepAliveSetting.DATA_RATE_GRACE);
    }

    /**
     * {@return the rate, in bytes a second, above which an exchange is never ended for being the slowest, 0 if none is
     * ended for that}
     */
    public long getFastDataRate() {
        return (Long) get(KeepAliveSetting.FAST_DATA_RATE);
    }

    /**
     * {@return how long, under pressure, an exchange goes on after its client has shut its output, zero for no limit}
     */
    public Duration getAbandonedTimeout() {
        return (Duration) get(KeepAliveSetting.ABANDONED_TIMEOUT);
    }

    /** {@return whether responses carry a {@code Keep-Alive} field for clients that ask} */
    public boolean isAdvertiseKeepAlive() {
        return (Boolean) get(KeepAliveSetting.ADVERTISE_KEEP_ALIVE);
    }

    /** {@return by how much the advertised timeout is shorter than the real one} */
    public Duration getKeepAliveTimeoutBuffer() {
        return (Duration) get(KeepAliveSetting.KEEP_ALIVE_TIMEOUT_BUFFER);
    }

    /** {@return the pressure, 0 to 1, from which {@link PressureLevel#ELEVATED} holds, 0 for never} */
    public double getElevatedAt() {
        return (Double) get(KeepAliveSetting.ELEVATED_AT);
    }

    /** {@return the pressure, 0 to 1, from which {@link PressureLevel#HIGH} holds, 0 for never} */
    public double getHighAt() {
        return (Double) get(KeepAliveSetting.HIGH_AT);
    }

    /** {@return how far, 0 to 0.5, pressure falls below a threshold before its level is left} */
    public double getHysteresis() {
        return (Double) get(KeepAliveSetting.HYSTERESIS);
    }

    /** {@return the share, 0 to 1, of the idle connections that one peer may hold under pressure, 0 for any} */
    public double getFairShare() {
        return (Double) get(KeepAliveSetting.FAIR_SHARE);
    }

    /**
     * {@return the number of descriptors kept for everything but connections, null for 1 % of the limit, but 16 to 256}
     */
    public Integer getReservedDescriptors() {
        return (Integer) get(KeepAliveSetting.RESERVED_DESCRIPTORS);
    }

    /** {@return the descriptor limit, 0 for the process's own} */
    public long getDescriptorLimit() {
        return (Long) get(KeepAliveSetting.DESCRIPTOR_LIMIT);
    }

    /** {@return the number of connections at which pressure is 1, 0 for none} */
    public int getMaxConnections() {
        return (Integer) get(KeepAliveSetting.MAX_CONNECTIONS);
    }

    /** {@return whether accepting pauses at {@link PressureLevel#CRITICAL}} */
    public boolean isPauseAcceptWhenCritical() {
        return (Boolean) get(KeepAliveSetting.PAUSE_ACCEPT_WHEN_CRITICAL);
    }

    /** {@return whether visitors are answered with 503 while busy requests hold all the room} */
    public boolean isRefuseWhenFull() {
        return (Boolean) get(KeepAliveSetting.REFUSE_WHEN_FULL);
    }

    /** {@return how often deadlines are checked and descriptors are counted} */
    public Duration getSampleInterval() {
        return (Duration) get(KeepAliveSetting.SAMPLE_INTERVAL);
    }
}
