package org.strictkeepalive.internal.connection;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.io.EndPoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.jetty.ConnectorGovernor;
import org.strictkeepalive.testkit.Heartbeat;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** The states and deadlines, on real connections. */
class LifeOfAConnectionTest {
    private static final Duration SHORT = Duration.ofMillis(500);
    private static final Duration LONG = Duration.ofMinutes(2);
    /** So late it may be, and as much later as the machine itself is. */
    private static final long LATE_MS = 2000;

    private static void assertElapsed(Duration least, long from, long to) {
        assertElapsed(least, from, from, to);
    }

    /**
     * That a time was over when it should be.
     *
     * @param before a moment before it began
     * @param after a moment after it began
     */
    private static void assertElapsed(Duration least, long before, long after, long to) {
        long most = TimeUnit.NANOSECONDS.toMillis(to - before);
        assertTrue(most >= least.toMillis() - 5, () -> most + " ms instead of " + least.toMillis());
        assertNotLate(least, after, to);
    }

    private static void assertNotLate(Duration least, long from, long to) {
        long millis = TimeUnit.NANOSECONDS.toMillis(to - from);
        long allowance = Heartbeat.allowanceSince(from);
        assertTrue(
                millis < least.toMillis() + LATE_MS + allowance,
                () -> millis + " ms instead of " + least.toMillis() + ", the machine's own " + allowance);
    }

