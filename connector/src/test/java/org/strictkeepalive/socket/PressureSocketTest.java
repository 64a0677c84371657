package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.server.DescriptorProbes;
import org.strictkeepalive.testkit.Heartbeat;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What ELEVATED and HIGH do to real connections that wait. */
class PressureSocketTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    // ---- ELEVATED

    @Test
    void elevatedShrinksTimeoutsTowardsTheirMinimumButKeepsPromises() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.keepAliveTimeout(Duration.ofSeconds(4))
                                .minKeepAliveTimeout(Duration.ofMillis(500))
                                .keepAliveTimeoutBuffer(Duration.ofSeconds(1)));
                RawClient promised = server.connect();
                RawClient unpromised = server.connect()) {
            PressureLever lever = new PressureLever(server);
            assertEquals(
                    "timeout=3, max=9999",
                    promised.send(RawClient.ASKING).read().field("Keep-Alive"));
            long before = System.nanoTime();
            long after = unpromised.get().at();
            lever.set(0.799, PressureLevel.ELEVATED);
            unpromised.awaitEnd();
            long unpromisedMillis = RawClient.millisSince(before);
            assertTrue(unpromisedMillis >= 500, "not below the minimum: " + unpromisedMillis);
            promised.awaitEnd();
            assertTrue(
                    RawClient.millisSince(after) >= 2900,
                    "not before what was promised: " + RawClient.millisSince(after));
            assertTrue(unpromisedMillis < 2900 + Heartbeat.allowanceSince(before), "shrunk: " + unpromisedMillis);
        }
    }

    @Test
    void elevatedShrinksTheTimeForHeaders() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.requestHeaderTimeout(Duration.ofSeconds(30))
                                .firstRequestTimeout(Duration.ofSeconds(30))
                                .minRequestHeaderTimeout(Duration.ofMillis(300)));
                RawClient first = server.connect();
                RawClient next = server.connect()) {
            next.get();
            long before = System.nanoTime();
            next.send("GET / HT");
            first.send("GET / HT");
            new PressureLever(server).set(0.799, PressureLevel.ELEVATED);
            assertEquals(408, first.read().status());
            assertEquals(408, next.read().status());
            assertTrue(RawClient.millisSince(before) >= 300);
            assertTrue(RawClient.millisSince(before) < 15_000 + Heartbeat.allowanceSince(before));
        }
    }

    // ---- HIGH

    @Test
    @Paced(stallMs = 100) // of the 250 ms for which a newcomer is left alone
    void highSaysCloseToNewcomersAndNotToThoseWhoReuseWhileNewcomersAreLeft() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p)) {
            PressureLever lever = new PressureLever(server);
            assertFalse(
                    toldToCloseAmongNewcomers(server, lever),
                    "said close to a reused connection while newcomers were left");
            assertTrue(server.statistics().getClosed(CloseReason.PRESSURE) > 0);
        }
    }

    private static boolean toldToCloseAmongNewcomers(TestServer server, PressureLever lever) throws Exception {
        List<RawClient> newcomers = new ArrayList<>();
        try (RawClient polite = server.connect()) {
            polite.get();
            polite.get();
            for (int i = 0; i < 60; i++) {
                newcomers.add(server.connect());
                if (i == 0) {
                    lever.set(0.85, PressureLevel.HIGH);
                }
                if (i % 10 == 5) {
                    assertTrue(newcomers.get(i).get().saysClose());
                }
                if (polite.get().saysClose()) {
                    return true;
                }
                TimeUnit.MILLISECONDS.sleep(20); // within the newcomers' grace
            }
            return false;
        } finally {
            lever.set(0);
            RawClient.closeAll(newcomers);
        }
    }

    @Test
    void highTellsThoseWhoReuseByAResponseOnceNoNewcomerIsLeft() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(0));
                RawClient polite = server.connect()) {
            polite.get();
            polite.get();
            new PressureLever(server).set(0.85, PressureLevel.HIGH);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            RawClient.Answer answer = polite.get();
            while (!answer.saysClose() && System.nanoTime() - end < 0) {
                answer = polite.get();
            }
            assertTrue(answer.saysClose());
            polite.awaitEnd();
            polite.close();
            server.awaitClosed(CloseReason.PRESSURE, 1);
        }
    }

    @Test
    @Paced(stallMs = 150) // or a newcomer is ended by its timeout before
    void highEvictsNewcomersAtOnceAndAReusedOneNotWithinASecondOfItsLastResponse() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(LONG));
                RawClient silent = server.connect();
                RawClient once = server.connect();
                RawClient reused = server.connect()) {
            once.get();
            reused.get();
            long before = System.nanoTime();
            long after = reused.get().at();
            // A source that stays keeps asking for more, down to the last one.
            new PressureLever(server).set(0.95);
            silent.awaitEnd();
            once.awaitEnd();
            reused.awaitEnd();
            assertTrue(
                    System.nanoTime() - before >= TimeUnit.SECONDS.toNanos(1),
                    "a reused connection within a second of its last response: " + RawClient.millisSince(after)
                            + " ms");
            await().untilAsserted(() -> assertEquals(0, server.statistics().getOpen()));
            assertTrue(server.statistics().getClosed(CloseReason.EVICTED) >= 2, "" + server.statistics());
        }
    }

    @Test
    void lingeringShrinksAtHigh() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR, p -> p.maxRequestsPerConnection(1).lingerTimeout(LONG));
                RawClient client = server.connect()) {
            assertTrue(client.get().saysClose());
            client.awaitEnd();
            await().untilAsserted(() -> assertEquals(1, server.statistics().getOpen(ConnectionState.LINGERING)));
            new PressureLever(server).set(0.85);
            server.awaitOpen(0); // though the client stays
            server.assertNumbersAddUp();
        }
    }

    /** A small limit, a flood of clients that take one response and stay, and a polite one. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 100)
    void floodOfNewcomersNeitherKeepsVisitorsOutNorCutsThePolite(Transport transport) throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder().maxConnections(40).build();
        try (TestServer server = TestServer.of(transport, policy, TestServer.hello())) {
            server.connector.setIdleTimeout(30_000);
            server.start();
            List<RawClient> leaky = new ArrayList<>();
            RawClient polite = server.connect();
            polite.get();
            boolean high = false;
            int reconnects = 0;
            for (int i = 0; i < 300; i++) {
                RawClient client = server.connect();
                leaky.add(client);
                assertEquals(200, client.get().status(), "visitor " + i);
                high |= server.monitor().getLevel().isAtLeast(PressureLevel.HIGH);
                assertTrue(server.monitor().getOpenConnections() <= 42);
                if (i % 5 == 0) {
                    // A FIN that its request crosses would fail here.
                    if (polite.get().saysClose()) {
                        polite.awaitEnd();
                        polite.close();
                        polite = server.connect();
                        polite.get();
                        reconnects++;
                    }
                }
            }
            assertTrue(high, "never HIGH");
            assertTrue(reconnects <= 30, reconnects + " reconnects of 60 requests");
            polite.close();
            RawClient.closeAll(leaky);
            server.assertNumbersAddUp();
            server.awaitLevel(PressureLevel.NORMAL);
            assertTrue(server.connector.isAccepting());
        }
    }

    @Test
    void descriptorsOfTheProcessCount() throws Exception {
        long used = DescriptorProbes.find().used();
        // Client and server are one process, so each connection takes two.
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().descriptorLimit(used + 150).build();
        try (TestServer server = TestServer.of(Transport.CLEAR, policy, TestServer.hello())) {
            server.start();
            assertEquals(used + 150, server.monitor().getDescriptorLimit());
            List<RawClient> clients = new ArrayList<>();
            while (!server.monitor().getLevel().isAtLeast(PressureLevel.ELEVATED)) {
                assertTrue(clients.size() < 70, () -> "" + server.monitor());
                RawClient client = server.connect();
                clients.add(client);
                client.get(); // so that it is accepted before the next one
            }
            for (int i = 0; i < 30; i++) {
                RawClient client = server.connect();
                clients.add(client);
                assertEquals(200, client.get().status());
            }
            await().untilAsserted(() -> assertTrue(server.statistics().getClosed(CloseReason.EVICTED) > 0));
            RawClient.closeAll(clients);
            server.assertNumbersAddUp();
            server.awaitLevel(PressureLevel.NORMAL);
        }
    }

    // ---- Over and out

    @Test
    void requestOnAnEvictedConnectionIsNotExecuted() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(LONG));
                RawClient client = server.connect()) {
            client.get();
            new PressureLever(server).set(0.95);
            client.awaitEnd();
            try {
                client.send(RawClient.GET);
            } catch (SocketException x) {
                // The linger may be over.
            }
            assertEquals(1, server.handled.get());
            client.close();
            server.assertNumbersAddUp();
            assertEquals(1, server.handled.get());
        }
    }
}
