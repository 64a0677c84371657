package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;

/** A visitor with TLS whose every flight comes a round trip late. */
final class FarVisitor {
    private static final int BUFFER = 64 * 1024;

    private final Socket socket;
    private final SSLEngine engine;
    private final long pauseMs;
    private final ByteBuffer in = ByteBuffer.allocate(BUFFER).flip();
    private final ByteBuffer plain = ByteBuffer.allocate(BUFFER);

    private FarVisitor(Socket socket, SSLEngine engine, long pauseMs) {
        this.socket = socket;
        this.engine = engine;
        this.pauseMs = pauseMs;
    }

    static boolean isServed(Http http, long pauseMs, int patienceMs) {
        SSLEngine engine = http.tls().createSSLEngine();
        engine.setUseClientMode(true);
        try (Socket socket = new Socket()) {
            socket.connect(http.address(), patienceMs);
            socket.setSoTimeout(patienceMs);
            return new FarVisitor(socket, engine, pauseMs).ask().startsWith("HTTP/1.1 200 ");
        } catch (IOException x) {
            return false;
        }
    }

    private String ask() throws IOException {
        engine.beginHandshake();
        while (engine.getHandshakeStatus() != HandshakeStatus.NOT_HANDSHAKING) {
            step();
        }
        flight("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".getBytes(US_ASCII));
        while (plain.position() == 0) {
            read();
        }
        return new String(plain.array(), 0, plain.position(), US_ASCII);
    }

    private void step() throws IOException {
        switch (engine.getHandshakeStatus()) {
            case NEED_TASK -> engine.getDelegatedTask().run();
            case NEED_WRAP -> flight();
            default -> read();
        }
    }

    /** Sends all that TLS has to say now, a round trip late. */
    private void flight(byte... request) throws IOException {
        ByteBuffer source = ByteBuffer.wrap(request);
        ByteBuffer out = ByteBuffer.allocate(BUFFER);
        do {
            engine.wrap(source, out);
        } while (engine.getHandshakeStatus() == HandshakeStatus.NEED_WRAP || source.hasRemaining());
        Http.pause(pauseMs);
        socket.getOutputStream().write(out.array(), 0, out.position());
    }

    private void read() throws IOException {
        SSLEngineResult result = engine.unwrap(in, plain);
        if (result.getStatus() == SSLEngineResult.Status.BUFFER_UNDERFLOW) {
            in.compact();
            int count = socket.getInputStream().read(in.array(), in.position(), in.remaining());
            if (count < 0) {
                throw new EOFException();
            }
            in.position(in.position() + count).flip();
        } else if (result.getStatus() == SSLEngineResult.Status.CLOSED) {
            throw new EOFException();
        }
    }
}
