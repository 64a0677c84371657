package org.strictkeepalive;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Promise;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What the levels of pressure do to real connections. */
class PressureSocketTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final String ASKING = "GET / HTTP/1.1\r\nHost: test\r\nConnection: keep-alive\r\n\r\n";

    /** Pressure at a value that the test sets. */
    private static final class Lever {
        private volatile double share;

        private void set(TestServer server, double value, PressureLevel level) {
            share = value;
            server.awaitLevel(level);
        }
    }

    private static Lever lever(TestServer server) {
        Lever lever = new Lever();
        server.monitor().addPressureSource(() -> lever.share);
        return lever;
    }

    private static void closeAll(List<RawClient> clients) throws IOException {
        for (RawClient client : clients) {
            client.close();
        }
    }

    private static long millisSince(long from) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - from);
    }

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
            Lever lever = lever(server);
            assertEquals("timeout=3, max=999", promised.send(ASKING).read().field("Keep-Alive"));
            long before = System.nanoTime();
            long after = unpromised.get().at();
            lever.set(server, 0.799, PressureLevel.ELEVATED);
            unpromised.awaitEnd();
            long unpromisedMillis = millisSince(before);
            assertTrue(unpromisedMillis >= 500, "not below the minimum: " + unpromisedMillis);
            promised.awaitEnd();
            assertTrue(millisSince(after) >= 2900, "not before what was promised: " + millisSince(after));
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
            lever(server).set(server, 0.799, PressureLevel.ELEVATED);
            assertEquals(408, first.read().status());
            assertEquals(408, next.read().status());
            assertTrue(millisSince(before) >= 300);
            assertTrue(millisSince(before) < 15_000 + Heartbeat.allowanceSince(before));
        }
    }

    // ---- HIGH

    @Test
    @Paced(stallMs = 100) // of the 250 ms for which a newcomer is left alone
    void highSaysCloseToNewcomersAndNotToThoseWhoReuseWhileNewcomersAreLeft() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p)) {
            Lever lever = lever(server);
            assertFalse(
                    toldToCloseAmongNewcomers(server, lever),
                    "said close to a reused connection while newcomers were left");
            assertTrue(server.statistics().getClosed(CloseReason.PRESSURE) > 0);
        }
    }

    private static boolean toldToCloseAmongNewcomers(TestServer server, Lever lever) throws Exception {
        List<RawClient> newcomers = new ArrayList<>();
        try (RawClient polite = server.connect()) {
            polite.get();
            polite.get();
            for (int i = 0; i < 60; i++) {
                newcomers.add(server.connect());
                if (i == 0) {
                    lever.set(server, 0.85, PressureLevel.HIGH);
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
            lever.share = 0;
            closeAll(newcomers);
        }
    }

    @Test
    void highTellsThoseWhoReuseByAResponseOnceNoNewcomerIsLeft() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(0));
                RawClient polite = server.connect()) {
            polite.get();
            polite.get();
            lever(server).set(server, 0.85, PressureLevel.HIGH);
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
            lever(server).share = 0.95;
            silent.awaitEnd();
            once.awaitEnd();
            reused.awaitEnd();
            assertTrue(
                    System.nanoTime() - before >= TimeUnit.SECONDS.toNanos(1),
                    "a reused connection within a second of its last response: " + millisSince(after) + " ms");
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
            lever(server).share = 0.85;
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
            closeAll(leaky);
            server.assertNumbersAddUp();
            server.awaitLevel(PressureLevel.NORMAL);
            assertTrue(server.connector.isAccepting());
        }
    }

    @Test
    void descriptorsOfTheProcessCount() throws Exception {
        long used = DescriptorProbe.find().used();
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
            closeAll(clients);
            server.assertNumbersAddUp();
            server.awaitLevel(PressureLevel.NORMAL);
        }
    }

    // ---- CRITICAL

    /** Holds requests until the test completes them. */
    private static final class Holding {
        private final BlockingQueue<Runnable> held = new LinkedBlockingQueue<>();

        private Handler handler() {
            return TestServer.handler((request, response, callback) -> {
                if (Request.getPathInContext(request).equals("/hold")) {
                    held.add(() -> response.write(true, BufferUtil.toBuffer("held"), callback));
                } else {
                    response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
                }
            });
        }

        /** Sends a request that is held, and waits until it is. */
        private RawClient hold(TestServer server) throws IOException {
            int before = held.size();
            RawClient client = server.connect().send("GET /hold HTTP/1.1\r\nHost: test\r\n\r\n");
            await().until(() -> held.size() > before);
            return client;
        }

        private void complete() throws InterruptedException {
            Runnable completion = held.poll(60, TimeUnit.SECONDS);
            assertTrue(completion != null, "no request is held");
            completion.run();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void criticalPausesAcceptingUntilThereIsRoomAndCutsNoExchange(Transport transport) throws Exception {
        Holding holding = new Holding();
        try (TestServer server =
                TestServer.strict(transport, p -> p.lingerTimeout(Duration.ofMillis(300)), holding.handler())) {
            List<RawClient> busy = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                busy.add(holding.hold(server));
            }
            server.factory().setMaxConnections(4);
            server.awaitLevel(PressureLevel.CRITICAL);
            await().until(() -> !server.connector.isAccepting());
            assertTrue(server.monitor().isAcceptingPaused());
            // Visitors wait in the backlog; the one that a paused acceptor lets in is served.
            List<RawClient> waiting = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                RawClient visitor = server.connectSocket();
                visitor.send(transport == Transport.CLEAR ? RawClient.GET : "\u0016");
                waiting.add(visitor);
            }
            TimeUnit.MILLISECONDS.sleep(1500); // that nothing is cut meanwhile can only be seen by waiting
            assertTrue(server.monitor().getOpenConnections() <= 5, "" + server.monitor());
            assertEquals(4, holding.held.size());
            for (RawClient client : busy) {
                holding.complete();
                assertEquals("held", client.read().body());
                client.close();
            }
            await().until(server.connector::isAccepting);
            assertFalse(server.monitor().isAcceptingPaused());
            if (transport == Transport.CLEAR) {
                for (RawClient visitor : waiting) {
                    assertEquals(200, visitor.read().status());
                }
            }
            closeAll(waiting);
            try (RawClient fresh = server.connect()) {
                assertEquals(200, fresh.get().status());
            }
            server.assertNumbersAddUp();
        }
    }

    @Test
    void serverStoppedWhilePausedAcceptsAfterItsRestart() throws Exception {
        Holding holding = new Holding();
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, holding.handler());
                RawClient busy = holding.hold(server)) {
            server.factory().setMaxConnections(1);
            assertEquals(1, server.monitor().getOpenConnections(), busy::toString);
            await().until(() -> !server.connector.isAccepting());
            server.server.stop();
            assertTrue(server.connector.isAccepting());
            server.start();
            try (RawClient client = server.connect()) {
                assertEquals(200, client.get().status());
            }
            server.assertNumbersAddUp();
        }
    }

    @Test
    void switchOfSomebodyElseKeepsItsSay() throws Exception {
        Holding holding = new Holding();
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, holding.handler());
                RawClient busy = holding.hold(server)) {
            server.connector.setAccepting(false); // by the application, before pressure rises
            server.factory().setMaxConnections(1);
            server.awaitLevel(PressureLevel.CRITICAL);
            assertFalse(server.monitor().isAcceptingPaused());
            holding.complete();
            busy.read();
            busy.close();
            server.awaitLevel(PressureLevel.NORMAL);
            assertFalse(server.connector.isAccepting());
            server.connector.setAccepting(true);
        }
    }

    @Test
    void pauseThatIsSwitchedOffLeavesTheConnectorAccepting() throws Exception {
        Holding holding = new Holding();
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p.pauseAcceptWhenCritical(false), holding.handler());
                RawClient busy = holding.hold(server);
                RawClient other = server.connect()) {
            server.factory().setMaxConnections(1);
            server.awaitLevel(PressureLevel.CRITICAL);
            await().until(server.connector::isAccepting);
            try {
                assertTrue(other.get().saysClose());
            } catch (IOException evicted) {
                // A newcomer has no grace at CRITICAL.
                assertTrue(server.statistics().getClosed(CloseReason.EVICTED) > 0);
            }
            holding.complete();
            assertEquals("held", busy.read().body());
        }
    }

    @Test
    void withoutAcceptorThreadsConnectionsBeyondTheLimitAreRefusedAndTheServerRecovers() throws Exception {
        long used = DescriptorProbe.find().used();
        Server server = new Server();
        ServerConnector connector = new ServerConnector(
                server,
                0,
                1,
                new StrictKeepAliveConnectionFactory(
                        new HttpConfiguration(),
                        KeepAlivePolicy.builder().descriptorLimit(used + 60).build()));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(TestServer.hello());
        server.start();
        KeepAliveStatistics statistics = DescriptorMonitor.of(server).getStatistics();
        List<RawClient> clients = new ArrayList<>();
        try {
            for (int i = 0; i < 60; i++) {
                clients.add(new RawClient(Transport.CLEAR.connect(connector.getLocalPort())));
            }
            await().untilAsserted(() -> assertTrue(statistics.getClosed(CloseReason.REFUSED) > 0));
            closeAll(clients);
            await().untilAsserted(() -> {
                try (RawClient client = new RawClient(Transport.CLEAR.connect(connector.getLocalPort()))) {
                    assertEquals(200, client.get().status());
                }
            });
            await().untilAsserted(() -> {
                assertEquals(0, statistics.getOpen(), statistics::toString);
                assertEquals(statistics.getOpened(), statistics.getClosed(), statistics::toString);
            });
        } finally {
            closeAll(clients);
            server.stop();
        }
    }

    // ---- Exchanges without progress

    private static Handler readingAll() {
        return TestServer.handler((request, response, callback) -> Content.Source.asString(
                request,
                StandardCharsets.UTF_8,
                Promise.from(
                        body -> response.write(true, BufferUtil.toBuffer("read " + body.length()), callback),
                        callback::failed)));
    }

    private static Handler blockingReadingAll() {
        return TestServer.handler((request, response, callback) -> {
            String body = Content.Source.asString(request);
            response.write(true, BufferUtil.toBuffer("read " + body.length()), callback);
        });
    }

    /** Sends a body of 1000 bytes, one at a time, until the server has had enough or it is whole. */
    private static boolean sendsBody(RawClient client, int pause, int piece) throws Exception {
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
        client.socket().setSoTimeout(pause);
        for (int sent = 0; sent < 1000; sent += piece) {
            client.send("x".repeat(piece));
            if (sent + piece < 1000) {
                try {
                    assertEquals('H', client.socket().getInputStream().read());
                    return false;
                } catch (SocketTimeoutException x) {
                    // Nothing yet.
                }
            }
        }
        client.socket().setSoTimeout(60_000);
        return true;
    }

    @ParameterizedTest
    @CsvSource({"CLEAR,false", "TLS,false", "CLEAR,true"})
    void slowBodyIsAnsweredWith408FromElevatedOn(Transport transport, boolean blocking) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport,
                        p -> p.dataRateGrace(Duration.ofMillis(500)),
                        blocking ? blockingReadingAll() : readingAll());
                RawClient client = server.connect()) {
            lever(server).set(server, 0.75, PressureLevel.ELEVATED);
            long before = System.nanoTime();
            assertFalse(sendsBody(client, 100, 1), "ended before the body is whole");
            client.socket().setSoTimeout(60_000);
            String rest = "H" + new String(client.readAll(), StandardCharsets.ISO_8859_1);
            assertTrue(rest.startsWith("HTTP/1.1 408 "), rest);
            assertTrue(rest.contains("Connection: close\r\n"), rest);
            assertTrue(millisSince(before) >= 500);
            client.close();
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    @Paced(stallMs = 50)
    void slowBodyIsLeftAloneAtNormalAndAFastOneAtAnyLevel() throws Exception {
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p.dataRateGrace(Duration.ofMillis(200)), readingAll());
                RawClient slow = server.connect();
                RawClient fast = server.connect()) {
            assertTrue(sendsBody(slow, 20, 25), "well below the level"); // 40 times 20 ms, 1,250 B/s
            lever(server).set(server, 0.75, PressureLevel.ELEVATED);
            assertTrue(sendsBody(fast, 50, 50), "1,000 B/s is above 240");
            for (RawClient client : List.of(slow, fast)) {
                assertEquals("read 1000", client.read().body());
            }
        }
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.dataRateGrace(Duration.ofMillis(200)).minDataRate(1000),
                        readingAll());
                RawClient slow = server.connect()) {
            assertTrue(sendsBody(slow, 100, 50), "500 B/s at NORMAL");
            assertEquals("read 1000", slow.read().body());
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void readerThatTakesNothingIsClosedFromElevatedOn(Transport transport) throws Exception {
        int size = 64 * 1024 * 1024;
        try (TestServer server = TestServer.strict(
                        transport,
                        // Behind the verdict there is nothing to linger for.
                        p -> p.dataRateGrace(Duration.ofMillis(500)).lingerTimeout(Duration.ofHours(1)),
                        TestServer.handler((request, response, callback) ->
                                response.write(true, ByteBuffer.allocate(size), callback)));
                RawClient client = server.connect()) {
            client.send(RawClient.GET);
            await().until(() -> server.handled.get() == 1);
            TimeUnit.MILLISECONDS.sleep(1500); // at NORMAL it is left alone
            assertEquals(1, server.connector.getConnectedEndPoints().size());
            lever(server).set(server, 0.75, PressureLevel.ELEVATED);
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.awaitOpen(0);
            server.assertNumbersAddUp();
            // What the kernel had taken is not kept for it.
            assertThrows(SocketException.class, client::readAll);
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 100)
    void readerThatTakesEnoughIsNeverCut(Transport transport) throws Exception {
        int size = 16 * 1024 * 1024;
        try (TestServer server = TestServer.strict(
                        transport,
                        // The least grace of any level by default. A full receive window opens in large steps only.
                        p -> p.dataRateGrace(Duration.ofMillis(500)),
                        TestServer.handler((request, response, callback) ->
                                response.write(true, ByteBuffer.allocate(size), callback)));
                RawClient client = server.connect()) {
            lever(server).set(server, 0.85, PressureLevel.HIGH);
            client.send(RawClient.GET);
            long total = 0;
            byte[] buffer = new byte[256 * 1024];
            for (int i = 0; i < 30; i++) {
                TimeUnit.MILLISECONDS.sleep(100);
                int read = client.socket().getInputStream().readNBytes(buffer, 0, buffer.length);
                assertTrue(read > 0);
                total += read;
            }
            total += client.readAll().length;
            assertTrue(total > size, total + " bytes, " + server.statistics());
        }
    }

    @Test
    void applicationThatTakesItsTimeIsNeverCut() throws Exception {
        Holding holding = new Holding();
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR, p -> p.dataRateGrace(Duration.ofMillis(100)), holding.handler());
                RawClient client = server.connect()) {
            client.send("POST /hold HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
            await().until(() -> server.handled.get() == 1);
            lever(server).set(server, 0.95, PressureLevel.HIGH);
            TimeUnit.SECONDS.sleep(2); // the body isn't there, but nobody asks for it
            holding.complete();
            assertEquals("held", client.read().body());
            assertEquals(0, server.statistics().getClosed(CloseReason.DATA_RATE));
        }
    }

    // ---- Over and out

    @Test
    void requestOnAnEvictedConnectionIsNotExecuted() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.keepAliveTimeout(LONG));
                RawClient client = server.connect()) {
            client.get();
            lever(server).share = 0.95;
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
