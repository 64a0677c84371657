package org.strictkeepalive.testkit;

import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.connection.GovernedConnection;

/** A connection in virtual time, of whatever protocol: the policy's own life and deadlines, without Jetty. */
public interface PlayedConnection {
    GovernedConnection governed();

    /** The nanoTime of the first look. */
    long dueFirst();

    /** A request comes; false where it comes too late. */
    boolean request();

    /** The response is out. Returns why the client is told that the connection ends, null where it isn't. */
    CloseReason respond();

    boolean isIdle();

    /** Since when it is idle, also while the policy closes it. */
    long idleSinceWhen();

    /** When the client was told: by a response, a FIN, a GOAWAY, or the close of the socket. */
    long toldAt();

    /** Whether a request that comes too late was not executed for certain, so that any client sends it again. */
    boolean refusesSafely();

    /** The client has closed. */
    void clientCloses();

    /** The socket closes. */
    void free(CloseReason reason);
}
