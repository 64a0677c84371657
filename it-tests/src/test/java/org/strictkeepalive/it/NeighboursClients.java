package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketClose;
import org.eclipse.jetty.websocket.api.annotations.OnWebSocketMessage;
import org.eclipse.jetty.websocket.api.annotations.WebSocket;
import org.eclipse.jetty.websocket.client.WebSocketClient;

/** The clients of {@link NeighboursIT}: each talks as long as the traffic lasts. */
final class NeighboursClients {
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

    private final NeighboursServer server;

    NeighboursClients(NeighboursServer server) {
        this.server = server;
    }

    static URI uri(String scheme, ServerConnector connector) {
        return URI.create(scheme + "://localhost:" + connector.getLocalPort());
    }

    Void talkOverWebSocket(String scheme, ServerConnector connector) throws Exception {
        org.eclipse.jetty.client.HttpClient http = new org.eclipse.jetty.client.HttpClient();
        SslContextFactory.Client tls = new SslContextFactory.Client();
        tls.setSslContext(server.keys.client());
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
            Talk.keepTalking(() -> {
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

    static HttpRequest request(URI uri) {
        return HttpRequest.newBuilder(uri)
                .timeout(Talk.TRAFFIC.plusSeconds(180))
                .build();
    }

    static HttpResponse.BodySubscriber<List<String>> lines(HttpResponse.ResponseInfo info) {
        return HttpResponse.BodySubscribers.mapping(
                HttpResponse.BodySubscribers.ofString(UTF_8),
                text -> text.lines().filter(line -> !line.isEmpty()).toList());
    }

    static void assertIsWhole(List<String> lines) {
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < lines.size() - 1; i++) {
            expected.add("data: " + i);
        }
        expected.add("data: end");
        assertEquals(expected, lines);
    }

    static void assertSaysNothingOfPersistence(String head) {
        assertFalse(head.contains("connection: close"), head);
        assertFalse(head.contains("keep-alive"), head);
    }

    Void upgradeToHttp2() throws Exception {
        try (Wire wire = new Wire(server.clear.getLocalPort())) {
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
    Void crowd(int crowd) throws Exception {
        String[] fields = {
            "Host: localhost",
            "Connection: keep-alive, Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13"
        };
        List<Wire> wires = new ArrayList<>();
        try {
            for (int i = 0; i < crowd; i++) {
                Wire wire = new Wire(server.clear.getLocalPort());
                wires.add(wire);
                String head = wire.request("GET /echo", fields).head();
                assertTrue(head.startsWith("http/1.1 101"), head);
                assertSaysNothingOfPersistence(head);
            }
            Thread.sleep(Talk.SILENCE.toMillis());
            assertTrue(server.clear.getConnectedEndPoints().size() >= crowd);
            assertTrue(server.monitor.getOpenConnections() < crowd);
            UnixOperatingSystemMXBean system = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            await().until(() ->
                    Math.abs(system.getOpenFileDescriptorCount() - server.monitor.getUsedDescriptors()) <= 2);
        } finally {
            for (Wire wire : wires) {
                wire.close();
            }
        }
        return null;
    }

    Void talkThroughTunnel() throws Exception {
        String authority = "127.0.0.1:" + server.origin.getLocalPort();
        try (Wire wire = new Wire(server.clear.getLocalPort())) {
            String head = wire.request(
                            "CONNECT " + authority,
                            "Host: " + authority,
                            "Connection: keep-alive",
                            "Proxy-Connection: keep-alive")
                    .head();
            assertTrue(head.startsWith("http/1.1 200"), head);
            assertSaysNothingOfPersistence(head);
            Talk.keepTalking(() -> {
                String bytes = "through the tunnel";
                assertEquals(bytes, wire.send(bytes).read(bytes.length()));
                return null;
            });
            wire.shutdownOutput();
            assertEquals("", wire.rest());
        }
        return null;
    }

    Void failToTunnel() throws Exception {
        String authority = "127.0.0.1:1"; // where nobody listens
        try (Wire wire = new Wire(server.clear.getLocalPort())) {
            String head =
                    wire.request("CONNECT " + authority, "Host: " + authority).answer();
            assertTrue(head.startsWith("http/1.1 500") && head.contains("connection: close"), head);
            assertEquals("", wire.rest());
        }
        return null;
    }

    HttpClient http1() throws Exception {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .sslContext(server.keys.client())
                .build();
    }

    static Void listen(HttpClient client, URI uri) throws Exception {
        HttpResponse<List<String>> response = client.send(request(uri.resolve("/events")), NeighboursClients::lines);
        assertEquals(HttpClient.Version.HTTP_1_1, response.version());
        assertIsWhole(response.body());
        return null;
    }

    Void poll(int count) throws Exception {
        HttpClient client = http1();
        List<Future<HttpResponse<String>>> polls = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            polls.add(client.sendAsync(request(uri("http", server.clear).resolve("/poll")), BodyHandlers.ofString()));
        }
        for (Future<HttpResponse<String>> poll : polls) {
            assertEquals(
                    "news",
                    poll.get(Talk.TRAFFIC.plusSeconds(180).toMillis(), TimeUnit.MILLISECONDS)
                            .body());
        }
        return null;
    }
}
