package org.strictkeepalive.it;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** A plain client on blocking sockets that sees what happens to its connection. */
record Http(InetSocketAddress address, SSLContext tls) {
    private static final int CHUNK = 64 * 1024;

    /** An answer that came whole. */
    record Answer(String head, String body, long length) {
        boolean saysClose() {
            return head.toLowerCase(Locale.ROOT).contains("\r\nconnection: close");
        }
    }

    /** The connection ended before the first byte of an answer. */
    static final class NoAnswerException extends IOException {
        private static final long serialVersionUID = 1L;

        private NoAnswerException(String message) {
            super(message);
        }
    }

    Http(InetSocketAddress address, boolean tls) {
        this(address, tls ? trustAll() : null);
    }

    /** TLS with whoever is there. */
    static SSLContext trustAll() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            X509TrustManager all = new X509TrustManager() {
                @Override
                public void checkClientTrusted(X509Certificate[] chain, String type) {}

                @Override
                public void checkServerTrusted(X509Certificate[] chain, String type) {}

                @Override
                public X509Certificate[] getAcceptedIssuers() {
                    return new X509Certificate[0];
                }
            };
            context.init(null, new TrustManager[] {all}, null);
            return context;
        } catch (GeneralSecurityException x) {
            throw new IllegalStateException(x);
        }
    }

    Socket connect(long timeoutMs) throws IOException {
        return connect(null, timeoutMs);
    }

    /** Connects from an address of its own, or from any if that is null. */
    Socket connect(InetAddress from, long timeoutMs) throws IOException {
        return connect(from, timeoutMs, 0);
    }

    /** As above, with a receive buffer of so many bytes, 0 for the kernel's own size. */
    Socket connect(InetAddress from, long timeoutMs, int receiveBuffer) throws IOException {
        Socket socket = new Socket();
        try {
            if (receiveBuffer > 0) {
                socket.setReceiveBufferSize(receiveBuffer);
            }
            if (from != null) {
                socket.bind(new InetSocketAddress(from, 0));
            }
            socket.setTcpNoDelay(true);
            socket.connect(address, (int) timeoutMs);
            socket.setSoTimeout((int) timeoutMs);
            return tls == null
                    ? socket
                    : tls.getSocketFactory().createSocket(socket, address.getHostString(), address.getPort(), true);
        } catch (IOException x) {
            socket.close();
            throw x;
        }
    }

    static void ask(Socket socket, String path) throws IOException {
        socket.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
    }

    /** One request on a connection, and its whole answer. */
    static Answer exchange(Socket socket, String path, long timeoutMs) throws IOException {
        try {
            ask(socket, path);
        } catch (SocketException x) {
            throw new NoAnswerException(x.toString());
        }
        return answer(socket, timeoutMs, 0);
    }

    /** The answer, read at some pace: a pause behind each chunk. */
    static Answer answer(Socket socket, long timeoutMs, long pauseMs) throws IOException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        InputStream in = socket.getInputStream();
        ByteArrayOutputStream start = new ByteArrayOutputStream();
        byte[] bytes = new byte[CHUNK];
        String head = null;
        long length = -1;
        long read = 0;
        while (head == null || read < length) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                throw new SocketTimeoutException("late, after " + read + " bytes");
            }
            socket.setSoTimeout((int) left);
            int count;
            try {
                count = in.read(bytes);
            } catch (SocketException x) {
                throw start.size() == 0 ? new NoAnswerException(x.toString()) : x;
            }
            if (count < 0) {
                throw start.size() == 0
                        ? new NoAnswerException("closed")
                        : new EOFException("closed after " + read + " of " + length + " bytes");
            }
            read += count;
            if (start.size() < CHUNK) {
                start.write(bytes, 0, count);
            }
            if (head == null) {
                String text = start.toString(StandardCharsets.ISO_8859_1);
                int headEnd = text.indexOf("\r\n\r\n") + 4;
                if (headEnd >= 4) {
                    head = text.substring(0, headEnd);
                    if (!head.startsWith("HTTP/1.1 200 ")) {
                        throw new IOException(head);
                    }
                    String field = head.toLowerCase(Locale.ROOT).replaceAll("(?s).*\r\ncontent-length: (\\d+).*", "$1");
                    read -= headEnd;
                    length = Long.parseLong(field);
                }
            } else if (pauseMs > 0) {
                pause(pauseMs);
            }
        }
        String text = start.toString(StandardCharsets.ISO_8859_1);
        return new Answer(head, text.substring(head.length()), length);
    }

    /** One request on a connection of its own. */
    Answer get(String path, long timeoutMs) throws IOException {
        try (Socket socket = connect(timeoutMs)) {
            return exchange(socket, path, timeoutMs);
        }
    }

    static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException x) {
            Thread.currentThread().interrupt();
        }
    }
}
