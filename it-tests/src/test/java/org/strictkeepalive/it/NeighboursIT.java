package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.KeepAliveStatistics;

/**
 * Other protocols and requests that last, side by side on two connectors, with timeouts that are all far shorter than
 * they take, and pressure for a part of the time. For minutes of traffic: {@code -Dneighbours.seconds=300}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NeighboursIT {
    private static final int CROWD = 50;
    /** Two WebSockets and a tunnel. */
    private static final long UPGRADED = 3 + CROWD;
    /** HTTP/2, which stays governed. */
    private static final long LEFT = 1;

    private static final int POLLS = 3;
    /** Two event streams and the polls, each the last request of its connection. */
    private static final long LAST_REQUESTS = 2 + POLLS;
    /** The tunnel to nowhere. */
    private static final long FAILED = 1;

    private static final NeighboursServer.Expected EXPECTED =
            new NeighboursServer.Expected(UPGRADED, LEFT, LAST_REQUESTS, FAILED);

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private NeighboursServer server;
    private Future<?> pressure;
    private Future<?> webSocket;
    private Future<?> secureWebSocket;
    private Future<?> tunnel;
    private Future<?> noTunnel;
    private Future<?> events;
    private Future<?> secureEvents;
    private Future<?> polling;
    private Future<?> h2cHead;
    private Future<?> crowd;

    @BeforeAll
    void start(@TempDir Path directory) throws Exception {
        server = new NeighboursServer(new Keys(directory));
        NeighboursClients clients = new NeighboursClients(server);
        threads.execute(server::echoBytes);
        pressure = threads.submit(() -> server.press(EXPECTED));
        webSocket = threads.submit(() -> clients.talkOverWebSocket("ws", server.clear));
        secureWebSocket = threads.submit(() -> clients.talkOverWebSocket("wss", server.secure));
        tunnel = threads.submit(clients::talkThroughTunnel);
        noTunnel = threads.submit(clients::failToTunnel);
        events = threads.submit(
                () -> NeighboursClients.listen(clients.http1(), NeighboursClients.uri("http", server.clear)));
        secureEvents = threads.submit(
                () -> NeighboursClients.listen(clients.http1(), NeighboursClients.uri("https", server.secure)));
        polling = threads.submit(() -> clients.poll(POLLS));
        h2cHead = threads.submit(clients::upgradeToHttp2);
        crowd = threads.submit(() -> clients.crowd(CROWD));
    }

    @AfterAll
    void stop() throws Exception {
        threads.shutdownNow();
        server.close();
    }

    private static void done(Future<?>... clients) throws Exception {
        for (Future<?> client : clients) {
            client.get(Talk.TRAFFIC.plusSeconds(180).toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    // ---- The tests

    @Test
    void webSocketsOutliveEveryTimeoutAndEndWithACleanClose() throws Exception {
        done(webSocket, secureWebSocket);
        await().untilAsserted(() -> assertEquals(
                2, server.webSocketCloses.stream().filter(code -> code == 1000).count()));
    }

    @Test
    void tunnelsOutliveEveryTimeout() throws Exception {
        done(tunnel);
    }

    @Test
    void aTunnelThatFailsEndsWithItsResponse() throws Exception {
        done(noTunnel);
    }

    @Test
    void eventStreamsOutliveEveryTimeout() throws Exception {
        done(events, secureEvents);
    }

    @Test
    void longPollsOutliveEveryTimeout() throws Exception {
        done(polling);
    }

    @Test
    void theUpgradeToHttp2SaysNothingOfPersistence() throws Exception {
        done(h2cHead);
    }

    @Test
    void descriptorsOfUpgradedConnectionsAreSeen() throws Exception {
        done(crowd);
    }

    @Test
    void eachIsCountedOnce() throws Exception {
        done(pressure, webSocket, secureWebSocket, tunnel, noTunnel, events, secureEvents, polling, h2cHead, crowd);
        KeepAliveStatistics statistics = server.monitor.getStatistics();
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertEquals(0, server.monitor.getOpenConnections(), () -> "" + statistics));
        Map<String, Long> counted = statistics.getClosedByReason().entrySet().stream()
                .filter(entry -> entry.getValue() > 0)
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        // The client of HTTP/2 leaves before or behind its request, the last one of its connection.
        long left = counted.getOrDefault("CLIENT", 0L);
        assertTrue(left <= LEFT, counted::toString);
        counted.remove("CLIENT");
        assertEquals(
                Map.of(
                        "UPGRADED", UPGRADED,
                        "MAX_REQUESTS", LAST_REQUESTS + LEFT - left,
                        "APPLICATION", FAILED),
                counted);
        assertEquals(statistics.getOpened(), statistics.getClosed());
    }
}
