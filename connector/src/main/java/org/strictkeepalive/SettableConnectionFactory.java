package org.strictkeepalive;

import java.time.Duration;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;

/**
 * Setters for the settings, one by one, for XML. They are those of {@link StrictKeepAliveConnectionFactory}. They are
 * not final: so the compiler creates a bridge for each of them there, which reflection can call.
 */
abstract class SettableConnectionFactory extends HttpConnectionFactory {
    SettableConnectionFactory(HttpConfiguration config) {
        super(config);
    }

    /** {@return the policy} */
    public abstract KeepAlivePolicy getPolicy();

    /**
     * Replaces the policy, also while running, and then also for open connections. Its settings of pressure become
     * those of all factories of the server.
     *
     * @param policy the policy
     * @throws IllegalArgumentException for null and, while running, for settings that contradict each other
     */
    public abstract void setPolicy(KeepAlivePolicy policy);

    /**
     * Sets {@link KeepAlivePolicy.Builder#keepAliveTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setKeepAliveTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .keepAliveTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#minKeepAliveTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setMinKeepAliveTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .minKeepAliveTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#requestHeaderTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setRequestHeaderTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .requestHeaderTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#firstRequestTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setFirstRequestTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .firstRequestTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#handshakeTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setHandshakeTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .handshakeTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#minRequestHeaderTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setMinRequestHeaderTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .minRequestHeaderTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#maxRequestsPerConnection}.
     *
     * @param number the number
     */
    public void setMaxRequestsPerConnection(int number) {
        setPolicy(getPolicy().toBuilder().maxRequestsPerConnection(number).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#maxConnectionAge}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setMaxConnectionAge(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .maxConnectionAge(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#maxConnectionAgeJitter}.
     *
     * @param share the share
     */
    public void setMaxConnectionAgeJitter(double share) {
        setPolicy(getPolicy().toBuilder().maxConnectionAgeJitter(share).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#lingerTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setLingerTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .lingerTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#unreadBodyLingerTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setUnreadBodyLingerTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .unreadBodyLingerTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#minDataRate}.
     *
     * @param number the number
     */
    public void setMinDataRate(long number) {
        setPolicy(getPolicy().toBuilder().minDataRate(number).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#dataRateGrace}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setDataRateGrace(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .dataRateGrace(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#fastDataRate}.
     *
     * @param number the number
     */
    public void setFastDataRate(long number) {
        setPolicy(getPolicy().toBuilder().fastDataRate(number).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#abandonedTimeout}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setAbandonedTimeout(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .abandonedTimeout(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#advertiseKeepAlive}.
     *
     * @param value true or false
     */
    public void setAdvertiseKeepAlive(boolean value) {
        setPolicy(getPolicy().toBuilder().advertiseKeepAlive(value).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#keepAliveTimeoutBuffer}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setKeepAliveTimeoutBuffer(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .keepAliveTimeoutBuffer(Duration.ofMillis(milliseconds))
                .build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#elevatedAt}.
     *
     * @param share the share
     */
    public void setElevatedAt(double share) {
        setPolicy(getPolicy().toBuilder().elevatedAt(share).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#highAt}.
     *
     * @param share the share
     */
    public void setHighAt(double share) {
        setPolicy(getPolicy().toBuilder().highAt(share).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#hysteresis}.
     *
     * @param share the share
     */
    public void setHysteresis(double share) {
        setPolicy(getPolicy().toBuilder().hysteresis(share).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#fairShare}.
     *
     * @param share the share
     */
    public void setFairShare(double share) {
        setPolicy(getPolicy().toBuilder().fairShare(share).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#reservedDescriptors}.
     *
     * @param number the number
     */
    public void setReservedDescriptors(int number) {
        setPolicy(getPolicy().toBuilder().reservedDescriptors(number).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#descriptorLimit}.
     *
     * @param number the number
     */
    public void setDescriptorLimit(long number) {
        setPolicy(getPolicy().toBuilder().descriptorLimit(number).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#maxConnections}.
     *
     * @param number the number
     */
    public void setMaxConnections(int number) {
        setPolicy(getPolicy().toBuilder().maxConnections(number).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#pauseAcceptWhenCritical}.
     *
     * @param value true or false
     */
    public void setPauseAcceptWhenCritical(boolean value) {
        setPolicy(getPolicy().toBuilder().pauseAcceptWhenCritical(value).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#refuseWhenFull}.
     *
     * @param value true or false
     */
    public void setRefuseWhenFull(boolean value) {
        setPolicy(getPolicy().toBuilder().refuseWhenFull(value).build());
    }

    /**
     * Sets {@link KeepAlivePolicy.Builder#sampleInterval}.
     *
     * @param milliseconds the time in milliseconds
     */
    public void setSampleInterval(long milliseconds) {
        setPolicy(getPolicy().toBuilder()
                .sampleInterval(Duration.ofMillis(milliseconds))
                .build());
    }
}