    /** Sends bytes until the server has had enough of them. */
    private static Thread trickle(RawClient client, String bytes, AtomicBoolean stop) {
        Thread thread = new Thread(() -> {
            try {
                while (!stop.get()) {
                    client.send(bytes);
                    TimeUnit.MILLISECONDS.sleep(50);
                }
            } catch (IOException | InterruptedException x) {
                // The other side has closed.
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void silentNewConnectionIsClosedAtFirstRequestTimeout(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.firstRequestTimeout(SHORT))) {
            long before = System.nanoTime();
            try (RawClient client = server.connect()) {
                assertElapsed(SHORT, before, client.awaitEnd());
                server.awaitClosed(CloseReason.FIRST_REQUEST_TIMEOUT, closedWithClient(server, client));
            }
        }
    }

    private static long closedWithClient(TestServer server, RawClient client) throws IOException {
        assertEquals(1, server.statistics().getOpened());
        client.close();
        return 1;
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void firstRequestThatTricklesIsAnsweredWith408(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.requestHeaderTimeout(SHORT));
                RawClient client = server.connect()) {
            long before = System.nanoTime();
            AtomicBoolean stop = new AtomicBoolean();
            client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Trickle: ");
            trickle(client, "x", stop);
            RawClient.Answer answer = client.read();
            assertEquals(408, answer.status());
            assertTrue(answer.saysClose(), answer.head());
            assertNotLate(SHORT, before, answer.at());
            client.awaitEnd();
            stop.set(true);
            assertEquals(0, server.handled.get());
            client.close();
            server.awaitClosed(CloseReason.REQUEST_HEADER_TIMEOUT, 1);
        }
    }

    /** Load balancers open connections ahead and use them later: as long as plain Jetty lets them. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void connectionOpenedAheadIsUsedLater(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport, p -> p.requestHeaderTimeout(SHORT).handshakeTimeout(SHORT));
                RawClient client = server.connect()) {
            TimeUnit.MILLISECONDS.sleep(2 * SHORT.toMillis());
            assertEquals(200, client.get().status());
            assertEquals(0, server.statistics().getClosed(CloseReason.FIRST_REQUEST_TIMEOUT));
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void byDefaultASilentConnectionStaysForTheConnectorsIdleTimeout(Transport transport) throws Exception {
        TestServer server = TestServer.of(transport, KeepAlivePolicy.defaults(), TestServer.hello());
        server.connector.setIdleTimeout(SHORT.toMillis());
        long before = System.nanoTime();
        try (TestServer started = server.start();
                RawClient client = started.connect()) {
            assertElapsed(SHORT, before, client.awaitEnd());
            client.close();
            started.awaitClosed(CloseReason.FIRST_REQUEST_TIMEOUT, 1);
        }
    }

    @Test
    void connectionThatStopsInTheHandshakeIsClosed() throws Exception {
        try (TestServer server = TestServer.strict(Transport.TLS, p -> p.handshakeTimeout(SHORT))) {
            long before = System.nanoTime();
            try (RawClient client = server.connectSocket()) {
                client.send("\u0016\u0003\u0001");
                assertEquals(-1, client.socket().getInputStream().read());
                assertElapsed(SHORT, before, System.nanoTime());
                server.awaitClosed(CloseReason.HANDSHAKE, 1);
                server.assertNumbersAddUp();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 150)
    void idleConnectionIsClosedAtKeepAliveTimeoutNotBefore(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.keepAliveTimeout(SHORT));
                RawClient client = server.connect()) {
            for (int i = 0; i < 3; i++) {
                TimeUnit.MILLISECONDS.sleep(SHORT.toMillis() / 2); // within the timeout, so it is reused
                assertEquals(200, client.get().status());
            }
            // The timeout begins at the server, after the request was sent and before the answer was read.
            long asked = System.nanoTime();
            long answered = client.get().at();
            assertElapsed(SHORT, asked, answered, client.awaitEnd());
            client.close();
            server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
            server.assertNumbersAddUp();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void nextRequestThatTricklesIsAnsweredWith408SinceItsFirstByte(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport, p -> p.keepAliveTimeout(LONG).requestHeaderTimeout(SHORT));
                RawClient client = server.connect()) {
            client.get();
            AtomicBoolean stop = new AtomicBoolean();
            long before = System.nanoTime();
            client.send("GET / HTTP/1.1\r\nX-Trickle: ");
            trickle(client, "x", stop);
            RawClient.Answer answer = client.read();
            assertEquals(408, answer.status());
            assertElapsed(SHORT, before, answer.at());
            client.awaitEnd();
            stop.set(true);
            client.close();
            server.awaitClosed(CloseReason.REQUEST_HEADER_TIMEOUT, 1);
            assertEquals(1, server.handled.get());
        }
    }

    @Test
    @Paced(stallMs = 150)
    void plainJettyKeepsATricklingClientBeyondItsIdleTimeout() throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, null, TestServer.hello())) {
            server.connector.setIdleTimeout(SHORT.toMillis());
            server.start();
            try (RawClient client = server.connect()) {
                client.get();
                AtomicBoolean stop = new AtomicBoolean();
                client.send("GET / HTTP/1.1\r\nX-Trickle: ");
                trickle(client, "x", stop);
                client.socket().setSoTimeout(4 * (int) SHORT.toMillis());
                assertThrows(java.net.SocketTimeoutException.class, client::read);
                stop.set(true);
            }
        }
    }

    @Test
    void pipelinedBeginningOfARequestIsClosedAtHeaderTimeoutWithout408() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR, p -> p.keepAliveTimeout(LONG).requestHeaderTimeout(SHORT));
                RawClient client = server.connect()) {
            long asked = System.nanoTime();
            long answered = client.send(RawClient.GET + "GET / HT").read().at();
            assertElapsed(SHORT, asked, answered, client.awaitEnd());
            client.close();
            server.awaitClosed(CloseReason.REQUEST_HEADER_TIMEOUT, 1);
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void descriptorIsFreeAfterTheLingerWhateverTheClientDoes(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport, p -> p.keepAliveTimeout(SHORT).lingerTimeout(SHORT));
                RawClient client = server.connect()) {
            client.get();
            client.awaitEnd();
            AtomicBoolean stop = new AtomicBoolean();
            long fin = System.nanoTime();
            trickle(new RawClient(client.socket()), "x", stop);
            server.awaitOpen(0);
            long free = System.nanoTime();
            stop.set(true);
            assertNotLate(SHORT, fin, free);
            assertFalse(client.socket().isClosed());
            server.assertNumbersAddUp();
        }
    }

    @Test
    void plainJettyHoldsTheDescriptorOfAClientThatIgnoresTheFin() throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, null, TestServer.hello())) {
            server.connector.setIdleTimeout(60_000);
            server.start();
            try (RawClient client = server.connect()) {
                client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                        .read();
                client.awaitEnd();
                // Well beyond a linger of 500 ms the endpoint is still there.
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1500);
                await().until(() -> System.nanoTime() - end > 0);
                assertEquals(1, server.connector.getConnectedEndPoints().size());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void lingerEndsWithTheClientsFin(Transport transport) throws Exception {
        try (TestServer server =
                TestServer.strict(transport, p -> p.keepAliveTimeout(SHORT).lingerTimeout(LONG))) {
            try (RawClient client = server.connect()) {
                client.get();
                client.awaitEnd();
            }
            server.assertNumbersAddUp();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void keepAliveTimeoutLongerThanJettysIdleTimeoutHolds(Transport transport) throws Exception {
        Duration timeout = Duration.ofMillis(1500);
        try (TestServer server = TestServer.of(
                transport, KeepAlivePolicy.builder().keepAliveTimeout(timeout).build(), TestServer.hello())) {
            server.connector.setIdleTimeout(300);
            server.start();
            try (RawClient client = server.connect()) {
                long asked = System.nanoTime();
                long answered = client.get().at();
                assertElapsed(timeout, asked, answered, client.awaitEnd());
            }
            server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
        }
    }

    @Test
    void withoutKeepAliveTimeoutTheConnectorsIdleTimeoutHolds() throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, KeepAlivePolicy.defaults(), TestServer.hello())) {
            server.connector.setIdleTimeout(SHORT.toMillis());
            server.start();
            try (RawClient client = server.connect()) {
                long asked = System.nanoTime();
                long answered = client.get().at();
                assertElapsed(SHORT, asked, answered, client.awaitEnd());
            }
            server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
        }
    }

    @Test
    void idleTimeoutThatSomebodyLoweredIsObeyed() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(LONG));
                RawClient client = server.connect()) {
            client.get();
            for (EndPoint endPoint : server.connector.getConnectedEndPoints()) {
                endPoint.setIdleTimeout(SHORT.toMillis());
            }
            client.awaitEnd();
            client.close();
            server.awaitClosed(CloseReason.IDLE_TIMEOUT, 1);
        }
    }

    @Test
    void idleTimeoutOfJettyRulesBeforeTheFirstRequest() throws Exception {
        try (TestServer server = TestServer.of(
                Transport.CLEAR,
                KeepAlivePolicy.builder().firstRequestTimeout(LONG).build(),
                TestServer.hello())) {
            server.connector.setIdleTimeout(SHORT.toMillis());
            server.start();
            try (RawClient client = server.connect()) {
                client.awaitEnd();
            }
            server.awaitClosed(CloseReason.IDLE_TIMEOUT, 1);
        }
    }

    @Test
    void policyThatIsSwappedActsOnOpenConnections() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(LONG));
                RawClient client = server.connect()) {
            client.get();
            server.factory().setKeepAliveTimeout(300);
            client.awaitEnd();
            assertEquals(Duration.ofMillis(300), server.factory().getPolicy().getKeepAliveTimeout());
        }
    }

    @Test
    @Paced(stallMs = 150)
    void connectionsOfMaximumAgeAreToldAndNotCut() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR, p -> p.maxConnectionAge(SHORT).keepAliveTimeout(LONG));
                RawClient client = server.connect()) {
            assertNull(client.get().field("Connection"));
            client.socket().setSoTimeout(3 * (int) SHORT.toMillis());
            assertThrows(
                    java.net.SocketTimeoutException.class,
                    () -> client.socket().getInputStream().read());
            assertTrue(client.get().saysClose());
            client.awaitEnd();
            client.close();
            server.awaitClosed(CloseReason.MAX_AGE, 1);
        }
    }

    @Test
    void serverStopsAndStartsAgainAndLeavesTheConnectorAsItWas() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(SHORT))) {
            int customizers = server.config.getCustomizers().size();
            List<Object> listeners = new ArrayList<>(server.connector.getEventListeners());
            for (int i = 0; i < 3; i++) {
                try (RawClient idle = server.connect();
                        RawClient other = server.connect()) {
                    assertEquals(200, idle.get().status());
                    other.send("GET /");
                    server.server.stop();
                    assertEquals(0, server.config.getCustomizers().size());
                    assertFalse(server.connector.getEventListeners().stream()
                            .anyMatch(ConnectorGovernor.class::isInstance));
                    assertTrue(server.connector.isAccepting());
                    server.assertNumbersAddUp();
                }
                server.start();
                assertEquals(customizers, server.config.getCustomizers().size());
                assertEquals(
                        listeners.size(), server.connector.getEventListeners().size());
            }
            try (RawClient client = server.connect()) {
                client.get();
                client.awaitEnd(); // the deadlines run again
            }
        }
    }
}
