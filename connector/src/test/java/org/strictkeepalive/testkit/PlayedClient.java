package org.strictkeepalive.testkit;

import org.strictkeepalive.CloseReason;

/** The client of a connection in virtual time. */
public interface PlayedClient {
    /** The server has sent what tells it that the connection ends: a FIN, or a GOAWAY while nothing is in progress. */
    void onShut();

    /** The socket has closed. */
    void onFreed();

    /** The policy has decided to close. */
    void onClosing(CloseReason reason);

    /** Whether it has sent something that the server discards. */
    boolean isDiscarded();
}
