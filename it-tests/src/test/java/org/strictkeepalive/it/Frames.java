package org.strictkeepalive.it;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Frames of HTTP/2, of a client with one stream. */
final class Frames {
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final int WINDOW_UPDATE = 8;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;

    private Frames() {}

    static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static ByteBuffer frame(int type, int flags, int stream, byte... payload) {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
        frame.put((byte) type).put((byte) flags).putInt(stream).put(payload);
        return frame.flip();
    }

    /** The preface, and SETTINGS with the window of a stream. */
    static ByteBuffer opening(int window) {
        ByteBuffer settings = frame(
                SETTINGS,
                0,
                0,
                ByteBuffer.allocate(6).putShort((short) 4).putInt(window).array());
        ByteBuffer preface = ascii("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        return ByteBuffer.allocate(64).put(preface).put(settings).flip();
    }

    static ByteBuffer get(String path) {
        return frame(HEADERS, END_HEADERS | END_STREAM, 1, header(false, path));
    }

    static ByteBuffer post(String path) {
        return frame(HEADERS, END_HEADERS, 1, header(true, path));
    }

    static ByteBuffer data(int length) {
        return frame(DATA, 0, 1, new byte[length]);
    }

    static ByteBuffer window(int stream, int bytes) {
        return frame(
                WINDOW_UPDATE, 0, stream, ByteBuffer.allocate(4).putInt(bytes).array());
    }

    /** By HPACK's static table, without Huffman's code. */
    private static byte[] header(boolean post, String path) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(post ? 0x83 : 0x82);
        block.write(0x86); // :scheme http
        block.write(0x04); // :path, not indexed
        block.write(path.length());
        block.writeBytes(path.getBytes(StandardCharsets.US_ASCII));
        block.write(0x01); // :authority, not indexed
        block.write(1);
        block.write('t');
        return block.toByteArray();
    }
}
