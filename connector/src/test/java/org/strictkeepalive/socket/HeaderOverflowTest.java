package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/**
 * Response headers that overflow Jetty's first buffer: what had been decided holds. Jetty 12.1.12 itself forgets the
 * close there, keeps the connection and executes the next request (RFC 9112, section 9.6).
 */
class HeaderOverflowTest {
    private static Handler longHeaders(boolean last) {
        return TestServer.handler((request, response, callback) -> {
            response.getHeaders().put("X-Long", "x".repeat(9_000));
            if (last) {
                response.write(true, BufferUtil.toBuffer("ab"), callback);
            } else {
                response.write(
                        false,
                        BufferUtil.toBuffer("a"),
                        Callback.from(
                                () -> response.write(true, BufferUtil.toBuffer("b"), callback), callback::failed));
            }
        });
    }

    private static void assertClosed(Handler handler, String request) throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, KeepAlivePolicy.defaults(), handler)) {
            KeepAlivePromiseTest.allowLongHeaders(server);
            server.start();
            try (RawClient client = server.connect()) {
                client.send(request + RawClient.GET);
                String answer = new String(client.readAll(), StandardCharsets.ISO_8859_1);
                assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
                assertTrue(answer.contains("Connection: close\r\n"), answer);
                assertEquals(1, answer.split("HTTP/1.1 200", -1).length - 1, "answers: " + answer);
            }
            assertEquals(1, server.handled.get());
            server.assertNumbersAddUp();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theClientsCloseIsObeyed(boolean last) throws Exception {
        assertClosed(longHeaders(last), "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anExpectationThatIsNotMetCloses(boolean last) throws Exception {
        assertClosed(
                longHeaders(last),
                "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    }

    /** What plain Jetty says where nothing overflows is what strict says. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void withoutOverflowTheCloseIsSaidOnceAndWhereJettySaysIt(Transport transport) throws Exception {
        String[] answers = new String[2];
        for (int i = 0; i < 2; i++) {
            try (TestServer server = TestServer.of(
                                    transport, i == 0 ? null : KeepAlivePolicy.defaults(), TestServer.hello())
                            .start();
                    RawClient client = server.connect()) {
                client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
                answers[i] =
                        new String(client.readAll(), StandardCharsets.ISO_8859_1).replaceAll("Date: [^\r]*", "Date: x");
            }
        }
        assertEquals(answers[0], answers[1]);
    }
}
