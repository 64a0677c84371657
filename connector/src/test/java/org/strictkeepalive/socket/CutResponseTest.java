package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.stream.Stream;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** A response that fails midway stays visibly cut: what arrives is what plain Jetty sends (RFC 9112, section 8). */
class CutResponseTest {
    private static final String NO_BODY_YET = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n";
    private static final String HALF_A_CHUNK =
            "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe";
    private static final String EXPECTING =
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

    private static final Handler ECHO =
            TestServer.handler((request, response, callback) -> Content.copy(request, response, callback));
    private static final String HALF_AN_ECHO =
            "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";

    /** What an application does behind the first byte of its response. */
    private enum Failure {
        FAILS,
        THROWS,
        FAILS_LATER;

        private Handler handler() {
            return TestServer.handler((request, response, callback) -> {
                QuietException.Exception failure = new QuietException.Exception("on purpose");
                switch (this) {
                    case FAILS ->
                        response.write(
                                false,
                                BufferUtil.toBuffer("a"),
                                Callback.from(() -> callback.failed(failure), callback::failed));
                    case FAILS_LATER ->
                        response.write(
                                false,
                                BufferUtil.toBuffer("a"),
                                Callback.from(
                                        () -> new Thread(() -> callback.failed(failure)).start(), callback::failed));
                    case THROWS -> {
                        Content.Sink.write(response, false, BufferUtil.toBuffer("a"));
                        throw failure;
                    }
                }
            });
        }
    }

    static Stream<Arguments> failures() {
        return Stream.of(Transport.values())
                .flatMap(transport -> Stream.of(NO_BODY_YET, HALF_A_CHUNK, EXPECTING, RawClient.GET)
                        .flatMap(request ->
                                Stream.of(Failure.values()).map(failure -> Arguments.of(transport, request, failure))));
    }

    private static String answer(TestServer started, String request) throws Exception {
        try (TestServer server = started;
                RawClient client = server.connect()) {
            client.send(request);
            return new String(client.readAll(), StandardCharsets.ISO_8859_1).replaceAll("Date: [^\r]*", "Date: x");
        }
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aResponseThatFailsMidwayIsCutAsJettyCutsIt(Transport transport, String request, Failure failure)
            throws Exception {
        String plain = answer(TestServer.plain(transport, failure.handler()), request);
        assertTrue(plain.startsWith("HTTP/1.1 200"), plain);
        assertFalse(plain.endsWith("0\r\n\r\n"), plain);
        assertEquals(plain, answer(TestServer.strict(transport, p -> p, failure.handler()), request));
    }

    /** An echo whose client stops sending, ended by Jetty's idle timeout. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void anEchoThatTheIdleTimeoutEndsIsCut(Transport transport) throws Exception {
        String[] answers = new String[2];
        for (int i = 0; i < 2; i++) {
            TestServer server = TestServer.of(transport, i == 0 ? null : KeepAlivePolicy.defaults(), ECHO);
            server.connector.setIdleTimeout(500);
            answers[i] = answer(server.start(), HALF_AN_ECHO);
        }
        assertTrue(answers[0].contains("hello"), answers[0]);
        assertFalse(answers[0].endsWith("0\r\n\r\n"), answers[0]);
        assertEquals(answers[0], answers[1]);
    }

    /** The same, ended by the policy. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void anEchoThatTheDataRateEndsIsCut(Transport transport) throws Exception {
        TestServer server = TestServer.strict(transport, p -> p.dataRateGrace(Duration.ofMillis(200)), ECHO);
        server.monitor().addPressureSource(() -> 0.75);
        String answer = answer(server, HALF_AN_ECHO);
        assertTrue(answer.contains("hello"), answer);
        assertFalse(answer.endsWith("0\r\n\r\n"), answer);
    }

    /** A close of the policy's doesn't hide it: with a close Jetty would frame the response by that, not by chunks. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void aResponseThatSaysCloseIsCutVisiblyToo(Transport transport) throws Exception {
        String answer = answer(
                TestServer.strict(transport, p -> p.maxRequestsPerConnection(1), Failure.FAILS.handler()),
                RawClient.GET);
        assertTrue(answer.contains("Connection: close\r\n"), answer);
        assertTrue(answer.contains("Transfer-Encoding: chunked\r\n"), answer);
        assertTrue(answer.endsWith("\r\n\r\n1\r\na"), answer);
    }

    /** What the application has said whole arrives whole, though it left the request's body unread. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void aResponseThatTheApplicationCompletesIsWhole(Transport transport) throws Exception {
        Handler handler = TestServer.handler((request, response, callback) ->
                response.write(false, BufferUtil.toBuffer("a"), Callback.from(callback::succeeded, callback::failed)));
        String answer = answer(TestServer.strict(transport, p -> p, handler), NO_BODY_YET);
        assertTrue(answer.endsWith("\r\n1\r\na\r\n0\r\n\r\n"), answer);
    }

    /** Jetty's own error response to a failure before the commit is whole. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void anErrorResponseIsAsJettySendsIt(Transport transport) throws Exception {
        Handler handler = TestServer.handler(
                (request, response, callback) -> Response.writeError(request, response, callback, 500, "on purpose"));
        String plain = answer(TestServer.plain(transport, handler), NO_BODY_YET);
        assertTrue(plain.startsWith("HTTP/1.1 500"), plain);
        assertEquals(plain, answer(TestServer.strict(transport, p -> p, handler), NO_BODY_YET));
    }
}
