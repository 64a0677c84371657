package org.strictkeepalive;

/** Why a connection left the policy. Each connection is counted once, under one reason. */
public enum CloseReason {
    /** The client closed it, reset it, or asked for the close in its request. */
    CLIENT,
    /** The application asked for the close in its response, or failed in the middle of one. */
    APPLICATION,
    /** Idle for {@code keepAliveTimeout}. */
    KEEP_ALIVE_TIMEOUT,
    /** The headers of a request were not complete within {@code requestHeaderTimeout}. */
    REQUEST_HEADER_TIMEOUT,
    /** The headers of the first request were not complete within {@code firstRequestTimeout}. */
    FIRST_REQUEST_TIMEOUT,
    /** Jetty's own idle timeout. */
    IDLE_TIMEOUT,
    /** {@code maxRequestsPerConnection} responses were sent. */
    MAX_REQUESTS,
    /** Older than {@code maxConnectionAge}. */
    MAX_AGE,
    /** A response said close because of pressure, or because the timeout was too short to be of use. */
    PRESSURE,
    /** Idle, and closed because of pressure. */
    EVICTED,
    /** An exchange whose client moved fewer than {@code minDataRate} bytes a second. */
    DATA_RATE,
    /** In the middle of an exchange whose client had gone: it had reset the connection, or shut it for long. */
    ABANDONED,
    /** Closed at accept, since no descriptors were left (connectors without acceptor threads only). */
    REFUSED,
    /** The TLS handshake, or another phase before HTTP, failed or took longer than {@code handshakeTimeout}. */
    HANDSHAKE,
    /** Another protocol than HTTP/1 was negotiated. */
    OTHER_PROTOCOL,
    /** Upgraded to another protocol, or became a tunnel. */
    UPGRADED,
    /** A drain before a stop: a response said close, or the drain was over and it was still idle. */
    DRAIN,
    /** The server stopped. */
    STOP,
    /** Anything else that failed. */
    ERROR
}
