package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.eclipse.jetty.server.ForwardedRequestCustomizer;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

class KeepAliveHealthHandlerTest {
    private final HttpClient client = HttpClient.newHttpClient();

    private HttpResponse<String> ask(TestServer server, String method, String query) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/" + query))
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private void assertAnswer(int status, String part, TestServer server, String method, String query)
            throws Exception {
        HttpResponse<String> answer = ask(server, method, query);
        assertEquals(status, answer.statusCode(), answer.body());
        assertTrue(answer.body().contains(part), answer.body());
        assertEquals(
                "application/json", answer.headers().firstValue("Content-Type").orElse(""));
    }

    @Test
    void itTellsWhetherTheServerDrains() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, new KeepAliveHealthHandler())) {
            assertAnswer(200, "ready", server, "GET", "");
            server.monitor().drain(java.time.Duration.ofHours(1));
            assertAnswer(503, "draining", server, "GET", "");
            server.monitor().resume();
            assertEquals("", ask(server, "HEAD", "").body());
            assertAnswer(405, "expected: GET, HEAD", server, "POST", "?drain=30s");
            assertFalse(server.monitor().isDraining(), "not allowed");
        }
    }

    @Test
    void whereItIsAllowedAPostFromTheSameMachineDrains() throws Exception {
        KeepAliveHealthHandler handler = new KeepAliveHealthHandler();
        handler.setDrainAllowed(true);
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, handler)) {
            assertAnswer(200, "draining", server, "POST", "?drain=1h");
            assertTrue(server.monitor().isDraining());
            assertAnswer(200, "ready", server, "POST", "?resume");
            assertFalse(server.monitor().isDraining());
            assertAnswer(400, "drain: soon (expected: a time", server, "POST", "?drain=soon");
            assertAnswer(400, "drain: -1s (expected: a time", server, "POST", "?drain=-1s");
            assertAnswer(400, "expected: ?drain=TIME or ?resume", server, "POST", "");
            assertFalse(server.monitor().isDraining());
        }
    }

    /** A proxy on the same machine tells whom it asks for. */
    @Test
    void aForwardedClientOfAnotherMachineIsRefused() throws Exception {
        KeepAliveHealthHandler handler = new KeepAliveHealthHandler();
        handler.setDrainAllowed(true);
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, handler)) {
            server.factory().getHttpConfiguration().addCustomizer(new ForwardedRequestCustomizer());
            for (String forwarded : List.of("192.0.2.7", "unknown", "127.0.0.1.example")) {
                HttpRequest request = HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + server.port() + "/?drain=1h"))
                        .header("X-Forwarded-For", forwarded)
                        .POST(HttpRequest.BodyPublishers.noBody())
                        .build();
                HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                assertEquals(403, answer.statusCode(), answer.body());
            }
            assertFalse(server.monitor().isDraining());
        }
    }

    @Test
    void aServerWithoutThePolicyIsReady() throws Exception {
        try (TestServer server = TestServer.plain(Transport.CLEAR, new KeepAliveHealthHandler())) {
            assertAnswer(200, "ready", server, "GET", "");
        }
    }
}
