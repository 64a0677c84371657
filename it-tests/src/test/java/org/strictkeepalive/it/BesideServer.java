package org.strictkeepalive.it;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ConnectHandler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketMessage;
import org.eclipse.jetty.websocket.api.annotations.WebSocket;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/** The same server twice, with the connector and without it: every protocol, and handlers as applications have them. */
final class BesideServer implements AutoCloseable {
    /** Larger than what kernels buffer. */
    static final int BIG = 64 * 1024 * 1024;

    /** More than one write. */
    static final int LARGE = 300_000;

    static final String HALF_A_BODY = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc";

    /** Opens a WebSocket that says nothing. */
    static final String WEB_SOCKET = """
            GET /ws HTTP/1.1
            Host: t
            Connection: Upgrade
            Upgrade: websocket
            Sec-WebSocket-Version: 13
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

            """.replace("\n", "\r\n");

    final Server server;
    final ServerConnector clear;
    final ServerConnector secure;
    final AtomicInteger handled = new AtomicInteger();

    /** A WebSocket that says nothing. */
    @WebSocket
    public static class Quiet {}

    /** A WebSocket that sends back each text. */
    @WebSocket
    public static class Echo {
        /** Called by Jetty. */
        @OnWebSocketMessage
        public void onText(Session session, String text) {
            session.sendText(text, org.eclipse.jetty.websocket.api.Callback.NOOP);
        }
    }

    BesideServer(Keys keys, KeepAlivePolicy policy) {
        this(keys, policy, new QueuedThreadPool(64));
    }

    BesideServer(Keys keys, KeepAlivePolicy policy, QueuedThreadPool threads) {
        server = new Server(threads, new ScheduledExecutorScheduler(threads.getName() + "-scheduler", false), null);
        ProtocolConnectors connectors = ProtocolConnectors.add(server, keys);
        clear = connectors.clear();
        secure = connectors.secure();
        Handler.Wrapper webSockets = WebSocketUpgradeHandler.from(server, container -> {
            try {
                container.addMapping("/ws", (request, response, callback) -> new Quiet());
                container.addMapping("/ws-echo", (request, response, callback) -> new Echo());
            } catch (RuntimeException x) {
                // Jetty 12.0 configures it again at each start, and keeps what it has.
                if (!String.valueOf(x.getMessage()).startsWith("Duplicate")) {
                    throw x;
                }
            }
        });
        webSockets.setHandler(new Application());
        server.setHandler(new ConnectHandler(webSockets));
        if (policy != null) {
            StrictKeepAlive.install(server, policy);
        }
    }

    BesideServer start() throws Exception {
        server.start();
        return this;
    }

    Socket connect() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), clear.getLocalPort());
        socket.setSoTimeout(60_000);
        return socket;
    }

    /** How long a stop takes, in milliseconds. One that fails at the stop timeout took that. */
    long stop() {
        long begin = System.nanoTime();
        try {
            server.stop();
        } catch (Exception x) {
            // A TimeoutException.
        }
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
    }

    @Override
    public void close() {
        stop();
    }

    private final class Application extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            handled.incrementAndGet();
            switch (Request.getPathInContext(request)) {
                case "/blocking" -> {
                    try (InputStream in = Content.Source.asInputStream(request)) {
                        int length = in.readAllBytes().length;
                        Content.Sink.write(response, true, "read " + length, callback);
                    }
                }
                case "/echo" -> Content.copy(request, response, callback);
                case "/big" -> response.write(true, ByteBuffer.allocate(BIG), callback);
                case "/download" -> {
                    byte[] piece = new byte[65536];
                    try (OutputStream out = Content.Sink.asOutputStream(response)) {
                        for (int i = 0; i < BIG / piece.length; i++) {
                            out.write(piece);
                        }
                    }
                    callback.succeeded();
                }
                case "/think" ->
                    request.getComponents()
                            .getScheduler()
                            .schedule(() -> answer(response, callback), 2, TimeUnit.SECONDS);
                case "/pause" ->
                    request.getComponents()
                            .getScheduler()
                            .schedule(() -> answer(response, callback), millis(request), TimeUnit.MILLISECONDS);
                case "/sleep" -> {
                    Http.pause(millis(request));
                    answer(response, callback);
                }
                case "/missing" -> Response.writeError(request, response, callback, HttpStatus.NOT_FOUND_404);
                case "/failure" -> Response.writeError(request, response, callback, 500, "on purpose");
                case "/refused" -> {
                    response.setStatus(HttpStatus.PAYLOAD_TOO_LARGE_413);
                    response.write(true, BufferUtil.toBuffer("too large", StandardCharsets.US_ASCII), callback);
                }
                case "/large" -> response.write(true, ByteBuffer.allocate(LARGE), callback);
                default -> answer(response, callback);
            }
            return true;
        }

        private static long millis(Request request) {
            return Long.parseLong(request.getHttpURI().getQuery());
        }

        private static void answer(Response response, Callback callback) {
            response.write(true, BufferUtil.toBuffer("hello", StandardCharsets.US_ASCII), callback);
        }
    }
}
