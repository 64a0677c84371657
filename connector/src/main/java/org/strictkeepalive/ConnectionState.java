package org.strictkeepalive;

/** The state of a governed connection. */
public enum ConnectionState {
    /** Accepted. The headers of its first request, or the TLS handshake before it, are not complete. */
    NEW,
    /** The first byte of a further request has come, and the headers are not complete. */
    READING,
    /** An exchange is in progress. */
    BUSY,
    /** Between an exchange and the first byte of the next request. */
    IDLE,
    /** The output is shut; what the client still sends is read and discarded. */
    LINGERING
}
