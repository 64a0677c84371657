package org.strictkeepalive;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.util.thread.Scheduler;

/** As {@link BenchEndPoint}, with a client of HTTP/2. Each request has a stream of its own. */
final class Http2BenchEndPoint extends BenchEndPoint {
    private static final int HEADERS = 1;
    private static final int SETTINGS = 4;
    private static final int WINDOW_UPDATE = 8;
    private static final int END_STREAM_AND_HEADERS = 1 | 4;
    private static final int STREAM = 5;
    private static final int FIRST_WINDOW = 65535;

    private final ByteBuffer request;
    private int stream = -1;

    Http2BenchEndPoint(Scheduler scheduler) {
        this(scheduler, frame(HEADERS, END_STREAM_AND_HEADERS, header()));
    }

    private Http2BenchEndPoint(Scheduler scheduler, ByteBuffer request) {
        super(scheduler, request);
        this.request = request;
    }

    /** Sends what a client sends before its first request. Its window is as large as can be. */
    void greet() {
        byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
        byte[] window =
                ByteBuffer.allocate(4).putInt(Integer.MAX_VALUE - FIRST_WINDOW).array();
        send(ByteBuffer.allocate(128)
                .put(preface)
                .put(frame(SETTINGS, 0, new byte[0]))
                .put(frame(WINDOW_UPDATE, 0, window))
                .flip());
    }

    @Override
    long request() {
        stream += 2;
        request.putInt(STREAM, stream);
        return super.request();
    }

    private static ByteBuffer frame(int type, int flags, byte[] payload) {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) 0).putShort((short) payload.length);
        return frame.put((byte) type).put((byte) flags).putInt(0).put(payload).flip();
    }

    /** {@code GET http://localhost:8080/}, as a client sends it whose names are in the tables of HPACK. */
    private static byte[] header() {
        byte[] host = "localhost:8080".getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(5 + host.length)
                .put((byte) 0x82)
                .put((byte) 0x86)
                .put((byte) 0x84)
                .put((byte) 0x01)
                .put((byte) host.length)
                .put(host)
                .array();
    }
}
