package org.strictkeepalive.internal.server;

import java.io.IOException;
import java.nio.channels.SocketChannel;

/** Counts the open descriptors of this process. */
public interface DescriptorProbe {
    /** The name for operators. */
    String name();

    /** The open descriptors, or -1 if this system doesn't tell. */
    long used() throws IOException;

    /** The soft limit, or -1 if this system doesn't tell. */
    long limit();

    /** Whether {@link #used()} may be asked at each accept. */
    boolean isCheap();

    /** Whether a descriptor can be opened. It opens one, so it is asked only if the count is in doubt. */
    default boolean hasRoom() {
        try {
            SocketChannel.open().close();
            return true;
        } catch (IOException x) {
            return false;
        }
    }
}
