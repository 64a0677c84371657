package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.stream.Stream;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;

/** A part of a request that came with the request before: its time is that of headers, not that of an idle connection. */
class PipelinedPartTest {
    private static final String PART = "GET / HTTP/1.1\r\nHo";
    private static final KeepAlivePolicy POLICY = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ofSeconds(30))
            .requestHeaderTimeout(Duration.ofSeconds(5))
            .build();

    private static final String CHUNKED =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n";

    private static Stream<Arguments> requests() {
        return Stream.of(
                        RawClient.GET,
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab",
                        CHUNKED + "\r\n",
                        CHUNKED + "A: b\r\n\r\n")
                .flatMap(request -> Stream.of(Arguments.of(request, false), Arguments.of(request, true)));
    }

    private static Handler handler(boolean reads) {
        return !reads
                ? TestServer.hello()
                : new Handler.Abstract() {
                    @Override
                    public boolean handle(Request request, Response response, Callback callback) {
                        Content.Source.consumeAll(request, callback);
                        return true;
                    }
                };
    }

    @ParameterizedTest
    @MethodSource("requests")
    void thePartOfARequestHasTheTimeOfHeaders(String request, boolean reads) throws Exception {
        assertEnds(request + PART, reads, ConnectionState.READING, 5_000);
    }

    @ParameterizedTest
    @MethodSource("requests")
    void withoutOneTheConnectionIsIdle(String request, boolean reads) throws Exception {
        assertEnds(request, reads, ConnectionState.IDLE, 30_000);
    }

    private static void assertEnds(String bytes, boolean reads, ConnectionState state, long ms) throws Exception {
        try (MemoryServer memory = new MemoryServer(POLICY, handler(reads))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            ConnectionGuard guard = memory.open(endPoint);
            endPoint.addInput(bytes);
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 200 OK"));
            assertEquals(state, guard.state());
            memory.pass(ms - 100);
            assertFalse(endPoint.isOutputShutdown());
            memory.pass(400);
            assertTrue(endPoint.isOutputShutdown());
            assertEquals("", endPoint.takeOutputString(), "no byte came beyond those of that read");
        }
    }
}
