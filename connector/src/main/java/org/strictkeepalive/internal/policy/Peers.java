package org.strictkeepalive.internal.policy;

import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;

/** Whom a connection is from. */
public final class Peers {
    private Peers() {}

    /**
     * Returns what stands for an address among others: that of IPv4 itself, of IPv6 its /64, which is what one
     * subscriber has; null for what is no address of the Internet.
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
