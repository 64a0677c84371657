package org.strictkeepalive.internal.policy;

import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;

/** Identifies the peers of connections. */
public final class Peers {
    private Peers() {}

    /**
     * Returns the key of an address: the address itself for IPv4, its /64 for IPv6, which is what one subscriber has,
     * and null for what is not an Internet address.
     */
    public static Object key(SocketAddress address) {
        if (!(address instanceof InetSocketAddress inet) || inet.getAddress() == null) {
            return null;
        }
        return inet.getAddress() instanceof Inet6Address v6
                ? (Object) ByteBuffer.wrap(v6.getAddress()).getLong()
                : inet.getAddress();
    }
}
