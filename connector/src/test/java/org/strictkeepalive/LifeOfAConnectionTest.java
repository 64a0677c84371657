package org.strictkeepalive;

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

/** The states and deadlines, on real connections. */
class LifeOfAConnectionTest {
    private static final Duration SHORT = Duration.ofMillis(500);
    private static final Duration LONG = Duration.ofMinutes(2);
    /** A machine that is busy may be this late. */
    private static final long LATE_MS = 2000;

    private static void assertElapsed(Duration least, long from, long to) {
        long millis = TimeUnit.NANOSECONDS.toMillis(to - from);
        assertTrue(
                millis >= least.toMillis() - 5 && millis < least.toMillis() + LATE_MS,
                () -> millis + " ms instead of " + least.toMillis());
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
        try (TestServer server = TestServer.strict(transport, p -> p.firstRequestTimeout(SHORT));
                RawClient client = server.connect()) {
            long before = System.nanoTime();
            AtomicBoolean stop = new AtomicBoolean();
            client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Trickle: ");
            trickle(client, "x", stop);
            RawClient.Answer answer = client.read();
            assertEquals(408, answer.status());
            assertTrue(answer.saysClose(), answer.head());
            assertTrue(answer.at() - before < TimeUnit.MILLISECONDS.toNanos(SHORT.toMillis() + LATE_MS));
            client.awaitEnd();
            stop.set(true);
            assertEquals(0, server.handled.get());
        }
    }

    @Test
    void connectionThatStopsInTheHandshakeIsClosed() throws Exception {
        try (TestServer server = TestServer.strict(Transport.TLS, p -> p.firstRequestTimeout(SHORT))) {
            long before = System.nanoTime();
            try (RawClient client = server.connectSocket()) {
                client.send("\u0016\u0003\u0001");
                assertEquals(-1, client.socket().getInputStream().read());
                assertElapsed(SHORT, before, System.nanoTime());
                server.awaitClosed(CloseReason.FIRST_REQUEST_TIMEOUT, 1);
                server.assertNumbersAddUp();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void idleConnectionIsClosedAtKeepAliveTimeoutNotBefore(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.keepAliveTimeout(SHORT));
                RawClient client = server.connect()) {
            for (int i = 0; i < 3; i++) {
                TimeUnit.MILLISECONDS.sleep(SHORT.toMillis() / 2); // within the timeout, so it is reused
                assertEquals(200, client.get().status());
            }
            long answered = client.get().at();
            long ended = client.awaitEnd();
            // The timeout begins at the server a moment before the client has read the answer.
            assertElapsed(SHORT.minusMillis(20), answered, ended);
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
            long answered = client.send(RawClient.GET + "GET / HT").read().at();
            assertElapsed(SHORT.minusMillis(20), answered, client.awaitEnd());
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
            assertTrue(free - fin < TimeUnit.MILLISECONDS.toNanos(SHORT.toMillis() + LATE_MS));
            assertFalse(client.socket().isClosed());
            server.assertNumbersAddUp();
        }
    }

    @Test
    void plainJettyHoldsTheDescriptorOfAClientThatIgnoresTheFin() throws Exception {
        try (TestServer server = TestServer.of(Transport.CLEAR, null, TestServer.hello())) {
            server.connector.setIdleTimeout(3000);
            server.start();
            try (RawClient client = server.connect()) {
                client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                        .read();
                client.awaitEnd();
                // Well beyond a linger of 500 ms the endpoint is still there.
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1500);
                await().atMost(Duration.ofSeconds(5)).until(() -> System.nanoTime() - end > 0);
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
                long answered = client.get().at();
                assertElapsed(timeout.minusMillis(20), answered, client.awaitEnd());
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
                long answered = client.get().at();
                assertElapsed(SHORT.minusMillis(20), answered, client.awaitEnd());
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
            assertEquals(300, server.factory().getKeepAliveTimeout());
        }
    }

    @Test
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
                            .anyMatch(GovernedConnector.class::isInstance));
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
