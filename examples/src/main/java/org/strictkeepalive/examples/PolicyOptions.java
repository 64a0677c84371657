package org.strictkeepalive.examples;

import java.time.Duration;
import java.util.function.Consumer;
import org.strictkeepalive.KeepAlivePolicy;
import picocli.CommandLine.Option;

/** One flag for each setting of the policy; what is not given keeps its default. */
final class PolicyOptions {
    @Option(
            names = "--keep-alive-timeout",
            paramLabel = "TIME",
            description =
                    "Time from the end of a response to the first byte of the next request. Default: the connector's idle timeout.")
    private Duration keepAliveTimeout;

    @Option(
            names = "--min-keep-alive-timeout",
            paramLabel = "TIME",
            description = "What it shrinks to under pressure. Default: 1s.")
    private Duration minKeepAliveTimeout;

    @Option(
            names = "--request-header-timeout",
            paramLabel = "TIME",
            description = "Time from the first byte of a request to the end of its headers. Default: 10s.")
    private Duration requestHeaderTimeout;

    @Option(
            names = "--first-request-timeout",
            paramLabel = "TIME",
            description = "Time from accept to the end of the first request's headers. Default: Jetty's idle timeout.")
    private Duration firstRequestTimeout;

    @Option(
            names = "--handshake-timeout",
            paramLabel = "TIME",
            description = "Time from accept to the end of TLS handshake, ALPN and PROXY. Default: 10s.")
    private Duration handshakeTimeout;

    @Option(
            names = "--min-request-header-timeout",
            paramLabel = "TIME",
            description = "What the timeouts of requests shrink to under pressure. Default: 1s.")
    private Duration minRequestHeaderTimeout;

    @Option(
            names = "--max-requests-per-connection",
            paramLabel = "N",
            description = "The response to the last of them says close. Default: 1000.")
    private Integer maxRequestsPerConnection;

    @Option(
            names = "--max-connection-age",
            paramLabel = "TIME",
            description = "From this age the next response says close. Default: 1h.")
    private Duration maxConnectionAge;

    @Option(
            names = "--max-connection-age-jitter",
            paramLabel = "SHARE",
            description = "Share by which the age is shortened at random. Default: 0.1.")
    private Double maxConnectionAgeJitter;

    @Option(
            names = "--linger-timeout",
            paramLabel = "TIME",
            description = "Time from the server's FIN until the descriptor is free, at most. Default: 2s.")
    private Duration lingerTimeout;

    @Option(
            names = "--unread-body-linger-timeout",
            paramLabel = "TIME",
            description = "The same behind an unread request body. Default: 10s.")
    private Duration unreadBodyLingerTimeout;

    @Option(
            names = "--min-data-rate",
            paramLabel = "N",
            description = "Bytes a second below which a waiting exchange makes no progress. Default: 240.")
    private Long minDataRate;

    @Option(
            names = "--data-rate-grace",
            paramLabel = "TIME",
            description = "How long an exchange may wait before that is asked. Default: 5s.")
    private Duration dataRateGrace;

    @Option(
            names = "--abandoned-timeout",
            paramLabel = "TIME",
            description = "Under pressure, how long an exchange goes on whose client has shut its output. Default: 5s.")
    private Duration abandonedTimeout;

    @Option(
            names = "--advertise-keep-alive",
            paramLabel = "true|false",
            arity = "1",
            description = "Whether responses carry a Keep-Alive field for clients that ask. Default: true.")
    private Boolean advertiseKeepAlive;

    @Option(
            names = "--keep-alive-timeout-buffer",
            paramLabel = "TIME",
            description = "By how much the advertised timeout is shorter. Default: 1s.")
    private Duration keepAliveTimeoutBuffer;

    @Option(
            names = "--elevated-at",
            paramLabel = "SHARE",
            description = "Pressure from which ELEVATED holds. Default: 0.70.")
    private Double elevatedAt;

    @Option(names = "--high-at", paramLabel = "SHARE", description = "Pressure from which HIGH holds. Default: 0.80.")
    private Double highAt;

    @Option(
            names = "--hysteresis",
            paramLabel = "SHARE",
            description = "How far below its threshold a level is left. Default: 0.05.")
    private Double hysteresis;

    @Option(
            names = "--fair-share",
            paramLabel = "SHARE",
            description = "Share of the idle connections that one peer may hold under pressure. Default: 0.25.")
    private Double fairShare;

    @Option(
            names = "--reserved-descriptors",
            paramLabel = "N",
            description = "Descriptors kept free. Default: 1 %% of the limit, but 16 to 256.")
    private Integer reservedDescriptors;

    @Option(
            names = "--descriptor-limit",
            paramLabel = "N",
            description = "The limit that counts. Default: 0, the process's own.")
    private Long descriptorLimit;

    @Option(
            names = "--max-connections",
            paramLabel = "N",
            description = "Connections at which pressure is 1. Default: 0, off.")
    private Integer maxConnections;

    @Option(
            names = "--pause-accept-when-critical",
            paramLabel = "true|false",
            arity = "1",
            description = "Whether accepting pauses at CRITICAL. Default: true.")
    private Boolean pauseAcceptWhenCritical;

    @Option(
            names = "--sample-interval",
            paramLabel = "TIME",
            description = "How often deadlines are looked at and descriptors counted. Default: 100ms.")
    private Duration sampleInterval;

    KeepAlivePolicy policy() {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
        apply(keepAliveTimeout, builder::keepAliveTimeout);
        apply(minKeepAliveTimeout, builder::minKeepAliveTimeout);
        apply(requestHeaderTimeout, builder::requestHeaderTimeout);
        apply(firstRequestTimeout, builder::firstRequestTimeout);
        apply(handshakeTimeout, builder::handshakeTimeout);
        apply(minRequestHeaderTimeout, builder::minRequestHeaderTimeout);
        apply(maxRequestsPerConnection, builder::maxRequestsPerConnection);
        apply(maxConnectionAge, builder::maxConnectionAge);
        apply(maxConnectionAgeJitter, builder::maxConnectionAgeJitter);
        apply(lingerTimeout, builder::lingerTimeout);
        apply(unreadBodyLingerTimeout, builder::unreadBodyLingerTimeout);
        apply(minDataRate, builder::minDataRate);
        apply(dataRateGrace, builder::dataRateGrace);
        apply(abandonedTimeout, builder::abandonedTimeout);
        apply(advertiseKeepAlive, builder::advertiseKeepAlive);
        apply(keepAliveTimeoutBuffer, builder::keepAliveTimeoutBuffer);
        apply(elevatedAt, builder::elevatedAt);
        apply(highAt, builder::highAt);
        apply(hysteresis, builder::hysteresis);
        apply(fairShare, builder::fairShare);
        apply(reservedDescriptors, builder::reservedDescriptors);
        apply(descriptorLimit, builder::descriptorLimit);
        apply(maxConnections, builder::maxConnections);
        apply(pauseAcceptWhenCritical, builder::pauseAcceptWhenCritical);
        apply(sampleInterval, builder::sampleInterval);
        return builder.build();
    }

    private static <T> void apply(T value, Consumer<T> setting) {
        if (value != null) {
            setting.accept(value);
        }
    }
}
