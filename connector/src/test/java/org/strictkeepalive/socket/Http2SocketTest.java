package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.FrameClient.Frame;
import org.strictkeepalive.testkit.Heartbeat;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** HTTP/2 connections that the policy governs, with a client that sends single frames. */
class Http2SocketTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    private static TestServer strict(Transport transport, UnaryOperator<KeepAlivePolicy.Builder> settings)
            throws Exception {
        return strict(transport, settings, TestServer.hello());
    }

    private static TestServer strict(
            Transport transport, UnaryOperator<KeepAlivePolicy.Builder> settings, Handler handler) throws Exception {
        KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder().keepAliveTimeout(LONG);
        return TestServer.http2(transport, settings.apply(builder).build(), handler)
                .start();
    }

    /** A handler that answers when the future is complete. */
    private static Handler holding(CompletableFuture<Void> hold) {
        return TestServer.handler((request, response, callback) -> {
            var unused = hold.thenRun(() -> response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback));
        });
    }

    @ParameterizedTest
    @EnumSource
    void idleConnectionGetsAGoAwayAtItsTimeoutWhateverItPings(Transport transport) throws Exception {
        try (TestServer server = strict(transport, p -> p.keepAliveTimeout(Duration.ofMillis(1500)));
                FrameClient client = server.connectHttp2()) {
            client.settings().ask(1).ask(3);
            long idleSince = System.nanoTime();
            CompletableFuture<Void> pings = CompletableFuture.runAsync(() -> {
                try {
                    while (true) {
                        client.ping();
                        Thread.sleep(20);
                    }
                } catch (IOException | InterruptedException x) {
                    // The server has closed.
                }
            });
            Frame goAway = client.await(FrameClient.GOAWAY);
            long after = RawClient.millisSince(idleSince);
            assertEquals(3, goAway.lastStream());
            assertEquals(0, goAway.error());
            assertTrue(after >= 1400, "not before its time: " + after);
            assertTrue(after < 1500 + 500 + Heartbeat.allowanceSince(idleSince), "not long after: " + after);
            client.rest();
            pings.join();
            server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
            server.assertNumbersAddUp();
            assertEquals(1, server.statistics().getOpened());
            assertEquals(2, server.statistics().getRequests());
        }
    }

    @ParameterizedTest
    @EnumSource
    void connectionWithoutAStreamGetsAGoAway(Transport transport) throws Exception {
        try (TestServer server = strict(transport, p -> p.firstRequestTimeout(Duration.ofMillis(500)));
                FrameClient client = server.connectHttp2()) {
            client.settings();
            Frame goAway = client.await(FrameClient.GOAWAY);
            assertEquals(0, goAway.lastStream());
            client.rest();
            server.awaitClosed(CloseReason.FIRST_REQUEST_TIMEOUT, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void headersThatStopInTheMiddleKeepNoConnection() throws Exception {
        try (TestServer server = strict(
                        Transport.CLEAR,
                        p -> p.keepAliveTimeout(Duration.ofMillis(500)).firstRequestTimeout(Duration.ofMillis(500)));
                FrameClient first = server.connectHttp2();
                FrameClient later = server.connectHttp2()) {
            first.settings().halfHeaders(1);
            later.settings().ask(1).halfHeaders(3);
            first.await(FrameClient.GOAWAY);
            later.await(FrameClient.GOAWAY);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void keepAliveTimeoutMayBeLongerThanTheConnectorsIdleTimeout() throws Exception {
        KeepAlivePolicy.Builder policy = KeepAlivePolicy.builder().keepAliveTimeout(Duration.ofMillis(2500));
        assertLasts(policy.build(), 2400);
    }

    /** One limit that is off leaves the other one on. */
    @Test
    void keepAliveTimeoutHoldsAlsoWithoutAFirstRequestTimeout() throws Exception {
        KeepAlivePolicy.Builder policy = KeepAlivePolicy.builder().keepAliveTimeout(Duration.ofSeconds(3));
        assertLasts(policy.firstRequestTimeout(Duration.ZERO).build(), 2900);
    }

    /** The connector's own idle timeout is half a second. */
    private static void assertLasts(KeepAlivePolicy policy, long leastMillis) throws Exception {
        try (TestServer server = TestServer.http2(Transport.CLEAR, policy, TestServer.hello())) {
            server.connector.setIdleTimeout(500);
            server.start();
            try (FrameClient client = server.connectHttp2()) {
                client.settings().ask(1);
                long idleSince = System.nanoTime();
                client.await(FrameClient.GOAWAY);
                long after = RawClient.millisSince(idleSince);
                assertTrue(after >= leastMillis, "after " + after);
                server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void connectionInUseIsToldBeforeItsLastStreamsAndFinishesThem(Transport transport) throws Exception {
        try (TestServer server = strict(transport, p -> p.maxRequestsPerConnection(3));
                FrameClient client = server.connectHttp2()) {
            client.settings().ask(1).ask(3).ask(5);
            Frame first = client.await(FrameClient.GOAWAY);
            assertEquals(FrameClient.MOST, first.lastStream());
            assertEquals(0, first.error());
            client.ask(7); // It was sent before the client knew.
            Frame second = client.await(FrameClient.GOAWAY);
            assertEquals(7, second.lastStream());
            assertEquals(0, second.error());
            client.rest();
            server.awaitClosed(CloseReason.MAX_REQUESTS, 1);
            server.assertNumbersAddUp();
            assertEquals(4, server.handled.get());
        }
    }

    @Test
    void streamsInProgressFinishBehindTheGoAway() throws Exception {
        CompletableFuture<Void> hold = new CompletableFuture<>();
        Handler handler = holding(hold);
        try (TestServer server = strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(1), handler);
                FrameClient client = server.connectHttp2()) {
            client.settings().get(1, "/");
            assertEquals(FrameClient.MOST, client.await(FrameClient.GOAWAY).lastStream());
            assertEquals(1, client.await(FrameClient.GOAWAY).lastStream());
            client.get(3, "/"); // refused
            Thread.sleep(200);
            hold.complete(null);
            assertEquals(200, client.awaitResponse(1));
            client.rest();
            server.awaitClosed(CloseReason.MAX_REQUESTS, 1);
            server.assertNumbersAddUp();
            assertEquals(1, server.handled.get());
        }
    }

    @Test
    void drainTellsConnectionsInUseAndEndsIdleOnes() throws Exception {
        try (TestServer server = strict(Transport.CLEAR, p -> p);
                FrameClient used = server.connectHttp2();
                FrameClient idle = server.connectHttp2()) {
            used.settings().ask(1);
            idle.settings().ask(1);
            server.monitor().drain(Duration.ofMillis(1500));
            long end = System.nanoTime() + 60_000_000_000L;
            int stream = 1;
            List<Frame> goAways = List.of();
            while (goAways.isEmpty() && System.nanoTime() < end) {
                stream += 2;
                used.get(stream, "/");
                goAways = readResponse(used, stream);
                Thread.sleep(10); // Each response is followed by a PING, and Jetty allows 128 a second.
            }
            // A machine that stands still until the drain is over sends the second one only.
            Frame last =
                    goAways.get(0).lastStream() == FrameClient.MOST ? used.await(FrameClient.GOAWAY) : goAways.get(0);
            assertEquals(stream, last.lastStream());
            assertEquals(1, idle.await(FrameClient.GOAWAY).lastStream());
            server.awaitClosed(CloseReason.DRAIN, 2);
            server.assertNumbersAddUp();
        }
    }

    /** Reads up to the end of a response and, with a PING, what follows at once. Returns the GOAWAYs. */
    private static List<Frame> readResponse(FrameClient client, int stream) throws IOException {
        List<Frame> goAways = new ArrayList<>();
        boolean over = false;
        for (Frame frame = client.read(); frame != null; frame = client.read()) {
            if (frame.type() == FrameClient.GOAWAY) {
                goAways.add(frame);
            }
            if (frame.stream() == stream && frame.isLast()) {
                over = true;
                client.ping();
            }
            if (over && frame.type() == FrameClient.PING) {
                return goAways;
            }
        }
        return goAways;
    }

    @ParameterizedTest
    @EnumSource
    void pressureEvictsHttp1AndHttp2InOneOrder(Transport transport) throws Exception {
        try (TestServer server = strict(transport, p -> p.minKeepAliveTimeout(LONG));
                FrameClient reused2 = server.connectHttp2();
                RawClient reused1 = server.connect();
                FrameClient once2 = server.connectHttp2();
                RawClient once1 = server.connect()) {
            PressureLever lever = new PressureLever(server);
            once2.settings().ask(1);
            once1.get();
            reused2.settings().ask(1).ask(3);
            reused1.get();
            reused1.get();
            Thread.sleep(400);
            // Two of four have to go: those that have carried one request.
            lever.set(0.96, PressureLevel.HIGH);
            assertEquals(1, once2.await(FrameClient.GOAWAY).lastStream());
            once1.awaitEnd();
            lever.set(0, PressureLevel.NORMAL);
            reused2.ask(5);
            reused1.get();
            server.awaitClosed(CloseReason.EVICTED, 2);
            assertEquals(2, server.statistics().getOpen());
        }
    }

    @Test
    void evictedConnectionIsClosedAlthoughItsClientDoesNotReact() throws Exception {
        try (TestServer server = strict(Transport.CLEAR, p -> p.minKeepAliveTimeout(LONG));
                FrameClient client = server.connectHttp2()) {
            client.settings().ask(1);
            new PressureLever(server).set(1, PressureLevel.HIGH);
            assertEquals(
                    List.of(1), client.goAways().stream().map(Frame::lastStream).toList());
            server.awaitClosed(CloseReason.EVICTED, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void whatIsInProgressIsNotEvicted() throws Exception {
        CompletableFuture<Void> hold = new CompletableFuture<>();
        Handler handler = holding(hold);
        try (TestServer server = strict(
                        Transport.CLEAR,
                        p -> p.minKeepAliveTimeout(Duration.ofMillis(100)).dataRateGrace(Duration.ofMillis(100)),
                        handler);
                FrameClient client = server.connectHttp2()) {
            client.settingsWithoutWindow().get(1, "/");
            await().until(() -> server.statistics().getOpen(ConnectionState.BUSY) == 1);
            new PressureLever(server).set(1, PressureLevel.HIGH);
            Thread.sleep(3000);
            assertEquals(1, server.statistics().getOpen(ConnectionState.BUSY), "the application has the move");
            hold.complete(null);
            // Now the client has the move, and takes nothing.
            assertEquals(
                    FrameClient.ENHANCE_YOUR_CALM,
                    client.await(FrameClient.GOAWAY).error());
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void uploadThatStallsIsEndedUnderPressureWhateverItPings() throws Exception {
        try (TestServer server = strict(
                        Transport.CLEAR,
                        p -> p.dataRateGrace(Duration.ofMillis(300)),
                        TestServer.handler(TestServer::readAll));
                FrameClient client = server.connectHttp2()) {
            client.settings().post(1, "/").data(1, 100, false);
            await().until(() -> server.statistics().getOpen(ConnectionState.BUSY) == 1);
            PressureLever lever = new PressureLever(server);
            for (int i = 0; i < 40; i++) {
                client.ping().ping();
                Thread.sleep(20);
            }
            assertEquals(0, server.statistics().getClosed());
            lever.set(0.75, PressureLevel.ELEVATED);
            var unused = CompletableFuture.runAsync(() -> {
                try {
                    while (true) {
                        client.ping().ping();
                        Thread.sleep(20);
                    }
                } catch (IOException | InterruptedException x) {
                    // The server has closed.
                }
            });
            assertEquals(
                    FrameClient.ENHANCE_YOUR_CALM,
                    client.await(FrameClient.GOAWAY).error());
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void uploadInProgressIsLeftAloneUnderPressure() throws Exception {
        try (TestServer server = strict(
                        Transport.CLEAR,
                        p -> p.dataRateGrace(Duration.ofMillis(300)),
                        TestServer.handler(TestServer::readAll));
                FrameClient client = server.connectHttp2()) {
            new PressureLever(server).set(0.75, PressureLevel.ELEVATED);
            client.settings().post(1, "/");
            for (int i = 0; i < 30; i++) {
                client.data(1, 200, i == 29);
                Thread.sleep(100);
            }
            assertEquals(200, client.awaitResponse(1));
        }
    }

    @Test
    void streamThatTheClientResetsLeavesItsConnectionIdle() throws Exception {
        Handler never = TestServer.handler((request, response, callback) -> {});
        try (TestServer server = strict(Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofMillis(500)), never);
                FrameClient client = server.connectHttp2()) {
            client.settings().get(1, "/");
            await().until(() -> server.statistics().getOpen(ConnectionState.BUSY) == 1);
            client.cancel(1);
            client.await(FrameClient.GOAWAY);
            client.rest();
            server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void connectionOfHttp1ThatMadePlaceForHttp2IsForgotten() throws Exception {
        List<WeakReference<Connection>> opened = new CopyOnWriteArrayList<>();
        try (TestServer server = TestServer.http2(
                Transport.CLEAR,
                KeepAlivePolicy.builder().keepAliveTimeout(LONG).build(),
                TestServer.hello())) {
            server.connector.addEventListener(new Connection.Listener() {
                @Override
                public void onOpened(Connection connection) {
                    opened.add(new WeakReference<>(connection));
                }
            });
            server.start();
            try (FrameClient client = server.connectHttp2()) {
                client.settings().ask(1);
                assertEquals(2, opened.size());
                await().until(() -> {
                    System.gc();
                    return opened.get(0).get() == null;
                });
                client.ask(3);
            }
        }
    }

    @Test
    void upgradedConnectionStaysOne() throws Exception {
        try (TestServer server = strict(Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofMillis(800)));
                RawClient client = server.connect()) {
            client.send(String.join(
                    "\r\n",
                    "GET / HTTP/1.1",
                    "Host: test",
                    "Connection: Upgrade, HTTP2-Settings",
                    "Upgrade: h2c",
                    "HTTP2-Settings: ",
                    "",
                    ""));
            await().until(() -> server.statistics().getRequests() == 1);
            client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0");
            assertEquals(1, server.statistics().getOpened());
            assertEquals(1, server.statistics().getOpen());
            server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
            server.assertNumbersAddUp();
            assertEquals(1, server.statistics().getOpened());
            assertEquals(1, server.handled.get());
        }
    }

    @ParameterizedTest
    @EnumSource
    void stopEndsIdleConnectionsAndTakesNoLongerThanPlain(Transport transport) throws Exception {
        for (KeepAlivePolicy policy :
                new KeepAlivePolicy[] {null, KeepAlivePolicy.builder().build()}) {
            try (TestServer server = TestServer.http2(transport, policy, TestServer.hello())) {
                server.server.setStopTimeout(20_000);
                server.start();
                try (FrameClient client = server.connectHttp2()) {
                    client.settings().ask(1);
                    long before = System.nanoTime();
                    server.server.stop();
                    long millis = RawClient.millisSince(before);
                    assertTrue(millis < 5000 + Heartbeat.allowanceSince(before), policy + " took " + millis);
                    List<Frame> goAways = client.goAways();
                    assertEquals(0, goAways.get(0).error());
                }
            }
        }
    }

    @Test
    void allLimitsOffChangeNothing() throws Exception {
        try (TestServer server = TestServer.http2(Transport.CLEAR, TestServer.OFF, TestServer.hello())
                        .start();
                FrameClient client = server.connectHttp2()) {
            client.settings().ask(1).ask(3);
            Thread.sleep(1500);
            assertEquals(1, server.statistics().getOpen(ConnectionState.IDLE));
            client.ask(5);
            assertEquals(
                    server.connector.getIdleTimeout(),
                    server.connector.getConnectedEndPoints().iterator().next().getIdleTimeout());
        }
    }
}
