package org.strictkeepalive;

/** Where a governed connection is in its life. */
public enum ConnectionState {
    /** Accepted, the headers of its first request (or the TLS handshake before it) not complete. */
    NEW,
    /** Begun to receive the headers of a further request. */
    READING,
    /** An exchange is in progress. */
    BUSY,
    /** Between an exchange and the first byte of the next request. */
    IDLE,
    /** The output is shut; what the client still sends is read and discarded. */
    LINGERING
}
