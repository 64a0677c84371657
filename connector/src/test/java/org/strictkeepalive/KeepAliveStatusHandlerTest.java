package org.strictkeepalive;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

class KeepAliveStatusHandlerTest {
    private final HttpClient client = HttpClient.newHttpClient();

    private HttpResponse<String> ask(TestServer server, String method) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/"))
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private JsonNode status(TestServer server) throws Exception {
        HttpResponse<String> answer = ask(server, "GET");
        assertEquals(200, answer.statusCode());
        assertEquals(
                "application/json", answer.headers().firstValue("Content-Type").orElse(""));
        return new ObjectMapper().readTree(answer.body());
    }

    @Test
    void theNumbersAreThoseOfTheMonitorAndNoAddressIsTold() throws Exception {
        KeepAliveStatusHandler handler = new KeepAliveStatusHandler();
        try (TestServer server = TestServer.strict(Transport.CLEAR, settings -> settings, handler);
                RawClient idle = server.connect()) {
            idle.get();
            // That was an answer as well, and it is given to others for a second.
            await().until(() -> status(server).get("connections").get("open").asInt() == 2);
            JsonNode status = status(server);
            assertEquals(1, status.get("version").asInt());
            for (CloseReason reason : CloseReason.values()) {
                for (JsonNode byReason : List.of(
                        status.get("closed").get("byReason"),
                        status.get("closed").get("regretsByReason"),
                        status.get("races").get("byReason"))) {
                    assertEquals(0, byReason.get(reason.name()).asInt(-1), reason.name());
                }
            }
            assertTrue(status.get("connections").get("reusesByIdleMs").size() > 20);
            assertEquals("NORMAL", status.get("level").asText());
            assertEquals(
                    server.monitor().getDescriptorLimit(),
                    status.get("descriptors").get("limit").asLong());
            assertEquals(2, status.get("connections").get("open").asInt());
            assertTrue(status.get("connections").get("mostOpen").asInt() >= 2);
            assertTrue(status.get("descriptors").get("mostUsed").asLong()
                    >= status.get("descriptors").get("used").asLong());
            assertEquals(1, status.get("connections").get("byState").get("IDLE").asInt());
            assertEquals(1, status.get("connections").get("byState").get("BUSY").asInt());
            assertTrue(status.get("requests").asInt() >= 2);
            assertEquals(0, status.get("closed").get("byReason").get("EVICTED").asInt());
            JsonNode longest = status.get("connections").get("longestIdle");
            assertEquals(1, longest.size());
            assertEquals(1, longest.get(0).get("requests").asInt());
            assertTrue(longest.get(0).get("ageMs").asLong()
                    >= longest.get(0).get("idleMs").asLong());
            assertFalse(status.toString().contains("127.0.0.1"), status::toString);

            handler.setShowAddresses(true);
            String address = status(server)
                    .get("connections")
                    .get("longestIdle")
                    .get(0)
                    .get("address")
                    .asText();
            assertTrue(address.startsWith("/127.0.0.1:"), address);
        }
    }

    @Test
    void nothingButReadingIsAllowed() throws Exception {
        try (TestServer server =
                TestServer.strict(Transport.CLEAR, settings -> settings, new KeepAliveStatusHandler())) {
            HttpResponse<String> head = ask(server, "HEAD");
            assertEquals(200, head.statusCode());
            assertEquals("", head.body());
            HttpResponse<String> post = ask(server, "POST");
            assertEquals(405, post.statusCode());
            assertEquals("{\n  \"error\" : \"expected: GET, HEAD\"\n}\n", post.body());
            assertEquals("GET, HEAD", post.headers().firstValue("Allow").orElse(""));
        }
    }

    @Test
    void aServerWithoutThePolicyHasNoStatus() throws Exception {
        try (TestServer server = TestServer.plain(Transport.CLEAR, new KeepAliveStatusHandler())) {
            assertEquals(503, ask(server, "GET").statusCode());
        }
    }
}
