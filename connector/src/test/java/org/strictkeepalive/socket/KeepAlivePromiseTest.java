package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** A {@code Keep-Alive} field promises what is kept, and only where the connection is. */
class KeepAlivePromiseTest {
    private static final String ASKING = "GET / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\n\r\n";
    private static final String ASKING_1_0 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

    private static Handler writingTwice() {
        return TestServer.handler((request, response, callback) -> response.write(
                false,
                BufferUtil.toBuffer("a"),
                Callback.from(() -> response.write(true, BufferUtil.toBuffer("b"), callback), callback::failed)));
    }

    private static String wholeAnswer(TestServer started, String request) throws Exception {
        try (TestServer server = started;
                RawClient client = server.connect()) {
            String answer = new String(client.send(request).readAll(), StandardCharsets.ISO_8859_1);
            client.close();
            if (server.factory() != null) {
                server.awaitOpen(0);
                assertEquals(1, server.statistics().getClosed(CloseReason.APPLICATION));
                server.assertNumbersAddUp();
            }
            return answer.replaceAll("Date: [^\r]*", "Date: x");
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void noneInAResponseThatEndsWithTheClose(Transport transport) throws Exception {
        String plain = wholeAnswer(TestServer.plain(transport, writingTwice()), ASKING_1_0);
        assertTrue(plain.endsWith("\r\n\r\nab"), plain);
        assertEquals(plain, wholeAnswer(TestServer.strict(transport, p -> p, writingTwice()), ASKING_1_0));
    }

    @Test
    void aResponseWithALengthToHttp10HasOne() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p);
                RawClient client = server.connect()) {
            for (int i = 0; i < 3; i++) {
                RawClient.Answer answer = client.send(ASKING_1_0).read();
                assertEquals("keep-alive", answer.field("Connection"), answer.head());
                assertTrue(answer.field("Keep-Alive").startsWith("timeout=29"), answer.head());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"keep-alive", "Foo", "keep-alive, Foo"})
    void neverWithoutItsConnectionOption(String connection) throws Exception {
        Handler handler = TestServer.handler((request, response, callback) -> {
            response.getHeaders().put(HttpHeader.CONNECTION, connection);
            response.write(true, BufferUtil.toBuffer("a"), callback);
        });
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, handler);
                RawClient client = server.connect()) {
            RawClient.Answer answer = client.send(ASKING).read();
            List<String> options = answer.fields("Connection");
            assertEquals(1, answer.fields("Keep-Alive").size(), answer.head());
            assertEquals(1, options.stream().filter("keep-alive"::equals).count(), answer.head());
            assertEquals(connection.contains("Foo"), options.contains("Foo"), answer.head());
        }
    }

    @Test
    void onceThoughHeadersOverflowTheBuffer() throws Exception {
        Handler handler = TestServer.handler((request, response, callback) -> {
            response.getHeaders().put("X-Long", "x".repeat(9_000));
            response.write(true, BufferUtil.toBuffer("a"), callback);
        });
        try (TestServer server = TestServer.of(Transport.CLEAR, KeepAlivePolicy.defaults(), handler)) {
            server.config.setResponseHeaderSize(8 * 1024);
            allowLongHeaders(server);
            server.start();
            try (RawClient client = server.connect()) {
                RawClient.Answer answer = client.send(ASKING).read();
                assertEquals(List.of("keep-alive"), answer.fields("Connection"));
                assertEquals(1, answer.fields("Keep-Alive").size());
            }
        }
    }

    static void allowLongHeaders(TestServer server) {
        try {
            server.config.setMaxResponseHeaderSize(32 * 1024);
        } catch (NoSuchMethodError x) {
            server.config.setResponseHeaderSize(32 * 1024); // Jetty 12.0
        }
    }

    @ParameterizedTest
    @CsvSource({"300, ", "3500, 2", "60000, 9"})
    void noMoreThanTheEndPointsOwnIdleTimeoutAllows(long idleTimeout, String seconds) throws Exception {
        Handler handler = TestServer.handler((request, response, callback) -> {
            request.getConnectionMetaData().getConnection().getEndPoint().setIdleTimeout(idleTimeout);
            response.write(true, BufferUtil.toBuffer("a"), callback);
        });
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofSeconds(10)), handler);
                RawClient client = server.connect()) {
            RawClient.Answer answer = client.send(ASKING).read();
            assertFalse(answer.saysClose(), answer.head());
            String field = answer.field("Keep-Alive");
            assertEquals(seconds, field == null ? null : field.replaceAll("timeout=(\\d+).*", "$1"), answer.head());
        }
    }

    /** The idle timeout of requests in progress ends with them. */
    @Test
    void theIdleTimeoutOfRequestsIsNotThatOfTheConnection() throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, KeepAlivePolicy.defaults(), TestServer.hello())) {
            server.config.setIdleTimeout(2_000);
            server.start();
            try (RawClient client = server.connect()) {
                RawClient.Answer answer = client.send(ASKING).read();
                assertTrue(answer.field("Keep-Alive").startsWith("timeout=29"), answer.head());
            }
        }
    }

    private static void assertKept(UnaryOperator<KeepAlivePolicy.Builder> settings, long idleTimeout) throws Exception {
        TestServer server = TestServer.of(
                Transport.CLEAR, settings.apply(KeepAlivePolicy.builder()).build(), TestServer.hello());
        server.connector.setIdleTimeout(idleTimeout);
        try (TestServer started = server.start();
                RawClient client = started.connect()) {
            for (int i = 0; i < 5; i++) {
                RawClient.Answer answer = client.send(ASKING).read();
                assertNull(answer.field("Connection"), answer.head());
                assertNull(answer.field("Keep-Alive"), answer.head());
            }
        }
    }

    @Test
    void whereNoWholeSecondIsLeftNothingIsSaidAndTheConnectionKept() throws Exception {
        assertKept(p -> p.keepAliveTimeout(Duration.ofSeconds(1)), 30_000);
        assertKept(p -> p, 1_000);
        assertKept(p -> p.keepAliveTimeoutBuffer(Duration.ofSeconds(40)), 30_000);
    }
}
