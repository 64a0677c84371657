package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** The request that crosses a close, on a real server. */
class RaceMeterSocketTest {
    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 50) // a next request within 200 ms
    void aRequestBehindTheFinIsCountedAndTheAnswerToTheFinIsNot(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.keepAliveTimeout(Duration.ofMillis(200))
                        .requestHeaderTimeout(Duration.ofMillis(200))
                        .maxRequestsPerConnection(2)
                        .lingerTimeout(Duration.ofSeconds(30)))) {
            try (RawClient polite = server.connect();
                    RawClient told = server.connect();
                    RawClient slow = server.connect()) {
                polite.get();
                polite.awaitEnd();
                told.get();
                assertTrue(told.get().saysClose());
                told.send(RawClient.GET); // it was told
                slow.get();
                slow.send("GET /").read(); // 408
                slow.send(" HTTP/1.1\r\n");
                assertEquals(0, told.readAll().length);
                assertEquals(0, slow.readAll().length);
            }
            server.awaitOpen(0);
            assertEquals(0, server.statistics().getRaces());
            try (RawClient crossing = server.connect()) {
                crossing.get();
                await().untilAsserted(() -> assertEquals(1, server.statistics().getOpen(ConnectionState.LINGERING)));
                crossing.send(RawClient.GET);
                crossing.send(RawClient.GET);
                await().untilAsserted(() -> assertEquals(1, server.statistics().getRaces()));
                assertEquals(0, crossing.readAll().length);
            }
            server.awaitOpen(0);
            assertEquals(1, server.statistics().getRaces(), "a connection loses one request");
            assertEquals(Map.of("KEEP_ALIVE_TIMEOUT", 1L), server.statistics().getRacesByReason());
            assertEquals(Map.of("127.0.0.1", 1L), server.statistics().getRacesByPeer());
        }
    }
}
