package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;
import org.strictkeepalive.testkit.UpgradedConnection;

/** Responses of all kinds, upgrades and tunnels are as without the policy. */
class HttpSemanticsTest {
    private static ByteBuffer bytes(String text) {
        return BufferUtil.toBuffer(text, StandardCharsets.US_ASCII);
    }

    // ---- Responses of all kinds

    @Test
    void headHasNoBodyAndKeepsTheConnection() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(2));
                RawClient client = server.connect()) {
            client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
            assertEquals("13", client.read(false).field("Content-Length"));
            assertTrue(client.get().saysClose());
        }
    }

    @Test
    void interimResponsesSayNothingOfTheConnection() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.maxRequestsPerConnection(1),
                        TestServer.handler((request, response, callback) -> {
                            response.writeInterim(103, HttpFields.build().put("Link", "</a.css>"))
                                    .get();
                            response.write(true, bytes("x"), callback);
                        }));
                RawClient client = server.connect()) {
            RawClient.Answer hints = client.get();
            assertEquals(103, hints.status());
            assertNull(hints.field("Connection"));
            assertTrue(client.read().saysClose());
        }
    }

    @Test
    void expectedContinueIsAnsweredAndTheConnectionIsKept() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, TestServer.handler(Content::copy));
                RawClient client = server.connect()) {
            String head = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
            for (int i = 0; i < 2; i++) {
                assertEquals(100, client.send(head).read().status());
                RawClient.Answer answer = client.send("abc").read();
                assertEquals(200, answer.status());
                assertEquals("abc", answer.body());
                assertFalse(answer.saysClose());
            }
        }
    }

    @Test
    void refusedContinueEndsTheConnection() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p,
                        TestServer.handler((request, response, callback) ->
                                Response.writeError(request, response, callback, 413)));
                RawClient client = server.connect()) {
            RawClient.Answer answer = client.send(
                            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
                    .read();
            assertEquals(413, answer.status());
            assertTrue(answer.saysClose());
            client.awaitEnd();
            client.close();
            server.assertNumbersAddUp();
        }
    }

    @Test
    void exceptionInTheHandlerKeepsTheConnection() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.maxRequestsPerConnection(2),
                        TestServer.handler((request, response, callback) -> {
                            throw new IllegalStateException("on purpose");
                        }));
                RawClient client = server.connect()) {
            RawClient.Answer answer = client.get();
            assertEquals(500, answer.status());
            assertFalse(answer.saysClose());
            if (!org.eclipse.jetty.util.Jetty.VERSION.startsWith("12.0.")) { // which itself closes, without a word
                assertTrue(client.get().saysClose());
            }
            client.awaitEnd();
        }
    }

    @Test
    void responseThatIsResetStillSaysClose() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.maxRequestsPerConnection(1),
                        TestServer.handler((request, response, callback) -> {
                            response.getHeaders().put("X-Before", "reset");
                            response.reset();
                            response.setStatus(404);
                            response.write(true, bytes("gone"), callback);
                        }));
                RawClient client = server.connect()) {
            RawClient.Answer answer = client.get();
            assertEquals(404, answer.status());
            assertNull(answer.field("X-Before"));
            assertTrue(answer.saysClose());
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 100)
    void handlerMayCompleteOnAnotherThread(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport,
                        p -> p.keepAliveTimeout(Duration.ofMillis(400)).maxRequestsPerConnection(4),
                        TestServer.handler((request, response, callback) -> request.getComponents()
                                .getScheduler()
                                .schedule(
                                        () -> response.write(true, bytes("late"), callback),
                                        600,
                                        TimeUnit.MILLISECONDS)));
                RawClient client = server.connect()) {
            for (int i = 1; i <= 4; i++) {
                RawClient.Answer answer = client.get(); // busy for longer than the keep-alive timeout
                assertEquals("late", answer.body());
                assertEquals(i == 4, answer.saysClose());
            }
            client.awaitEnd();
        }
    }

    @Test
    void bodiesOfAllKindsKeepTheConnection() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, TestServer.handler(Content::copy));
                RawClient client = server.connect()) {
            for (int i = 0; i < 3; i++) {
                assertEquals(
                        "abc",
                        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc")
                                .read()
                                .body());
                client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
                client.send("c\r\n2\r\nde\r\n0\r\n\r\n");
                assertEquals("abcde", client.read().body());
            }
            assertEquals(6, server.statistics().getRequests());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc",
                "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            })
    void smallBodyThatTheHandlerIgnoresKeepsTheConnection(String request) throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p);
                RawClient client = server.connect()) {
            for (int i = 0; i < 3; i++) {
                RawClient.Answer answer = client.send(request).read();
                assertEquals(200, answer.status());
                assertFalse(answer.saysClose(), answer.head());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"'GET / HTTP/1.1\r\n\r\n',400", "'BAD\r\n\r\n',400", "'GET / HTTP/1.1\r\nHost: a\r\n X\r\n\r\n',400"})
    void malformedRequestIsAnsweredByJettyAndEnds(String request, int status) throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.lingerTimeout(Duration.ofMillis(300)));
                RawClient client = server.connect()) {
            client.get();
            assertEquals(status, client.send(request + RawClient.GET).read().status());
            client.readAll();
            server.awaitOpen(0); // though the client stays
            assertEquals(1, server.handled.get());
            server.assertNumbersAddUp();
        }
    }

    @Test
    void hugeHeadersAndUrisAreAnsweredByJettyAndEnd() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.lingerTimeout(Duration.ofMillis(300)))) {
            try (RawClient client = server.connect()) {
                client.send("GET / HTTP/1.1\r\nHost: test\r\nX: " + "x".repeat(20_000) + "\r\n\r\n");
                assertEquals(431, client.read().status());
                server.awaitOpen(0);
            }
            try (RawClient client = server.connect()) {
                client.send("GET /" + "x".repeat(20_000) + " HTTP/1.1\r\nHost: test\r\n\r\n");
                assertEquals(414, client.read().status());
                server.awaitOpen(0);
            }
            server.assertNumbersAddUp();
        }
    }

    // ---- Other protocols on the connection

    @ParameterizedTest
    @CsvSource({"CLEAR,GET /", "TLS,GET /", "CLEAR,CONNECT a:1", "TLS,CONNECT a:1"})
    @Paced(stallMs = 100)
    void upgradedConnectionAndTunnelLeaveThePolicy(Transport transport, String line) throws Exception {
        boolean connect = line.startsWith("CONNECT");
        AtomicReference<ConnectionGuard> guard = new AtomicReference<>();
        try (TestServer server = TestServer.strict(
                        transport,
                        p -> p.maxRequestsPerConnection(1)
                                .keepAliveTimeout(Duration.ofMillis(200))
                                .firstRequestTimeout(Duration.ofMillis(500))
                                .requestHeaderTimeout(Duration.ofMillis(200)),
                        TestServer.handler((request, response, callback) -> {
                            if (!connect) {
                                UpgradedConnection.switchProtocols(response);
                            }
                            guard.set(MemoryServer.guardOf(request));
                            UpgradedConnection.echo(
                                    request, request.getComponents().getExecutor());
                            response.write(true, null, callback);
                        }));
                RawClient client = server.connect()) {
            client.send(line + " HTTP/1.1\r\nHost: a:1\r\nConnection: Upgrade, keep-alive\r\nUpgrade: x\r\n\r\n");
            RawClient.Answer answer = client.read(false);
            assertEquals(connect ? 200 : 101, answer.status());
            assertFalse(answer.head().toLowerCase(java.util.Locale.ROOT).contains("close"), answer.head());
            assertNull(answer.field("Keep-Alive"));
            server.awaitClosed(CloseReason.UPGRADED, 1);
            // Wake-ups that were on their way, of a wait before the upgrade.
            guard.get().succeeded();
            guard.get().failed(new TimeoutException());
            for (int i = 0; i < 5; i++) {
                TimeUnit.MILLISECONDS.sleep(250); // beyond each timeout of the policy
                client.send("ping" + i);
                assertEquals(
                        "ping" + i,
                        new String(client.socket().getInputStream().readNBytes(5), StandardCharsets.US_ASCII));
            }
            assertEquals(0, server.statistics().getOpen());
        }
    }

    @Test
    void upgradeThatTheServerIgnoresDoesNotEvadeTheLimits() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(2));
                RawClient client = server.connect()) {
            String request = "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: nothing\r\n\r\n";
            assertFalse(client.send(request).read().saysClose());
            assertTrue(client.send(request).read().saysClose());
            client.awaitEnd();
        }
    }
}
