package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.io.EndPoint;

/** Finds the endpoint of a socket. */
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
}
