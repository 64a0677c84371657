package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;

/** An exchange that is completed twice would end the next one: it reaches Jetty once, and the connection is closed. */
class TwiceCompletedTest {
    private record Held(String path, Response response, Callback callback) {}

    private final List<Held> held = new ArrayList<>();
    private final List<String> executed = new ArrayList<>();
    private HttpStream first;

    private final class Holding extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            String path = Request.getPathInContext(request);
            executed.add(path);
            if (first == null) {
                request.addHttpStreamWrapper(stream -> first = new HttpStream.Wrapper(stream));
            }
            Content.Source.consumeAll(
                    request, Callback.from(() -> held.add(new Held(path, response, callback)), callback::failed));
            return true;
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void itReachesJettyOnceAndTheConnectionIsClosed(boolean succeeds) throws Exception {
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults(), new Holding())) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
            complete(held.remove(0));
            assertEquals("/2", held.get(0).path, "the next is in progress");
            if (succeeds) {
                first.succeeded();
            } else {
                first.failed(new IllegalStateException("on purpose"));
            }
            assertFalse(endPoint.isOpen());
            memory.pass(3_000);
            assertEquals(1, memory.monitor.getStatistics().getClosed(CloseReason.ERROR));
            assertEquals(List.of("/1", "/2"), executed);
            memory.assertNothingIsOpen();
        }
    }

    private static void complete(Held exchange) {
        if (exchange.path.endsWith("1")) { // no content, and completed by its callback alone
            exchange.response.setStatus(204);
            exchange.callback.succeeded();
        } else {
            exchange.response.write(
                    true, ByteBuffer.wrap(exchange.path.getBytes(StandardCharsets.US_ASCII)), exchange.callback);
        }
    }

    /** Pipelines of asynchronous exchanges, with bodies that contain requests, in reads of any size. */
    @Test
    void everyResponseOfAPipelineIsInItsPlaceAndNoBodyIsExecuted() throws Exception {
        Random random = new Random(20261126);
        for (int round = 0; round < 200; round++) {
            held.clear();
            executed.clear();
            first = null;
            try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults(), new Holding())) {
                MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
                memory.open(endPoint);
                List<String> paths = new ArrayList<>();
                String bytes = pipeline(random, paths);
                StringBuilder answers = new StringBuilder();
                for (int sent = 0; sent < bytes.length(); ) {
                    int end = Math.min(bytes.length(), sent + 1 + random.nextInt(120));
                    endPoint.addInput(bytes.substring(sent, end));
                    sent = end;
                    while (!held.isEmpty() && (random.nextBoolean() || sent == bytes.length())) {
                        complete(held.remove(0));
                    }
                }
                answers.append(endPoint.takeOutputString());
                assertEquals(paths, executed);
                assertInPlace(paths, answers.toString());
            }
        }
    }

    private static String pipeline(Random random, List<String> paths) {
        StringBuilder bytes = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            String path = "/" + i + (random.nextBoolean() ? "1" : "2");
            paths.add(path);
            String smuggled = "x\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
            switch (random.nextInt(3)) {
                case 0 -> bytes.append("GET ").append(path).append(" HTTP/1.1\r\nHost: a\r\n\r\n");
                case 1 ->
                    bytes.append("POST ")
                            .append(path)
                            .append(" HTTP/1.1\r\nHost: a\r\nContent-Length: ")
                            .append(smuggled.length())
                            .append("\r\n\r\n")
                            .append(smuggled);
                default ->
                    bytes.append("POST ")
                            .append(path)
                            .append(" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                            .append(Integer.toHexString(smuggled.length()))
                            .append("\r\n")
                            .append(smuggled)
                            .append("\r\n0\r\n\r\n");
            }
        }
        return bytes.toString();
    }

    private static void assertInPlace(List<String> paths, String answers) {
        int at = 0;
        for (String path : paths) {
            String status = path.endsWith("1") ? "HTTP/1.1 204" : "HTTP/1.1 200";
            assertTrue(answers.startsWith(status, at), path + " in " + answers);
            at = answers.indexOf("\r\n\r\n", at) + 4;
            if (!path.endsWith("1")) {
                assertTrue(answers.startsWith(path, at), path + " in " + answers);
                at += path.length();
            }
        }
        assertEquals(
                Collections.emptyList(),
                List.of(answers.substring(at).split("(?!^)")).stream()
                        .filter(rest -> !rest.isEmpty())
                        .toList());
    }
}
