package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Which responses keep the connection, which end it, and what they say of it. */
class HttpPersistenceTest {
    private static ByteBuffer bytes(String text) {
        return BufferUtil.toBuffer(text, StandardCharsets.US_ASCII);
    }

    @ParameterizedTest
    @CsvSource({"10,1,'timeout=9, max=9999'", "10,0,'timeout=10, max=9999'", "2,1,'timeout=1, max=9999'"})
    void keepAliveFieldPromisesLessThanTheTimeout(int timeout, int buffer, String expected) throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.keepAliveTimeout(Duration.ofSeconds(timeout))
                                .keepAliveTimeoutBuffer(Duration.ofSeconds(buffer)));
                RawClient client = server.connect()) {
            RawClient.Answer answer = client.send(RawClient.ASKING).read();
            assertEquals(expected, answer.field("Keep-Alive"));
            assertEquals(List.of("keep-alive"), answer.fields("Connection"));
            assertEquals(
                    expected.replace("9999", "9998"),
                    client.send(RawClient.ASKING).read().field("Keep-Alive"));
        }
    }

    @Test
    void keepAliveFieldIsForThoseWhoAsk() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p);
                RawClient client = server.connect()) {
            assertNull(client.get().field("Keep-Alive"));
            assertEquals(
                    "timeout=29, max=9998", client.send(RawClient.ASKING).read().field("Keep-Alive"));
            server.factory().setAdvertiseKeepAlive(false);
            RawClient.Answer answer = client.send(RawClient.ASKING).read();
            assertNull(answer.field("Keep-Alive"));
            assertNull(answer.field("Connection"));
        }
    }

    @Test
    void earlyAnswerToOneWhoAsksSaysCloseAndNothingElse() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p);
                RawClient client = server.connect()) {
            client.send("POST / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\nContent-Length: 9\r\n\r\n");
            RawClient.Answer answer = client.read();
            assertEquals(List.of("close"), answer.fields("Connection"));
            assertNull(answer.field("Keep-Alive"));
            client.awaitEnd();
        }
    }

    @Test
    void answerDuringAShutdownSaysCloseAndNothingElse() throws Exception {
        CompletableFuture<TestServer> started = new CompletableFuture<>();
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p, TestServer.handler((request, response, callback) -> {
                            assertFalse(started.join().connector.shutdown().isCompletedExceptionally());
                            response.write(true, bytes("x"), callback);
                        }));
                RawClient client = server.connect()) {
            started.complete(server);
            RawClient.Answer answer = client.send(RawClient.ASKING).read();
            assertEquals(List.of("close"), answer.fields("Connection"));
            assertNull(answer.field("Keep-Alive"));
        }
    }

    @Test
    void applicationsOwnConnectionOptionStays() throws Exception {
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p, TestServer.handler((request, response, callback) -> {
                            response.getHeaders().put(HttpHeader.CONNECTION, "X-Hop");
                            response.write(true, bytes("x"), callback);
                        }));
                RawClient client = server.connect()) {
            assertTrue(client.send(RawClient.ASKING).read().fields("Connection").contains("X-Hop"));
            assertEquals(List.of("X-Hop"), client.get().fields("Connection"));
        }
    }

    @Test
    void underPressureATimeoutTooShortToPromiseSaysClose() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofMillis(1500)));
                RawClient client = server.connect()) {
            server.monitor().addPressureSource(() -> 0.75);
            await().until(() -> server.monitor().getLevel() == PressureLevel.ELEVATED);
            assertFalse(client.get().saysClose());
            RawClient.Answer answer = client.send(RawClient.ASKING).read();
            assertTrue(answer.saysClose(), answer.head());
            assertNull(answer.field("Keep-Alive"));
            client.awaitEnd();
            client.close();
            server.awaitOpen(0);
            assertEquals(1, server.statistics().getClosed(CloseReason.PRESSURE));
        }
    }

    @Test
    void http10PersistsWhereItAsks() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(2))) {
            try (RawClient client = server.connect()) {
                String asking = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
                RawClient.Answer first = client.send(asking).read();
                assertEquals(List.of("keep-alive"), first.fields("Connection"));
                assertEquals("timeout=29, max=1", first.field("Keep-Alive"));
                RawClient.Answer last = client.send(asking).read();
                assertTrue(last.saysClose() || last.field("Connection") == null, last.head());
                client.awaitEnd();
            }
            try (RawClient client = server.connect()) {
                assertEquals(200, client.send("GET / HTTP/1.0\r\n\r\n").read().status());
                client.awaitEnd();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void lastOfPipelinedRequestsSaysCloseAndNoneBehindItIsExecuted(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.maxRequestsPerConnection(100));
                RawClient client = server.connect()) {
            client.send(RawClient.GET.repeat(150));
            for (int i = 1; i <= 100; i++) {
                RawClient.Answer answer = client.read();
                assertEquals(200, answer.status());
                assertEquals(TestServer.HELLO, answer.body());
                assertEquals(i == 100, answer.saysClose(), "response " + i);
            }
            client.awaitEnd();
            client.close();
            assertEquals(100, server.handled.get());
            server.awaitClosed(CloseReason.MAX_REQUESTS, 1);
            server.assertNumbersAddUp();
            assertEquals(100, server.statistics().getRequests());
        }
    }

    @Test
    void applicationsOwnConnectionOptionsSurvive() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.maxRequestsPerConnection(1),
                        TestServer.handler((request, response, callback) -> {
                            response.getHeaders().put(HttpHeader.CONNECTION, "X-Hop");
                            response.write(true, bytes("x"), callback);
                        }));
                RawClient client = server.connect()) {
            String connection = client.get().field("Connection");
            assertTrue(connection.contains("X-Hop") && connection.contains("close"), connection);
            client.awaitEnd();
        }
    }

    @Test
    void clientThatAsksForTheCloseIsCountedAsSuch() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(1));
                RawClient client = server.connect()) {
            assertTrue(client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                    .read()
                    .saysClose());
            client.awaitEnd();
            client.close();
            server.awaitClosed(CloseReason.CLIENT, 1);
        }
    }
}
