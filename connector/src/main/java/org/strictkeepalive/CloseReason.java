package org.strictkeepalive;

/** Why a connection left the policy. Each connection is counted once, under one reason. */
public enum CloseReason {
    /** The client closed or reset the connection, or asked for the close in its request. */
    CLIENT,
    /**
     * The application asked for the close in its response, or the response could not keep the connection: it failed
     * midway, had no length for HTTP/1.0, or left the request's body unread.
     */
    APPLICATION,
    /** The connection was idle for {@code keepAliveTimeout}. */
    KEEP_ALIVE_TIMEOUT,
    /** The headers of a request were not complete within {@code requestHeaderTimeout}. */
    REQUEST_HEADER_TIMEOUT,
    /** The headers of the first request were not complete within {@code firstRequestTimeout}. */
    FIRST_REQUEST_TIMEOUT,
    /** Jetty's own idle timeout ended the connection. */
    IDLE_TIMEOUT,
    /** {@code maxRequestsPerConnection} responses were sent. */
    MAX_REQUESTS,
    /** The connection was older than {@code maxConnectionAge}. */
    MAX_AGE,
    /** A timeout ended the connection that pressure had shrunk: without pressure it would have stayed longer. */
    SHORTENED,
    /** A response said close because of pressure, or because the timeout was too short to be of use. */
    PRESSURE,
    /** The connection was idle, and was closed because of pressure. */
    EVICTED,
    /** The client of an exchange moved fewer than {@code minDataRate} bytes a second. */
    DATA_RATE,
    /**
     * The client of an exchange was the slowest of those that the server waited for, and was slower than {@code
     * fastDataRate}, when visitors found no room, or requests no thread.
     */
    SLOWEST,
    /**
     * The client of an exchange had gone: it had reset the connection, or had shut its output for {@code
     * abandonedTimeout}.
     */
    ABANDONED,
    /**
     * The connection was closed at accept, since no descriptors were left (only connectors without acceptor threads), or
     * its first request was answered with 503 ({@code refuseWhenFull}).
     */
    REFUSED,
    /** The TLS handshake, or another phase before HTTP, failed or took longer than {@code handshakeTimeout}. */
    HANDSHAKE,
    /** Another protocol than HTTP was negotiated. */
    OTHER_PROTOCOL,
    /** The connection was upgraded to another protocol, or became a tunnel. */
    UPGRADED,
    /** A drain before a stop: a response said close, or the connection was still idle when the drain was over. */
    DRAIN,
    /** The server stopped. */
    STOP,
    /** Anything else that failed. */
    ERROR
}
