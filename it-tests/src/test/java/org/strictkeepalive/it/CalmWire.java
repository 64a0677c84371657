package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** A connection of a client in {@link CalmClient}, clear or with TLS. */
final class CalmWire implements AutoCloseable {
    private static final Pattern LENGTH = Pattern.compile("\r\ncontent-length: (\\d+)");
    /** Of a slow machine. Jetty's idle timeout ends first what hangs. */
    private static final int PATIENCE_MS = 60_000;

    /** A response: its status, whether it says close, and its body. */
    record Answer(int status, boolean close, String body) {}

    /** There was no connection, so that no request was lost. */
    static final class NotConnectedException extends IOException {
        private static final long serialVersionUID = 1L;

        private NotConnectedException(IOException cause) {
            super(cause);
        }
    }

    private final Socket socket;
    private final InputStream in;
    private boolean ended;

    /** Connects; a context of TLS of null is clear text. */
    CalmWire(int port, SSLContext tls) throws IOException {
        Socket clear = new Socket();
        try {
            clear.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MS);
            clear.setTcpNoDelay(true);
            clear.setSoTimeout(PATIENCE_MS);
            if (tls == null) {
                socket = clear;
            } else {
                socket = tls.getSocketFactory().createSocket(clear, "localhost", port, true);
                ((SSLSocket) socket).startHandshake();
            }
        } catch (IOException x) {
            clear.close();
            throw new NotConnectedException(x);
        }
        in = new BufferedInputStream(socket.getInputStream());
    }

    void send(String text) throws IOException {
        send(text.getBytes(ISO_8859_1));
    }

    void send(byte... bytes) throws IOException {
        socket.getOutputStream().write(bytes);
    }

    void shutdownOutput() throws IOException {
        socket.shutdownOutput();
    }

    /** Whether a response has said that this connection ends. */
    boolean isEnded() {
        return ended;
    }

    /** Reads a head, in lower case. */
    String head() throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int read = in.read();
            if (read < 0) {
                throw new EOFException("after " + head.length() + " bytes of a head");
            }
            head.append((char) read);
        }
        return head.toString().toLowerCase(Locale.ROOT);
    }

    Answer answer() throws IOException {
        String head = head();
        boolean close = head.contains("\r\nconnection: close");
        Matcher length = LENGTH.matcher(head);
        String body;
        if (length.find()) {
            body = read(Integer.parseInt(length.group(1)));
        } else if (head.contains("\r\ntransfer-encoding: chunked")) {
            body = chunks();
        } else {
            body = rest();
            ended = true;
        }
        ended |= close;
        return new Answer(Integer.parseInt(head.substring(9, 12)), close, body);
    }

    private String chunks() throws IOException {
        StringBuilder body = new StringBuilder();
        while (true) {
            StringBuilder line = new StringBuilder();
            while (line.indexOf("\r\n") < 0) {
                line.append(read(1));
            }
            int size = Integer.parseInt(line.toString().trim(), 16);
            body.append(read(size));
            read(2);
            if (size == 0) {
                return body.toString();
            }
        }
    }

    String read(int length) throws IOException {
        byte[] bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("after " + bytes.length + " of " + length + " bytes");
        }
        return new String(bytes, ISO_8859_1);
    }

    /** Waits for the server's FIN and returns what came before it. */
    String rest() throws IOException {
        return new String(in.readAllBytes(), ISO_8859_1);
    }

    /** Looks whether the server has closed the connection. */
    boolean isClosed() {
        try {
            socket.setSoTimeout(5);
            try {
                in.mark(1);
                return in.read() < 0;
            } finally {
                socket.setSoTimeout(PATIENCE_MS);
            }
        } catch (SocketTimeoutException x) {
            return false;
        } catch (IOException x) {
            return true;
        }
    }

    /** Closes with a reset. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
