package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.net.ssl.SSLContext;

/**
 * A client with HTTP/1.1 that does one {@link Step} after the other, and says of each what it saw. It keeps its
 * connection from step to step, as long as the server does.
 */
final class CalmClient implements CalmLife.Client {
    private static final String HOST = " HTTP/1.1\r\nHost: localhost\r\n";
    private static final int REFUSED_BYTES = 1_000_000;

    private final int port;
    private final SSLContext tls;
    private CalmWire wire;

    CalmClient(int port, SSLContext tls) {
        this.port = port;
        this.tls = tls;
    }

    private CalmWire wire() throws IOException {
        if (wire == null) {
            wire = new CalmWire(port, tls);
        }
        return wire;
    }

    private CalmWire fresh() throws IOException {
        close();
        return wire();
    }

    /** What is compared of an answer. */
    private static String text(CalmWire.Answer answer) {
        String body = answer.body();
        String shown = body.length() < 40 ? body : body.length() + " bytes, " + body.hashCode();
        return answer.status() + (answer.close() ? " close " : " ") + shown;
    }

    private static String get(String path, String... fields) {
        return "GET " + path + HOST + String.join("", fields) + "\r\n";
    }

    private static String post(String path, int length, String... fields) {
        return "POST " + path + HOST + "Content-Length: " + length + "\r\n" + String.join("", fields) + "\r\n";
    }

    private static String body(int length) {
        return "0123456789".repeat(length / 10 + 1).substring(0, length);
    }

    @Override
    public String go(CalmLife.Step step) throws IOException {
        try {
            String seen = seen(step.kind(), new Random(step.seed()));
            if (wire != null && wire.isEnded()) {
                wire.rest();
                close();
            }
            return seen;
        } catch (IOException x) {
            close();
            throw x;
        }
    }

    private String seen(CalmLife.Kind kind, Random random) throws IOException {
        return switch (kind) {
            case GET -> ask(get("/"));
            case LARGE -> ask(get("/large"));
            case MISSING -> ask(get("/missing"));
            case FAILURE -> ask(get("/failure"));
            case SLOW -> ask(get("/pause?" + random.nextInt(200, 500)));
            case SLOW_BLOCKING -> ask(get("/sleep?" + random.nextInt(200, 500)));
            case POST -> {
                int length = random.nextInt(1, 30_000);
                yield ask(post("/echo", length) + body(length));
            }
            case POST_IN_PIECES -> inPieces(random);
            case CHUNKED -> {
                wire().send("POST /echo" + HOST + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
                Http.pause(random.nextInt(50));
                wire.send("4\r\ndefg\r\n0\r\n\r\n");
                yield text(wire.answer());
            }
            case PIPELINED -> pipelined(random.nextInt(2, 7));
            case AHEAD -> {
                fresh();
                Http.pause(random.nextInt(500, 1500));
                yield ask(get("/"));
            }
            case IDLE -> {
                String first = ask(get("/"));
                Http.pause(random.nextInt(200, 1200));
                yield first + (wire.isClosed() ? ", closed" : ", " + ask(get("/")));
            }
            case LAST -> ask(get("/", "Connection: close\r\n"));
            case HTTP_1_0 -> atEnd(ask("GET / HTTP/1.0\r\n\r\n"));
            case HALF_CLOSED -> {
                fresh().send(get("/"));
                wire.shutdownOutput();
                yield atEnd(text(wire.answer()));
            }
            case REFUSED -> refused();
            case CONTINUE -> {
                int length = random.nextInt(1, 5000);
                wire().send(post("/echo", length, "Expect: 100-continue\r\n"));
                String interim = wire.head().substring(0, 12);
                Http.pause(random.nextInt(50));
                wire.send(body(length));
                yield interim + ", " + text(wire.answer());
            }
            case WEB_SOCKET -> webSocket(random);
            case TUNNEL -> tunnel();
            case ABANDONED -> abandoned(random);
        };
    }

    private String ask(String request) throws IOException {
        wire().send(request);
        return text(wire.answer());
    }

    /** The server has to close behind what was seen. */
    private String atEnd(String seen) throws IOException {
        String rest = wire.rest();
        close();
        return seen + (rest.isEmpty() ? ", end" : ", then " + rest);
    }

    private String inPieces(Random random) throws IOException {
        String path = random.nextBoolean() ? "/echo" : "/blocking";
        int pieces = random.nextInt(2, 5);
        int length = random.nextInt(1, 3000);
        wire().send(post(path, pieces * length));
        for (int i = 0; i < pieces; i++) {
            Http.pause(random.nextInt(80));
            wire.send(body(length));
        }
        return text(wire.answer());
    }

    private String pipelined(int count) throws IOException {
        wire().send(get("/").repeat(count));
        List<String> seen = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            seen.add(text(wire.answer()));
        }
        return seen.toString();
    }

    /** The answer comes before the upload has ended. */
    private String refused() throws IOException {
        wire().send(post("/refused", REFUSED_BYTES));
        try {
            byte[] piece = body(REFUSED_BYTES / 20).getBytes(ISO_8859_1);
            for (int i = 0; i < 20; i++) {
                wire.send(piece);
            }
        } catch (IOException x) {
            // Closed already; the answer may have come.
        }
        CalmWire.Answer answer = wire.answer();
        close();
        return answer.status() + " " + answer.body();
    }

    private String webSocket(Random random) throws IOException {
        fresh().send(get(
                "/ws-echo",
                "Connection: Upgrade\r\nUpgrade: websocket\r\n",
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
        String seen = wire.head().substring(0, 12);
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            Http.pause(random.nextInt(300));
            seen += ", " + frame(1, "hello " + i) + ", " + frame(9, "beat");
        }
        return atEnd(seen + ", " + frame(8, "\3\350"));
    }

    /** Sends a masked frame, with a mask of zeros, and reads one. */
    private String frame(int code, String text) throws IOException {
        wire.send((char) (0x80 | code) + "" + (char) (0x80 | text.length()) + "\0\0\0\0" + text);
        String head = wire.read(2);
        return (head.charAt(0) & 15) + " " + wire.read(head.charAt(1)).replaceAll("[^ -~]", "?");
    }

    private String tunnel() throws IOException {
        try (ServerSocket origin = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            String authority = "127.0.0.1:" + origin.getLocalPort();
            fresh().send("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
            String seen = wire.head().substring(0, 12);
            origin.setSoTimeout(20_000);
            try (Socket far = origin.accept()) {
                far.setSoTimeout(20_000);
                for (int i = 0; i < 3; i++) {
                    wire.send("there");
                    seen += " " + new String(far.getInputStream().readNBytes(5), ISO_8859_1);
                    far.getOutputStream().write("back!".getBytes(ISO_8859_1));
                    seen += " " + wire.read(5);
                    Http.pause(50);
                }
            }
            return atEnd(seen);
        }
    }

    /** Goes away in the middle of a request. */
    private String abandoned(Random random) throws IOException {
        fresh().send(random.nextBoolean() ? "GET / HT" : post("/blocking", 1000) + "abc");
        Http.pause(random.nextInt(30));
        if (random.nextBoolean()) {
            wire.reset();
        }
        close();
        return "gone";
    }

    @Override
    public boolean isRefused(IOException failure) {
        return failure instanceof CalmWire.NotConnectedException;
    }

    @Override
    public String atRest() {
        return wire == null || wire.isClosed() ? "closed" : "open";
    }

    @Override
    public void close() throws IOException {
        if (wire != null) {
            CalmWire last = wire;
            wire = null;
            last.close();
        }
    }
}
