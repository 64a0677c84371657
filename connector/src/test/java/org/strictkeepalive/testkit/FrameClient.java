package org.strictkeepalive.testkit;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A client of HTTP/2 that sends and reads single frames. It answers nothing by itself. */
public final class FrameClient implements AutoCloseable {
    public static final int DATA = 0;
    public static final int HEADERS = 1;
    public static final int RST_STREAM = 3;
    public static final int SETTINGS = 4;
    public static final int PING = 6;
    public static final int GOAWAY = 7;
    private static final int WINDOW_UPDATE = 8;
    private static final int CONTINUATION = 9;

    public static final int MOST = Integer.MAX_VALUE;
    public static final int REFUSED_STREAM = 7;
    public static final int ENHANCE_YOUR_CALM = 11;

    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;
    private static final int INITIAL_WINDOW_SIZE = 4;

    /** A frame that the server has sent. */
    public record Frame(int type, int flags, int stream, ByteBuffer payload) {
        public boolean isLast() {
            return (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
        }

        /** The status of a response whose status is in HPACK's static table. */
        public int status() {
            int at = 0;
            while ((payload.get(at) & 0xE0) == 0x20) { // an update of the table's size
                boolean more = (payload.get(at) & 0x1F) == 0x1F;
                while (more) {
                    more = (payload.get(++at) & 0x80) != 0;
                }
                at++;
            }
            return switch (payload.get(at) & 0xFF) {
                case 0x88 -> 200;
                case 0x8d -> 404;
                case 0x8e -> 500;
                default -> -1;
            };
        }

        /** The last stream of a GOAWAY. */
        public int lastStream() {
            return payload.getInt(0) & Integer.MAX_VALUE;
        }

        /** The error code of a GOAWAY or RST_STREAM. */
        public int error() {
            return payload.getInt(type == GOAWAY ? 4 : 0);
        }
    }

    private final Socket socket;
    private final OutputStream out;
    private final DataInputStream in;
    private final List<Frame> frames = new ArrayList<>();

    FrameClient(Socket socket) throws IOException {
        this.socket = socket;
        out = socket.getOutputStream();
        in = new DataInputStream(socket.getInputStream());
        out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    }

    /** Sends SETTINGS, the first frame that a client has to send. */
    public FrameClient settings() throws IOException {
        return send(SETTINGS, 0, 0, new byte[0]);
    }

    /** Sends SETTINGS with which the server may send nothing of a body. */
    public FrameClient settingsWithoutWindow() throws IOException {
        return settingsWithWindow(0);
    }

    /** Sends SETTINGS with which the server may send so many bytes of a body before it has to wait. */
    public FrameClient settingsWithWindow(int bytes) throws IOException {
        ByteBuffer payload = ByteBuffer.allocate(6).putShort((short) INITIAL_WINDOW_SIZE);
        return send(SETTINGS, 0, 0, payload.putInt(bytes).array());
    }

    /** Lets the server send so many bytes more, on a stream or, for 0, on the connection. */
    public FrameClient window(int stream, int bytes) throws IOException {
        return send(
                WINDOW_UPDATE, 0, stream, ByteBuffer.allocate(4).putInt(bytes).array());
    }

