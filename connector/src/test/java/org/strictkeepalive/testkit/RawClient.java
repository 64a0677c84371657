package org.strictkeepalive.testkit;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** A client that sends the bytes it is told to, and closes only when it is told to. */
public final class RawClient implements AutoCloseable {
    public static final String GET = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
    /** A request whose body comes with its headers. */
    public static final String POST = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody";

    /** A request that asks for a Keep-Alive field. */
    public static final String ASKING = "GET / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\n\r\n";

    /** A response: its head, the bytes of its body, and the nanoTime when it was read whole. */
    public record Answer(String head, String body, long at) {
        public int status() {
            return Integer.parseInt(head.substring(9, 12));
        }

        /** The first of these, or null. */
        public String field(String name) {
            return fields(name).stream().findFirst().orElse(null);
        }

        public List<String> fields(String name) {
            String prefix = name.toLowerCase(Locale.ROOT) + ":";
            return head.lines()
                    .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(prefix))
                    .map(line -> line.substring(prefix.length()).trim())
                    .toList();
        }

        public boolean saysClose() {
            return "close".equalsIgnoreCase(field("Connection"));
        }
    }

    private final Socket socket;

    public RawClient(Socket socket) {
        this.socket = socket;
    }

    public Socket socket() {
        return socket;
    }

    public RawClient send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    public RawClient send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        socket.getOutputStream().flush();
        return this;
    }

    public Answer get() throws IOException {
        return send(GET).read();
    }

    /** Reads one response with a Content-Length, chunked, or (1xx, 204, 304) without a body. */
    public Answer read() throws IOException {
        return read(true);
    }

    /** As {@link #read()}; a response to HEAD has no body. */
    public Answer read(boolean hasBody) throws IOException {
        StringBuilder head = new StringBuilder();
        InputStream in = socket.getInputStream();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) require(in.read(), head));
        }
        Answer answer = new Answer(head.toString(), "", 0);
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        if (hasBody && answer.status() >= 200 && answer.status() != 204 && answer.status() != 304) {
            String length = answer.field("Content-Length");
            if (length != null) {
                byte[] bytes = in.readNBytes(Integer.parseInt(length));
                if (bytes.length < Integer.parseInt(length)) {
                    throw new EOFException("after " + bytes.length + " bytes of the body of " + head);
                }
                body.write(bytes);
            } else if ("chunked".equals(answer.field("Transfer-Encoding"))) {
                readChunks(in, body);
            } else {
                body.write(in.readAllBytes());
            }
        }
        return new Answer(head.toString(), body.toString(StandardCharsets.ISO_8859_1), System.nanoTime());
    }

    private static void readChunks(InputStream in, ByteArrayOutputStream body) throws IOException {
        while (true) {
            int size = Integer.parseInt(line(in), 16);
            byte[] bytes = in.readNBytes(size);
            if (bytes.length < size) {
                throw new EOFException("in a chunk");
            }
            body.write(bytes);
            line(in);
            if (size == 0) {
                return;
            }
        }
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        while (line.indexOf("\r\n") < 0) {
            line.append((char) require(in.read(), line));
        }
        return line.substring(0, line.length() - 2);
    }

    private static int require(int read, CharSequence soFar) throws EOFException {
        if (read < 0) {
            throw new EOFException("after: " + soFar);
        }
        return read;
    }

    /** Waits for the server's FIN, which nothing may precede, and returns its nanoTime. */
    public long awaitEnd() throws IOException {
        byte[] rest = socket.getInputStream().readAllBytes();
        if (rest.length > 0) {
            throw new IOException("unexpected: " + new String(rest, StandardCharsets.ISO_8859_1));
        }
        return System.nanoTime();
    }

    /** Reads to the end and returns all of it. */
    public byte[] readAll() throws IOException {
        return socket.getInputStream().readAllBytes();
    }

    public static void closeAll(List<RawClient> clients) throws IOException {
        for (RawClient client : clients) {
            client.close();
        }
    }

    public static long millisSince(long nanoTime) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanoTime);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
