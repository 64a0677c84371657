package org.strictkeepalive.it;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** A connection of HTTP/2 on a blocking socket, by ALPN or by prior knowledge. */
final class Http2Wire implements AutoCloseable {
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;

    /** The server has refused a request that it has not executed, so the client may send it again. */
    static final class RefusedException extends IOException {
        private static final long serialVersionUID = 1L;

        private RefusedException(String message) {
            super(message);
        }
    }

    private final Socket socket;
    private final OutputStream out;
    private final DataInputStream in;
    private int stream = -1;
    private int last = Integer.MAX_VALUE;

    Http2Wire(Http http, long timeoutMs) throws IOException {
        this(http, null, timeoutMs);
    }

    /** Connects from an address of its own, or from any if that is null. */
    Http2Wire(Http http, InetAddress from, long timeoutMs) throws IOException {
        socket = http.connect(from, timeoutMs);
        try {
            if (socket instanceof SSLSocket tls) {
                SSLParameters parameters = tls.getSSLParameters();
                parameters.setApplicationProtocols(new String[] {"h2"});
                tls.setSSLParameters(parameters);
                tls.startHandshake();
            }
            out = socket.getOutputStream();
            in = new DataInputStream(socket.getInputStream());
            out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException x) {
            socket.close();
            throw x;
        }
    }

    Socket socket() {
        return socket;
    }

    private void send(int type, int flags, int id, byte[] payload) throws IOException {
        ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
        frame.put((byte) 0).putShort((short) payload.length).put((byte) type).put((byte) flags);
        out.write(frame.putInt(id).put(payload).array());
        out.flush();
    }

    void ping() throws IOException {
        send(PING, 0, 0, new byte[8]);
    }

    void settings() throws IOException {
        send(SETTINGS, 0, 0, new byte[0]);
    }

    /** Grants no byte of any response from now on. */
    void grantNothing() throws IOException {
        send(SETTINGS, 0, 0, new byte[] {0, 4, 0, 0, 0, 0});
    }

    /** Sends the begin of a request's headers. The rest is missing. */
    void beginHeaders() throws IOException {
        stream += 2;
        send(HEADERS, 0, stream, new byte[] {(byte) 0x82, (byte) 0x86});
    }

    /** Sends the headers of a request and a byte of its body. The rest is missing. */
    void beginBody(String path) throws IOException {
        headers(path, 0x83, 4);
        send(DATA, 0, stream, new byte[1]);
    }

    /** Whether a GOAWAY was seen, so that no further request may be sent. */
    boolean isGoingAway() {
        return last != Integer.MAX_VALUE;
    }

    /** Sends a request. */
    void request(String path) throws IOException {
        headers(path, 0x82, 5);
    }

    private void headers(String path, int method, int flags) throws IOException {
        stream += 2;
        byte[] authority = "localhost".getBytes(StandardCharsets.US_ASCII);
        byte[] bytes = path.getBytes(StandardCharsets.US_ASCII);
        ByteBuffer block = ByteBuffer.allocate(6 + bytes.length + authority.length);
        // The method, http, then a path and an authority that are not indexed.
        block.put(new byte[] {(byte) method, (byte) 0x86, 4, (byte) bytes.length})
                .put(bytes);
        block.put(new byte[] {1, (byte) authority.length}).put(authority);
        send(HEADERS, flags, stream, block.array());
    }

    /** Reads up to the end of the response. */
    void answer() throws IOException {
        while (true) {
            int length;
            try {
                length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
            } catch (IOException x) {
                if (last < stream) {
                    throw new RefusedException("stream " + stream + " behind " + last);
                }
                throw x;
            }
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            int id = in.readInt();
            byte[] payload = new byte[length];
            in.readFully(payload);
            if (type == GOAWAY) {
                last = ByteBuffer.wrap(payload).getInt();
                int error = ByteBuffer.wrap(payload).getInt(4);
                if (error != 0) {
                    throw new IOException("GOAWAY with " + error);
                }
                if (last < stream) {
                    throw new RefusedException("stream " + stream + " behind " + last);
                }
            } else if (type == RST_STREAM && id == stream) {
                int error = ByteBuffer.wrap(payload).getInt();
                if (error == 7) {
                    throw new RefusedException("stream " + stream + " refused");
                }
                throw new IOException("RST_STREAM with " + error);
            } else if ((type == DATA || type == HEADERS) && id == stream && (flags & 1) != 0) {
                return;
            }
        }
    }

    /** Sends a request for the root and reads its response. */
    void get() throws IOException {
        get("/");
    }

    void get(String path) throws IOException {
        request(path);
        answer();
    }

    /** Reads until the server closes. */
    void awaitEnd() throws IOException {
        socket.setSoTimeout(0);
        try {
            while (true) {
                if (in.read(new byte[1024]) < 0) {
                    throw new EOFException();
                }
            }
        } catch (IOException x) {
            // It is closed.
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
