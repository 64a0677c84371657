package org.strictkeepalive.it;

import java.nio.charset.StandardCharsets;

/** What each of the Java servers answers: the same, and by blocking its thread, as most applications do. */
final class PeerAnswers {
    static final String HOST = "127.0.0.1";
    static final int BACKLOG = 1024;
    /** So many connections are left to be bounded by those that bound them: a JVM needs some descriptors of its own. */
    static final int MOST_CONNECTIONS = 400;

    private static final byte[] HELLO = "Hello, world!".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] BIG = new byte[8 << 20];
    private static final long SLOW_MS = 2000;

    private PeerAnswers() {}

    static byte[] to(String path) {
        if (path.equals("/slow")) {
            Http.pause(SLOW_MS);
        }
        return path.equals("/big") ? BIG : HELLO;
    }
}
