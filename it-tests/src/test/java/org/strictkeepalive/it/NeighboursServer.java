package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ConnectHandler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketClose;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketError;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketMessage;
import org.eclipse.jetty.websocket.api.annotations.WebSocket;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAlive;

/** A server for {@link NeighboursIT}: WebSockets, tunnels and requests that last, under a policy of short limits. */
final class NeighboursServer implements AutoCloseable {
    /** The connections that were upgraded, whose clients left, that said close, and that failed. */
    record Expected(long upgraded, long left, long lastRequests, long failed) {
        long all() {
            return upgraded + left + lastRequests + failed;
        }
    }

    private static final KeepAlivePolicy SHORT = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ofMillis(500))
            .minKeepAliveTimeout(Duration.ofMillis(300))
            .requestHeaderTimeout(Duration.ofMillis(500))
            .firstRequestTimeout(Duration.ofSeconds(1))
            .minRequestHeaderTimeout(Duration.ofMillis(500))
            .lingerTimeout(Duration.ofMillis(300))
            .unreadBodyLingerTimeout(Duration.ofMillis(300))
            .maxRequestsPerConnection(1)
            .maxConnectionAge(Duration.ofSeconds(1))
            .dataRateGrace(Duration.ofMillis(500))
            .sampleInterval(Duration.ofMillis(50))
            .build();

    /** Says back what it is told, and remembers how it ended. */
    @WebSocket
    public static class Echo {
        private final ConcurrentLinkedQueue<Integer> closes;

        private Echo(ConcurrentLinkedQueue<Integer> closes) {
            this.closes = closes;
        }

        /** A message. */
        @OnWebSocketMessage
        public void onText(Session session, String message) {
            session.sendText(message, org.eclipse.jetty.websocket.api.Callback.NOOP);
        }

        /** The end. */
        @OnWebSocketClose
        public void onClose(int status, String reason) {
            closes.add(status);
        }

        /** The crowd leaves without a word. */
        @OnWebSocketError
        public void onError(Throwable x) {}
    }

    final Server server = new Server();
    final ConcurrentLinkedQueue<Integer> webSocketCloses = new ConcurrentLinkedQueue<>();
    final ServerConnector clear;
    final ServerConnector secure;
    final Keys keys;
    final DescriptorMonitor monitor;
    /** Where a tunnel leads to: it echoes. */
    final ServerSocket origin;

    private final StrictKeepAlive strict;
    private volatile double furtherPressure;
    /** What the polls wait for: the end of the pressure. */
    private final CompletableFuture<Void> news = new CompletableFuture<>();

    NeighboursServer(Keys keys) throws Exception {
        this.keys = keys;
        ProtocolConnectors connectors = ProtocolConnectors.add(server, keys);
        clear = connectors.clear();
        clear.setIdleTimeout(Duration.ofMinutes(10).toMillis());
        secure = connectors.secure();
        secure.setIdleTimeout(Duration.ofMinutes(10).toMillis());
        Handler.Wrapper webSockets = WebSocketUpgradeHandler.from(server, container -> {
            container.setIdleTimeout(Duration.ofMinutes(10));
            container.addMapping("/echo", (request, response, callback) -> new Echo(webSocketCloses));
        });
        webSockets.setHandler(new Lasting());
        server.setHandler(new ConnectHandler(webSockets));
        strict = StrictKeepAlive.install(
                server,
                SHORT.toBuilder().firstRequestTimeout(Duration.ofMinutes(1)).build());
        server.start();
        monitor = strict.getDescriptorMonitor();
        monitor.addPressureSource(() -> furtherPressure);
        origin = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    @Override
    public void close() throws Exception {
        origin.close();
        server.stop();
    }

    /** Requests that last: an event stream, and polls that are answered late. */
    private final class Lasting extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            switch (Request.getPathInContext(request)) {
                case "/events" -> {
                    response.getHeaders().put("Content-Type", "text/event-stream");
                    try (OutputStream out = Content.Sink.asOutputStream(response)) {
                        int[] count = {0};
                        Talk.keepTalking(() -> {
                            out.write(("data: " + count[0]++ + "\n\n").getBytes(US_ASCII));
                            out.flush();
                            return null;
                        });
                        out.write("data: end\n\n".getBytes(US_ASCII));
                    }
                    callback.succeeded();
                }
                case "/poll" -> {
                    var unused = news.thenRun(() -> response.write(true, BufferUtil.toBuffer("news", UTF_8), callback));
                }
                default -> response.write(true, BufferUtil.toBuffer("hello", UTF_8), callback);
            }
            return true;
        }
    }

    /** The far end of the tunnel. */
    void echoBytes() {
        try (Socket socket = origin.accept()) {
            socket.getInputStream().transferTo(socket.getOutputStream());
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    /**
     * Shortens the time for a first request, which on a busy machine a first handshake needs, when all have made theirs.
     * Then HIGH for a fifth of the time, and CRITICAL for two seconds.
     */
    Void press(Expected expected) throws Exception {
        KeepAliveStatistics statistics = monitor.getStatistics();
        await().atMost(Duration.ofMinutes(1)).untilAsserted(() -> {
            assertEquals(expected.all(), statistics.getOpened(), () -> "" + statistics);
            assertEquals(0, statistics.getOpen(ConnectionState.NEW), () -> "" + statistics);
        });
        strict.setPolicy(SHORT);
        Thread.sleep(Talk.TRAFFIC.dividedBy(3).toMillis());
        furtherPressure = 0.9;
        awaitLevel(PressureLevel.HIGH);
        Thread.sleep(Talk.TRAFFIC.dividedBy(5).toMillis());
        furtherPressure = 0;
        awaitLevel(PressureLevel.NORMAL);
        Thread.sleep(Talk.TRAFFIC.dividedBy(5).toMillis());
        strict.setPolicy(SHORT.toBuilder().maxConnections(1).build());
        awaitLevel(PressureLevel.CRITICAL);
        Thread.sleep(2000);
        assertTrue(monitor.isAcceptingPaused());
        strict.setPolicy(SHORT);
        awaitLevel(PressureLevel.NORMAL);
        await().until(() -> clear.isAccepting() && secure.isAccepting());
        news.complete(null);
        return null;
    }

    void awaitLevel(PressureLevel level) {
        await().atMost(Duration.ofSeconds(60)).until(() -> monitor.getLevel() == level);
    }
}
