package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.BufferUtil;

/** Reads and discards what the client sends after the server's FIN, until the client's FIN (RFC 9112, 9.6). */
final class Linger {
    private static final int TLS_HEADER = 5;
    private static final int TLS_APPLICATION_DATA = 23;
    /** In bytes. The record of an alert is shorter: 19 bytes, or 35 from a JDK. The record of a request is longer. */
    private static final int TLS_SHORTEST_DATA = 40;

    private static final int DISCARDS_AT_ONCE = 16;

    private final EndPoint socket;
    private final boolean tls;
    /** Run once if a request comes after the FIN on an idle connection; null if the connection was not idle. */
    private Runnable race;
    /** Written by the thread that reads, read by the timer. */
    private volatile boolean discarded;

    Linger(EndPoint socket, boolean tls, Runnable race) {
        this.socket = socket;
        this.tls = tls;
        this.race = race;
    }

    /** Whether the client has sent anything since the FIN. */
    boolean hasDiscarded() {
        return discarded;
    }

    /**
     * Discards what has come at the socket itself, below TLS.
     *
     * @return whether more may come; false after the client's FIN
     */
    boolean discard() throws IOException {
        ByteBuffer buffer = Scratch.take();
        try {
            return discard(buffer);
        } finally {
            Scratch.giveBack(buffer);
        }
    }

    private boolean discard(ByteBuffer buffer) throws IOException {
        for (int i = 0; i < DISCARDS_AT_ONCE; i++) {
            BufferUtil.clear(buffer);
            int filled = socket.fill(buffer);
            if (filled <= 0) {
                return filled == 0;
            }
            if (race != null && !discarded && isRequest(buffer, tls)) {
                race.run();
                race = null;
            }
            discarded = true;
        }
        return true;
    }

    /**
     * Whether bytes at the socket belong to a request. Over TLS a client answers the close with an alert. TLS 1.3
     * encrypts an alert as it does data, so only the length tells them apart.
     */
    static boolean isRequest(ByteBuffer bytes, boolean tls) {
        int start = bytes.position();
        return !tls
                || (bytes.remaining() >= TLS_HEADER
                        && bytes.get(start) == TLS_APPLICATION_DATA
                        && bytes.getShort(start + 3) >= TLS_SHORTEST_DATA);
    }
}
