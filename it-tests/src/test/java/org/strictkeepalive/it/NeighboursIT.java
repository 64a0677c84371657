package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.client.ContentResponse;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http2.client.HTTP2Client;
import org.eclipse.jetty.http2.client.transport.HttpClientTransportOverHTTP2;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.ConnectHandler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketClose;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketError;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketMessage;
import org.eclipse.jetty.websocket.api.annotations.WebSocket;
import org.eclipse.jetty.websocket.client.WebSocketClient;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAlive;

/**
 * Other protocols and requests that last, side by side on two connectors, with timeouts that are all far shorter than
 * they take, and pressure for a part of the time. For minutes of traffic: {@code -Dneighbours.seconds=300}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NeighboursIT {
    private static final Duration TRAFFIC = Duration.ofSeconds(Integer.getInteger("neighbours.seconds", 15));
    private static final Duration PAUSE = Duration.ofMillis(200);
    /** Beyond every timeout of the policy. */
    private static final Duration SILENCE = Duration.ofSeconds(4);

    private static final int CROWD = 50;
    /** Two WebSockets, three times HTTP/2, two tunnels. */
    private static final long UPGRADED = 7 + CROWD;
    /** HTTP/2 over TLS, once in a tunnel. */
    private static final long OTHER_PROTOCOL = 2;

    private static final int POLLS = 3;
    /** Two event streams and the polls, each the last request of its connection. */
    private static final long LAST_REQUESTS = 2 + POLLS;
    /** The tunnel to nowhere. */
    private static final long FAILED = 1;

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

    /** Waits for what it is told. */
    @WebSocket
    public static class Listener {
        private final LinkedBlockingQueue<String> messages = new LinkedBlockingQueue<>();
        private final CompletableFuture<Integer> closed = new CompletableFuture<>();

        /** A message. */
        @OnWebSocketMessage
        public void onText(String message) {
            messages.add(message);
        }

        /** The end. */
        @OnWebSocketClose
        public void onClose(int status, String reason) {
            closed.complete(status);
        }
    }

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Server server = new Server();
    private final ConcurrentLinkedQueue<Integer> webSocketCloses = new ConcurrentLinkedQueue<>();
    private ServerConnector clear;
    private ServerConnector secure;
    private Keys keys;
    private StrictKeepAlive strict;
    private DescriptorMonitor monitor;
    private ServerSocket origin;
    private volatile double furtherPressure;
    /** What the polls wait for: the end of the pressure. */
    private final CompletableFuture<Void> news = new CompletableFuture<>();

    private Future<?> pressure;
    private Future<?> webSocket;
    private Future<?> secureWebSocket;
    private Future<?> h2c;
    private Future<?> h2cPriorKnowledge;
    private Future<?> h2;
    private Future<?> tunnel;
    private Future<?> noTunnel;
    private Future<?> h2InTunnel;
    private Future<?> events;
    private Future<?> secureEvents;
    private Future<?> polling;
    private Future<?> h2cHead;
    private Future<?> crowd;

    @BeforeAll
    void start(@TempDir Path directory) throws Exception {
        keys = new Keys(directory);
        HttpConfiguration config = new HttpConfiguration();
        config.addCustomizer(new SecureRequestCustomizer(false));
        HttpConnectionFactory http = new HttpConnectionFactory(config);
        clear = connector(http, new HTTP2CServerConnectionFactory(config));
        ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
        alpn.setDefaultProtocol(http.getProtocol());
        secure = connector(
                new SslConnectionFactory(keys.server(), alpn.getProtocol()),
                alpn,
                new HTTP2ServerConnectionFactory(config),
                new HttpConnectionFactory(config));
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
        threads.execute(this::echoBytes);

        pressure = threads.submit(this::press);
        webSocket = threads.submit(() -> talkOverWebSocket("ws", clear));
        secureWebSocket = threads.submit(() -> talkOverWebSocket("wss", secure));
        h2c = threads.submit(() -> talkOverHttp2(HttpClient.newBuilder(), uri("http", clear)));
        h2cPriorKnowledge = threads.submit(this::talkOverHttp2WithPriorKnowledge);
        h2 = threads.submit(
                () -> talkOverHttp2(HttpClient.newBuilder().sslContext(keys.client()), uri("https", secure)));
        tunnel = threads.submit(this::talkThroughTunnel);
        noTunnel = threads.submit(this::failToTunnel);
        h2InTunnel = threads.submit(() -> talkOverHttp2(
                HttpClient.newBuilder()
                        .sslContext(keys.client())
                        .proxy(ProxySelector.of(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), clear.getLocalPort()))),
                uri("https", secure)));
        events = threads.submit(() -> listen(http1(), uri("http", clear)));
        secureEvents = threads.submit(() -> listen(http1(), uri("https", secure)));
        polling = threads.submit(this::poll);
        h2cHead = threads.submit(this::upgradeToHttp2);
        crowd = threads.submit(this::crowd);
    }

    private ServerConnector connector(ConnectionFactory... factories) {
        ServerConnector connector = new ServerConnector(server, 1, 1, factories);
        connector.setHost("127.0.0.1");
        connector.setIdleTimeout(Duration.ofMinutes(10).toMillis());
        server.addConnector(connector);
        return connector;
    }

    @AfterAll
    void stop() throws Exception {
        threads.shutdownNow();
        origin.close();
        server.stop();
    }

    // ---- The server's side

    /** Requests that last: an event stream, and polls that are answered late. */
    private final class Lasting extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            switch (Request.getPathInContext(request)) {
                case "/events" -> {
                    response.getHeaders().put("Content-Type", "text/event-stream");
                    try (OutputStream out = Content.Sink.asOutputStream(response)) {
                        int[] count = {0};
                        keepTalking(() -> {
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
    private void echoBytes() {
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
    private Void press() throws Exception {
        KeepAliveStatistics statistics = monitor.getStatistics();
        await().atMost(Duration.ofMinutes(1))
                .until(() -> statistics.getOpened() == UPGRADED + OTHER_PROTOCOL + LAST_REQUESTS + FAILED
                        && statistics.getOpen(ConnectionState.NEW) == 0);
        strict.setPolicy(SHORT);
        Thread.sleep(TRAFFIC.dividedBy(3).toMillis());
        furtherPressure = 0.9;
        awaitLevel(PressureLevel.HIGH);
        Thread.sleep(TRAFFIC.dividedBy(5).toMillis());
        furtherPressure = 0;
        awaitLevel(PressureLevel.NORMAL);
        Thread.sleep(TRAFFIC.dividedBy(5).toMillis());
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

    private void awaitLevel(PressureLevel level) {
        await().atMost(Duration.ofSeconds(60)).until(() -> monitor.getLevel() == level);
    }

    // ---- The clients' side

    /** Traffic for as long as it goes on, with a silence in it. */
    private static void keepTalking(Callable<?> exchange) throws Exception {
        long start = System.nanoTime();
        boolean beenSilent = false;
        Duration elapsed = Duration.ZERO;
        while (elapsed.compareTo(TRAFFIC) < 0) {
            exchange.call();
            boolean silent = !beenSilent && elapsed.compareTo(TRAFFIC.dividedBy(3)) > 0;
            beenSilent |= silent;
            Thread.sleep((silent ? SILENCE : PAUSE).toMillis());
            elapsed = Duration.ofNanos(System.nanoTime() - start);
        }
    }

    private static URI uri(String scheme, ServerConnector connector) {
        return URI.create(scheme + "://localhost:" + connector.getLocalPort());
    }

    private Void talkOverWebSocket(String scheme, ServerConnector connector) throws Exception {
        org.eclipse.jetty.client.HttpClient http = new org.eclipse.jetty.client.HttpClient();
        SslContextFactory.Client tls = new SslContextFactory.Client();
        tls.setSslContext(keys.client());
        http.setSslContextFactory(tls);
        WebSocketClient client = new WebSocketClient(http);
        client.setIdleTimeout(Duration.ofMinutes(10));
        client.start();
        try {
            Listener listener = new Listener();
            Session session = client.connect(listener, uri(scheme, connector).resolve("/echo"))
                    .get(60, TimeUnit.SECONDS);
            assertEquals(101, session.getUpgradeResponse().getStatusCode());
            assertEquals("Upgrade", session.getUpgradeResponse().getHeader("Connection"));
            assertEquals(null, session.getUpgradeResponse().getHeader("Keep-Alive"));
            int[] count = {0};
            keepTalking(() -> {
                String message = "message " + count[0]++;
                session.sendText(message, org.eclipse.jetty.websocket.api.Callback.NOOP);
                assertEquals(message, listener.messages.poll(60, TimeUnit.SECONDS));
                return null;
            });
            session.close();
            assertEquals(1000, listener.closed.get(60, TimeUnit.SECONDS));
        } finally {
            client.stop();
        }
        return null;
    }

    /** An event stream, and small requests beside it, on one connection. */
    private static Void talkOverHttp2(HttpClient.Builder builder, URI uri) throws Exception {
        HttpClient client = builder.build();
        assertHello(client, uri);
        Future<HttpResponse<List<String>>> stream =
                client.sendAsync(request(uri.resolve("/events")), NeighboursIT::lines);
        keepTalking(() -> {
            assertHello(client, uri);
            return null;
        });
        HttpResponse<List<String>> response = stream.get(60, TimeUnit.SECONDS);
        assertEquals(HttpClient.Version.HTTP_2, response.version());
        assertIsWhole(response.body());
        return null;
    }

    private static void assertHello(HttpClient client, URI uri) throws Exception {
        HttpResponse<String> response = client.send(request(uri.resolve("/")), BodyHandlers.ofString());
        assertEquals(HttpClient.Version.HTTP_2, response.version());
        assertEquals("hello", response.body());
    }

    private static HttpRequest request(URI uri) {
        return HttpRequest.newBuilder(uri).timeout(TRAFFIC.plusSeconds(180)).build();
    }

    private static HttpResponse.BodySubscriber<List<String>> lines(HttpResponse.ResponseInfo info) {
        return HttpResponse.BodySubscribers.mapping(
                HttpResponse.BodySubscribers.ofString(UTF_8),
                text -> text.lines().filter(line -> !line.isEmpty()).toList());
    }

    private static void assertIsWhole(List<String> lines) {
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < lines.size() - 1; i++) {
            expected.add("data: " + i);
        }
        expected.add("data: end");
        assertEquals(expected, lines);
    }

    private Void talkOverHttp2WithPriorKnowledge() throws Exception {
        org.eclipse.jetty.client.HttpClient client =
                new org.eclipse.jetty.client.HttpClient(new HttpClientTransportOverHTTP2(new HTTP2Client()));
        client.start();
        try {
            keepTalking(() -> {
                ContentResponse response = client.GET(uri("http", clear));
                assertEquals(HttpVersion.HTTP_2, response.getVersion());
                assertEquals("hello", response.getContentAsString());
                return null;
            });
        } finally {
            client.stop();
        }
        return null;
    }

    private static void assertSaysNothingOfPersistence(String head) {
        assertFalse(head.contains("connection: close"), head);
        assertFalse(head.contains("keep-alive"), head);
    }

    private Void upgradeToHttp2() throws Exception {
        try (Wire wire = new Wire(clear.getLocalPort())) {
            String[] fields = {
                "Host: localhost",
                "Connection: Upgrade, HTTP2-Settings, keep-alive",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAAQAAP__"
            };
            String head = wire.request("GET /", fields).head();
            assertTrue(head.startsWith("http/1.1 101"), head);
            assertSaysNothingOfPersistence(head);
        }
        return null;
    }

    /** Many silent WebSockets: governed no more, but in use. */
    private Void crowd() throws Exception {
        String[] fields = {
            "Host: localhost",
            "Connection: keep-alive, Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13"
        };
        List<Wire> wires = new ArrayList<>();
        try {
            for (int i = 0; i < CROWD; i++) {
                Wire wire = new Wire(clear.getLocalPort());
                wires.add(wire);
                String head = wire.request("GET /echo", fields).head();
                assertTrue(head.startsWith("http/1.1 101"), head);
                assertSaysNothingOfPersistence(head);
            }
            Thread.sleep(SILENCE.toMillis());
            assertTrue(clear.getConnectedEndPoints().size() >= CROWD);
            assertTrue(monitor.getOpenConnections() < CROWD);
            UnixOperatingSystemMXBean system = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            await().until(() -> Math.abs(system.getOpenFileDescriptorCount() - monitor.getUsedDescriptors()) <= 2);
        } finally {
            for (Wire wire : wires) {
                wire.close();
            }
        }
        return null;
    }

    private Void talkThroughTunnel() throws Exception {
        String authority = "127.0.0.1:" + origin.getLocalPort();
        try (Wire wire = new Wire(clear.getLocalPort())) {
            String head = wire.request(
                            "CONNECT " + authority,
                            "Host: " + authority,
                            "Connection: keep-alive",
                            "Proxy-Connection: keep-alive")
                    .head();
            assertTrue(head.startsWith("http/1.1 200"), head);
            assertSaysNothingOfPersistence(head);
            keepTalking(() -> {
                String bytes = "through the tunnel";
                assertEquals(bytes, wire.send(bytes).read(bytes.length()));
                return null;
            });
            wire.shutdownOutput();
            assertEquals("", wire.rest());
        }
        return null;
    }

    private Void failToTunnel() throws Exception {
        String authority = "127.0.0.1:1"; // where nobody listens
        try (Wire wire = new Wire(clear.getLocalPort())) {
            String head =
                    wire.request("CONNECT " + authority, "Host: " + authority).answer();
            assertTrue(head.startsWith("http/1.1 500") && head.contains("connection: close"), head);
            assertEquals("", wire.rest());
        }
        return null;
    }

    private HttpClient http1() throws Exception {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(keys.client())
                .build();
    }

    private static Void listen(HttpClient client, URI uri) throws Exception {
        HttpResponse<List<String>> response = client.send(request(uri.resolve("/events")), NeighboursIT::lines);
        assertEquals(HttpClient.Version.HTTP_1_1, response.version());
        assertIsWhole(response.body());
        return null;
    }

    private Void poll() throws Exception {
        HttpClient client = http1();
        List<Future<HttpResponse<String>>> polls = new ArrayList<>();
        for (int i = 0; i < POLLS; i++) {
            polls.add(client.sendAsync(request(uri("http", clear).resolve("/poll")), BodyHandlers.ofString()));
        }
        for (Future<HttpResponse<String>> poll : polls) {
            assertEquals(
                    "news",
                    poll.get(TRAFFIC.plusSeconds(180).toMillis(), TimeUnit.MILLISECONDS)
                            .body());
        }
        return null;
    }

    private static void done(Future<?>... clients) throws Exception {
        for (Future<?> client : clients) {
            client.get(TRAFFIC.plusSeconds(180).toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    // ---- The tests

    @Test
    void webSocketsOutliveEveryTimeoutAndEndWithACleanClose() throws Exception {
        done(webSocket, secureWebSocket);
        await().untilAsserted(() -> assertEquals(
                2, webSocketCloses.stream().filter(code -> code == 1000).count()));
    }

    @Test
    void http2ByUpgradeOutlivesEveryTimeout() throws Exception {
        done(h2c);
    }

    @Test
    void http2ByPriorKnowledgeOutlivesEveryTimeout() throws Exception {
        done(h2cPriorKnowledge);
    }

    @Test
    void http2OverTlsOutlivesEveryTimeout() throws Exception {
        done(h2);
    }

    @Test
    void tunnelsOutliveEveryTimeout() throws Exception {
        done(tunnel, h2InTunnel);
    }

    @Test
    void aTunnelThatFailsEndsWithItsResponse() throws Exception {
        done(noTunnel);
    }

    @Test
    void eventStreamsOutliveEveryTimeout() throws Exception {
        done(events, secureEvents);
    }

    @Test
    void longPollsOutliveEveryTimeout() throws Exception {
        done(polling);
    }

    @Test
    void theUpgradeToHttp2SaysNothingOfPersistence() throws Exception {
        done(h2cHead);
    }

    @Test
    void descriptorsOfUpgradedConnectionsAreSeen() throws Exception {
        done(crowd);
    }

    @Test
    void eachIsCountedOnce() throws Exception {
        done(
                webSocket,
                secureWebSocket,
                h2c,
                h2cPriorKnowledge,
                h2,
                tunnel,
                noTunnel,
                h2InTunnel,
                events,
                secureEvents,
                polling,
                h2cHead,
                crowd,
                pressure);
        KeepAliveStatistics statistics = monitor.getStatistics();
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertEquals(0, monitor.getOpenConnections(), () -> "" + statistics));
        Map<String, Long> counted = statistics.getClosedByReason().entrySet().stream()
                .filter(entry -> entry.getValue() > 0)
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        assertEquals(
                Map.of(
                        "UPGRADED", UPGRADED,
                        "OTHER_PROTOCOL", OTHER_PROTOCOL,
                        "MAX_REQUESTS", LAST_REQUESTS,
                        "APPLICATION", FAILED),
                counted);
        assertEquals(statistics.getOpened(), statistics.getClosed());
    }
}
