package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import org.eclipse.jetty.io.EndPoint;

/** Knows the endpoint of a socket. */
public final class Sockets {
    private Sockets() {}

    /** The endpoint of the socket itself, below TLS, PROXY and the guard. */
    public static EndPoint innermost(EndPoint endPoint) {
        EndPoint result = endPoint;
        while (result instanceof EndPoint.Wrapper wrapper) {
            result = wrapper.unwrap();
        }
        return result;
    }

    /** Whether bytes have come that nobody has read yet. It takes nothing, and costs a system call. */
    public static boolean hasUnread(EndPoint innermost) {
        try {
            return innermost.getTransport() instanceof SocketChannel channel
                    && channel.socket().getInputStream().available() > 0;
        } catch (IOException | RuntimeException x) {
            return false; // It is closed, or not a socket of TCP.
        }
    }

    /** Whether the server has not read all that has come, or works on it. It costs a system call. */
    public static boolean isServersTurn(EndPoint innermost) {
        // In this order: who reads the bytes between the two questions has ended the interest before.
        return hasUnread(innermost) || !innermost.isFillInterested();
    }
}
