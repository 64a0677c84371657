package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.KeepAliveStatusHandler;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.StatesWalk;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What operators read is true, and costs visitors nothing. */
@Timeout(120)
class OperatorsPagesTest {
    /** The body of the answer to a request for the status. */
    private static String ask(TestServer server) throws Exception {
        try (RawClient client = server.connect()) {
            return client.send("GET /status HTTP/1.1\r\nHost: test\r\n\r\n")
                    .read()
                    .body();
        }
    }

    private static TestServer server() throws Exception {
        Handler application = new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                Content.Source.consumeAll(request);
                Content.Sink.write(response, true, "hello", callback);
                return true;
            }
        };
        KeepAliveStatusHandler status = new KeepAliveStatusHandler();
        Handler both = new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                return (Request.getPathInContext(request).equals("/status") ? status : application)
                        .handle(request, response, callback);
            }

            @Override
            protected void doStart() throws Exception {
                status.setServer(getServer());
                super.doStart();
            }
        };
        return TestServer.strict(Transport.CLEAR, settings -> settings, both);
    }

    @Test
    void whoAsksWithinASecondGetsTheSameAnswer() throws Exception {
        try (TestServer server = server()) {
            String first = ask(server);
            long begun = System.nanoTime();
            String second = ask(server);
            if (System.nanoTime() - begun < 900_000_000L) {
                assertEquals(first, second);
            }
            await().until(() -> !ask(server).equals(first));
        }
    }

    @Test
    void theNumbersAreThoseOfAWalk() throws Exception {
        List<RawClient> idle = new ArrayList<>();
        try (TestServer server = server()) {
            for (int i = 0; i < 200; i++) {
                RawClient client = server.connect();
                idle.add(client);
                client.get();
            }
            KeepAliveStatistics statistics = server.statistics();
            await().until(() -> statistics.getOpen(ConnectionState.IDLE) == 200);
            StatesWalk.assertCounted(server.monitor());
            JsonNode connections = new ObjectMapper().readTree(ask(server)).get("connections");
            assertEquals(200, connections.get("byState").get("IDLE").asInt());
            assertEquals(10, connections.get("longestIdle").size());
            assertTrue(server.monitor().getLongestIdle() > 0);
        } finally {
            for (RawClient client : idle) {
                client.close();
            }
        }
    }

    @Test
    void busyConnectionsAreTheirsWhomTheyWaitFor() throws Exception {
        try (TestServer server = server();
                RawClient uploading = server.connect()) {
            uploading.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123");
            await().until(() -> new ObjectMapper()
                            .readTree(ask(server))
                            .get("connections")
                            .get("busy")
                            .get("waitingFor")
                            .get("clientBody")
                            .asInt()
                    == 1);
            await().until(() -> server.statistics().getOpen(ConnectionState.BUSY) == 1); // Those who asked have gone.
        }
    }
}
