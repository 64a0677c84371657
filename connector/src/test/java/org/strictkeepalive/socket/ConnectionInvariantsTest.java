package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.Heartbeat;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** The invariants of the design that each connection keeps: 1 to 5. */
class ConnectionInvariantsTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final int MEBIBYTE = 1024 * 1024;

    private static ByteBuffer bytes(String text) {
        return BufferUtil.toBuffer(text, StandardCharsets.US_ASCII);
    }

    private static void assertSoonAfter(Duration expected, long from, String what) {
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - from);
        long late = 2000 + Heartbeat.allowanceSince(from);
        assertTrue(
                millis >= expected.toMillis() - 5 && millis <= expected.toMillis() + late,
                () -> what + " after " + millis + " ms instead of " + expected.toMillis());
    }

    /** Sends bytes, pausing in between, until the server has had enough or the client closes. */
    private static void keepSending(RawClient client, String bytes, int pauseMillis) {
        Thread thread = new Thread(() -> {
            try {
                while (true) {
                    client.send(bytes);
                    if (pauseMillis > 0) {
                        TimeUnit.MILLISECONDS.sleep(pauseMillis);
                    }
                }
            } catch (IOException | InterruptedException x) {
                // One of the two has closed.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    // ---- 1

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 100) // progress of the clients
    void invariant01RequestInProgressThatMakesProgressIsNeverCutAtAnyLevel(Transport transport) throws Exception {
        int size = 48 * MEBIBYTE;
        Handler handler = TestServer.handler((request, response, callback) -> {
            switch (Request.getPathInContext(request)) {
                case "/body" -> TestServer.readAll(request, response, callback);
                case "/think" ->
                    request.getComponents()
                            .getScheduler()
                            .schedule(() -> response.write(true, bytes("thought"), callback), 4, TimeUnit.SECONDS);
                default -> response.write(true, ByteBuffer.allocate(size), callback);
            }
        });
        try (TestServer server = TestServer.strict(transport, p -> p.dataRateGrace(Duration.ofMillis(500)), handler);
                RawClient body = server.connect();
                RawClient think = server.connect();
                RawClient read = server.connect()) {
            body.send("POST /body HTTP/1.1\r\nHost: test\r\nContent-Length: 5000\r\n\r\n");
            think.send("GET /think HTTP/1.1\r\nHost: test\r\n\r\n");
            read.send("GET /read HTTP/1.1\r\nHost: test\r\n\r\n");
            await().until(() -> server.handled.get() == 3);
            AtomicLong share = new AtomicLong();
            server.monitor().addPressureSource(() -> share.get() / 100.0);
            List<PressureLevel> levels = new ArrayList<>();
            byte[] buffer = new byte[256 * 1024];
            long taken = 0;
            // By itself, so that it doesn't wait for the reader: 1,000 bytes a second.
            CompletableFuture<Void> sending = CompletableFuture.runAsync(
                    () -> {
                        try {
                            for (int i = 0; i < 50; i++) {
                                body.send("x".repeat(100));
                                TimeUnit.MILLISECONDS.sleep(100);
                            }
                        } catch (IOException | InterruptedException x) {
                            throw new IllegalStateException(x);
                        }
                    },
                    task -> new Thread(task).start());
            for (int i = 0; i < 50; i++) {
                switch (i) {
                    case 10 -> share.set(75);
                    case 20 -> share.set(95);
                    case 30 -> server.factory().setMaxConnections(3);
                    default -> {}
                }
                taken += read.socket().getInputStream().readNBytes(buffer, 0, buffer.length);
                levels.add(server.monitor().getLevel());
                TimeUnit.MILLISECONDS.sleep(100);
            }
            assertTrue(levels.containsAll(List.of(PressureLevel.values())), "" + levels);
            sending.get(60, TimeUnit.SECONDS);
            assertEquals("read 5000", body.read().body());
            assertEquals("thought", think.read().body());
            long rest = 0;
            int n;
            while (taken + rest < size && (n = read.socket().getInputStream().read(buffer)) > 0) {
                rest += n;
            }
            assertTrue(taken + rest >= size, taken + " and " + rest + " bytes");
        }
    }

    // ---- 2

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 100) // a next request within 300 ms
    void invariant02NoRequestReachesTheApplicationOnceTheServerHasDecidedToClose(Transport transport) throws Exception {
        Handler handler = TestServer.handler((request, response, callback) -> {
            if (Request.getPathInContext(request).equals("/fail")) {
                response.write(
                        false,
                        bytes("begun"),
                        Callback.from(() -> callback.failed(new IOException("on purpose")), callback::failed));
            } else {
                response.write(true, bytes("answered"), callback);
            }
        });
        try (TestServer server = TestServer.strict(
                transport, p -> p.maxRequestsPerConnection(5).keepAliveTimeout(Duration.ofMillis(300)), handler)) {
            // Pipelined behind the response that says close.
            try (RawClient client = server.connect()) {
                client.send(RawClient.GET.repeat(20));
                for (int i = 1; i <= 5; i++) {
                    assertEquals(i == 5, client.read().saysClose());
                }
                client.awaitEnd();
            }
            server.awaitOpen(0);
            assertEquals(5, server.handled.getAndSet(0));
            // Pipelined behind an exchange that failed.
            try (RawClient client = server.connect()) {
                client.send("GET /fail HTTP/1.1\r\nHost: test\r\n\r\n" + RawClient.GET.repeat(3));
                String all = new String(readUntilGone(client), StandardCharsets.US_ASCII);
                assertFalse(all.contains("answered"), all);
            }
            server.awaitOpen(0);
            assertEquals(1, server.handled.getAndSet(0));
            // Behind the FIN of a timeout.
            try (RawClient client = server.connect()) {
                client.get();
                client.awaitEnd();
                client.send(RawClient.GET);
            }
            server.awaitOpen(0);
            assertEquals(1, server.handled.get());
            server.assertNumbersAddUp();
        }
    }

    private static byte[] readUntilGone(RawClient client) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try {
            int next;
            while ((next = client.socket().getInputStream().read()) >= 0) {
                all.write(next);
            }
        } catch (IOException x) {
            // A response that failed may end in a reset.
        }
        return all.toByteArray();
    }

    // ---- 3

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 150) // a handshake within the time for it
    void invariant03NoBytesButCompleteHeadersExtendADeadline(Transport transport) throws Exception {
        Duration first = Duration.ofMillis(900);
        Duration header = Duration.ofMillis(500);
        Duration linger = Duration.ofMillis(700);
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.firstRequestTimeout(first)
                        .handshakeTimeout(first)
                        .requestHeaderTimeout(header)
                        .keepAliveTimeout(LONG)
                        .lingerTimeout(linger))) {
            long accepted = System.nanoTime();
            try (RawClient client = server.connect()) {
                keepSending(client, "G", 20);
                assertEquals(408, client.read().status());
                assertSoonAfter(header, accepted, "408 for a first request");
            }
            server.awaitOpen(0);
            try (RawClient client = server.connect()) {
                client.get();
                long begun = System.nanoTime();
                client.send("GET / HTTP/1.1\r\nX: ");
                keepSending(client, "x", 20);
                assertEquals(408, client.read().status());
                assertSoonAfter(header, begun, "408 for a further request");
                client.awaitEnd();
                server.awaitOpen(0); // though the client goes on sending
                assertSoonAfter(header.plus(linger), begun, "end of the linger");
            }
            if (transport == Transport.TLS) {
                long connected = System.nanoTime();
                try (RawClient client = server.connectSocket()) {
                    client.send("\u0016\u0003\u0001@\u0000\u0001\u0000\u0010\u0000\u0003\u0003"); // a long hello
                    keepSending(client, "x", 20);
                    assertEquals(0, readUntilGone(client).length);
                    assertSoonAfter(first, connected, "end of a handshake");
                }
            }
            assertEquals(1, server.handled.get());
            server.assertNumbersAddUp();
        }
    }

    // ---- 4

    @ParameterizedTest
    @EnumSource(Transport.class)
    void invariant04TheLingerLimitAfterFinTheDescriptorIsFreeWhateverTheClientDoes(Transport transport)
            throws Exception {
        Duration linger = Duration.ofMillis(500);
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.maxRequestsPerConnection(1).lingerTimeout(linger).unreadBodyLingerTimeout(linger))) {
            for (String request : List.of(
                    RawClient.GET,
                    "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
                    "GET / HTTP/1.0\r\n\r\n",
                    "BAD\r\n\r\n",
                    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n")) {
                for (int pause : new int[] {-1, 50, 0}) {
                    try (RawClient client = server.connect()) {
                        long before = System.nanoTime();
                        client.send(request);
                        if (pause >= 0) {
                            keepSending(client, "x".repeat(pause == 0 ? 8192 : 1), pause);
                        }
                        server.awaitOpen(0); // though the client stays
                        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
                        // Some clients send all that the machine can carry.
                        long late = 5000 + Heartbeat.allowanceSince(before);
                        assertTrue(millis < linger.toMillis() + late, () -> request + ": " + millis + " ms");
                    }
                }
            }
            server.assertNumbersAddUp();
        }
    }

    // ---- 5

    /** How many of many responses arrive cut at clients that go on sending. */
    private static int cut(TestServer server, int responses, int size) throws Exception {
        int cut = 0;
        for (int i = 0; i < responses; i++) {
            try (RawClient client = server.connect()) {
                client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
                keepSending(client, "x", 0);
                try {
                    assertEquals(size, client.read().body().length());
                    client.awaitEnd();
                } catch (IOException x) {
                    cut++;
                }
            }
        }
        return cut;
    }

    private static Handler big(int size) {
        return TestServer.handler(
                (request, response, callback) -> response.write(true, ByteBuffer.allocate(size), callback));
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void invariant05NoWholeResponseIsDestroyedByAResetWithinTheLinger(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p, big(MEBIBYTE))) {
            assertEquals(0, cut(server, 100, MEBIBYTE));
            server.assertNumbersAddUp();
        }
    }

    @Test
    void plainJettyDestroysResponsesWhereInvariant05Holds() throws Exception {
        try (TestServer server = TestServer.plain(Transport.CLEAR, big(4 * MEBIBYTE))) {
            int cut = 0;
            for (int i = 0; i < 20 && cut == 0; i++) {
                cut = cut(server, 10, 4 * MEBIBYTE);
            }
            assertTrue(cut > 0);
        }
    }
}
