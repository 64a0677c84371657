package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What is counted of reuses and returns on a real server. */
class AdviceSocketTest {
    private static long reuses(TestServer server) {
        return server.statistics().getReusesByIdleTime().values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 200)
    void aReuseIsARequestAfterAWaitAndAClientThatReturnsIsRegretted(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.keepAliveTimeout(Duration.ofSeconds(2)))) {
            try (RawClient client = server.connect()) {
                client.get();
                assertEquals(0, reuses(server), "the first request is none");
                Thread.sleep(600); // the time that is measured
                client.get();
                assertEquals(1, reuses(server));
                assertEquals(0, server.statistics().getReusesByIdleTime().get(256L));
                client.send("GET / HT");
                Thread.sleep(100);
                client.send("TP/1.1\r\nHost: test\r\n\r\n").read();
                assertEquals(2, reuses(server), "its bytes in two reads");
                client.send(RawClient.GET + RawClient.GET + RawClient.GET);
                client.read();
                client.read();
                client.read();
                assertEquals(3, reuses(server), "those that are pipelined didn't wait");
                client.awaitEnd();
            }
            assertTrue(server.monitor().dump().contains("No advice on keepAliveTimeout yet: 3 reuses"));
            assertEquals(Map.of(), server.statistics().getRegretsByReason());
            await().atMost(Duration.ofSeconds(60)).until(() -> {
                try (RawClient client = server.connect()) {
                    client.get();
                    client.awaitEnd();
                }
                server.connect().close(); // within the second, if this machine isn't held up
                return server.statistics().getRegretsByReason().containsKey("KEEP_ALIVE_TIMEOUT");
            });
        }
    }
}
