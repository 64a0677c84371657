package org.strictkeepalive;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RaceMeterTest {
    private static final long MS = 1_000_000L;
    private static final long HOUR = 3_600_000 * MS;
    /** Just before the clock wraps. */
    private long now = Long.MAX_VALUE - HOUR / 2;

    private final RaceMeter meter = new RaceMeter();

    @Test
    void racesAreCountedByReasonAndPeer() {
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.1", MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", MS);
        meter.onRace(CloseReason.EVICTED, "10.0.0.2", MS);
        assertEquals(3, meter.count());
        assertEquals(Map.of(CloseReason.KEEP_ALIVE_TIMEOUT, 2L, CloseReason.EVICTED, 1L), meter.byReason());
        assertEquals(Map.of("10.0.0.1", 1L, "10.0.0.2", 2L), meter.byPeer());
    }

    @Test
    void theWarningNamesTheWorstPeerHowManyHowLateAndTheRemedy() {
        meter.onRace(CloseReason.EVICTED, "10.0.0.1", 900 * MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", 3 * MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", 7 * MS);
        meter.onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "10.0.0.2", 5 * MS);
        RaceMeter.Warning warning = meter.warning(now);
        assertEquals(new RaceMeter.Warning("10.0.0.2", CloseReason.KEEP_ALIVE_TIMEOUT, 3, 7 * MS, 4), warning);
        assertTrue(warning.remedy().contains("keepAliveTimeout"), warning.remedy());
    }

    @Test
    void thereIsOneWarningAnHourAndItTellsOfWhatCameSince() {
        assertNull(meter.warning(now));
        meter.onRace(CloseReason.DRAIN, "10.0.0.1", MS);
        assertEquals(1, meter.warning(now).inAll());
        meter.onRace(CloseReason.STOP, "10.0.0.2", 2 * MS);
        meter.onRace(CloseReason.STOP, "10.0.0.2", MS);
        assertNull(meter.warning(now + HOUR - 1));
        assertEquals(new RaceMeter.Warning("10.0.0.2", CloseReason.STOP, 2, 2 * MS, 2), meter.warning(now + HOUR));
        assertNull(meter.warning(now + 5 * HOUR), "nothing new");
    }

    @Test
    void peersAreBoundedAndThoseHeardOfLastStay() {
        for (int i = 0; i < 10_000; i++) {
            meter.onRace(CloseReason.EVICTED, "attacker " + i, MS);
            if (i % 10 == 0) {
                meter.onRace(CloseReason.EVICTED, "proxy", MS);
            }
        }
        assertEquals(RaceMeter.MOST_PEERS, meter.byPeer().size());
        assertEquals(1000, meter.byPeer().get("proxy"));
        assertEquals(11_000, meter.count());
        RaceMeter.Warning warning = meter.warning(now);
        assertEquals("proxy", warning.peer());
        assertEquals(11_000, warning.inAll());
    }

    @ParameterizedTest
    @EnumSource(CloseReason.class)
    void eachReasonHasARemedy(CloseReason reason) {
        meter.onRace(reason, "p", MS);
        assertTrue(meter.warning(now).remedy().length() > 10);
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
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
