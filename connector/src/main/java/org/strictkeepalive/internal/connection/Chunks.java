package org.strictkeepalive.internal.connection;

import java.nio.ByteBuffer;

/** Tells whether a buffer holds a whole chunked body (RFC 9112, 7.1). Pure. */
final class Chunks {
    private static final int MOST_DIGITS = 15;
    private static final int INCOMPLETE = -1;

    private Chunks() {}

    /**
     * Tells whether a buffer holds a whole body, with its trailers. Bytes after it don't matter.
     *
     * @param buffer bytes from the first chunk-size on; its position doesn't change
     */
    static boolean isWhole(ByteBuffer buffer) {
        int at = buffer.position();
        long size;
        do {
            size = size(buffer, at);
            at = size < 0 ? INCOMPLETE : afterLine(buffer, at);
            if (at < 0 || size > buffer.limit() - at) {
                return false;
            }
            if (size > 0) {
                at = afterLine(buffer, at + (int) size);
                if (at < 0) {
                    return false;
                }
            }
        } while (size > 0);
        return hasTrailers(buffer, at);
    }

    /** The chunk-size at that index, negative if there is none. */
    private static long size(ByteBuffer buffer, int from) {
        long size = 0;
        int at = from;
        while (at < buffer.limit() && at - from < MOST_DIGITS) {
            int digit = Character.digit(buffer.get(at), 16);
            if (digit < 0) {
                break;
            }
            size = size * 16 + digit;
            at++;
        }
        return at == from || at - from == MOST_DIGITS ? INCOMPLETE : size;
    }

    private static boolean hasTrailers(ByteBuffer buffer, int from) {
        int at = from;
        while (true) {
            int next = afterLine(buffer, at);
            if (next < 0) {
                return false;
            }
            if (next - at == 1 || (next - at == 2 && buffer.get(at) == '\r')) {
                return true;
            }
            at = next;
        }
    }

    /** The index after the end of the line, negative if the line doesn't end. */
    private static int afterLine(ByteBuffer buffer, int from) {
        for (int at = from; at < buffer.limit(); at++) {
            if (buffer.get(at) == '\n') {
                return at + 1;
            }
        }
        return INCOMPLETE;
    }
}