    private FrameClient send(int type, int flags, int stream, byte[] payload) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) (payload.length >> 16)).putShort((short) payload.length);
        frame.put((byte) type).put((byte) flags).putInt(stream).put(payload);
        out.write(frame.array());
        out.flush();
        return this;
    }

    private static byte[] header(boolean post, String path) {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(post ? 0x83 : 0x82);
        block.write(0x86); // :scheme http
        block.write(0x04); // :path, not indexed
        writeString(block, path);
        block.write(0x01); // :authority, not indexed
        writeString(block, "localhost");
        return block.toByteArray();
    }

    /** Sends a request without a body. */
    public FrameClient get(int stream, String path) throws IOException {
        return send(HEADERS, END_HEADERS | END_STREAM, stream, header(false, path));
    }

    /** Sends a request that Jetty answers by itself, with 417. */
    public FrameClient getExpecting(int stream, String expectation) throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.writeBytes(header(false, "/"));
        block.write(0x00); // a new name, not indexed
        writeString(block, "expect");
        writeString(block, expectation);
        return send(HEADERS, END_HEADERS | END_STREAM, stream, block.toByteArray());
    }

    /** Sends the headers of a request with a body. */
    public FrameClient post(int stream, String path) throws IOException {
        return send(HEADERS, END_HEADERS, stream, header(true, path));
    }

    /** Sends the headers of a request that opens a tunnel for a protocol (RFC 8441). */
    public FrameClient connect(int stream, String protocol) throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.write(0x02); // :method, not indexed
        writeString(block, "CONNECT");
        block.write(0x00); // a new name, not indexed
        writeString(block, ":protocol");
        writeString(block, protocol);
        block.write(0x86); // :scheme http
        block.write(0x84); // :path /
        block.write(0x01); // :authority, not indexed
        writeString(block, "localhost");
        return send(HEADERS, END_HEADERS, stream, block.toByteArray());
    }

    private static void writeString(ByteArrayOutputStream block, String text) {
        block.write(text.length());
        block.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Sends the first part of the headers of a request. */
    public FrameClient halfHeaders(int stream) throws IOException {
        return send(HEADERS, END_STREAM, stream, header(false, "/"));
    }

    /** Sends the rest of the headers of a request. */
    public FrameClient restOfHeaders(int stream) throws IOException {
        return send(CONTINUATION, END_HEADERS, stream, new byte[0]);
    }

    public FrameClient data(int stream, int length, boolean last) throws IOException {
        return send(DATA, last ? END_STREAM : 0, stream, new byte[length]);
    }

    public FrameClient cancel(int stream) throws IOException {
        return send(RST_STREAM, 0, stream, new byte[] {0, 0, 0, 8});
    }

    /** Tells that no stream of the server above that one is processed. */
    public FrameClient goAway(int lastStream) throws IOException {
        return send(GOAWAY, 0, 0, ByteBuffer.allocate(8).putInt(lastStream).array());
    }

    public FrameClient ping() throws IOException {
        return send(PING, 0, 0, new byte[8]);
    }

    /** Reads a frame; null if the server has closed. */
    public Frame read() throws IOException {
        try {
            int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            int stream = in.readInt();
            byte[] payload = new byte[length];
            in.readFully(payload);
            Frame frame = new Frame(type, flags, stream, ByteBuffer.wrap(payload));
            frames.add(frame);
            return frame;
        } catch (EOFException | SocketException x) {
            return null;
        }
    }

    /** Reads up to a frame of that type; fails if the server closes before. */
    public Frame await(int type) throws IOException {
        List<Frame> others = new ArrayList<>();
        for (Frame frame = read(); frame != null; frame = read()) {
            if (frame.type == type) {
                return frame;
            }
            others.add(frame);
        }
        throw new EOFException("no frame of type " + type + " in " + others);
    }

    /** Reads up to the end of a response; returns its status. */
    public int awaitResponse(int stream) throws IOException {
        int status = 0;
        for (Frame frame = read(); frame != null; frame = read()) {
            if (frame.stream == stream) {
                if (frame.type == HEADERS) {
                    status = frame.status();
                } else if (frame.type == RST_STREAM) {
                    throw new IOException("reset with " + frame.error());
                }
                if (frame.isLast()) {
                    return status;
                }
            }
        }
        throw new EOFException("no response on stream " + stream);
    }

    /** Sends a request, and reads its response. */
    public FrameClient ask(int stream) throws IOException {
        int status = get(stream, "/").awaitResponse(stream);
        if (status != 200) {
            throw new IOException("status " + status);
        }
        return this;
    }

    /** Reads the frames up to the close. */
    public List<Frame> rest() throws IOException {
        List<Frame> result = new ArrayList<>();
        for (Frame frame = read(); frame != null; frame = read()) {
            result.add(frame);
        }
        return result;
    }

    /** All frames that were read. */
    public List<Frame> frames() {
        return frames;
    }

    /** Reads the GOAWAYs among the frames up to the close. */
    public List<Frame> goAways() throws IOException {
        return rest().stream().filter(frame -> frame.type == GOAWAY).toList();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
