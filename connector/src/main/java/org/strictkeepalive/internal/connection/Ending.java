package org.strictkeepalive.internal.connection;

/** How the policy ends a connection. */
public enum Ending {
    /** Close the socket at once. */
    CLOSE,
    /** Shut the output, then linger. */
    SHUT,
    /** Answer 408, then shut the output. */
    ANSWER,
    /** Read once: if no byte has come, shut the output. */
    CHECK
}
