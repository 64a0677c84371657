package org.strictkeepalive.internal.server;

import java.io.IOException;
import java.nio.channels.SocketChannel;

/** Counts the open descriptors of this process. */
public interface DescriptorProbe {
    /** The name for operators. */
    String name();

    /** The open descriptors, or -1 where they can't be known on this system. */
    long used() throws IOException;

    /** The soft limit, or -1 where it can't be known on this system. */
    long limit();

    /** Whether {@link #used()} may be asked at each accept. */
    boolean isCheap();

    /** Whether a descriptor can be opened, found by trying: decides where the count is in doubt. */
    default boolean hasRoom() {
        try {
            SocketChannel.open().close();
            return true;
        } catch (IOException x) {
            return false;
        }
    }
}
