package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.IteratingCallback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.server.ServerGovernor;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.FrameClient.Frame;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What a close of an HTTP/2 connection leaves alone. */
class Http2CloseTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    /** A request that came before the GOAWAY may have waited for a thread. Its client would not always repeat it. */
    @Test
    void requestThatCameBeforeTheGoAwayIsExecuted() throws Exception {
        CountDownLatch hold = new CountDownLatch(1);
        try (TestServer server = TestServer.http2(
                        Transport.CLEAR,
                        KeepAlivePolicy.builder()
                                .keepAliveTimeout(LONG)
                                .maxRequestsPerConnection(1)
                                .build(),
                        TestServer.hello())
                .start()) {
            server.config.getCustomizers().add(0, (request, fields) -> {
                if (Request.getPathInContext(request).equals("/late")) {
                    try {
                        hold.await();
                    } catch (InterruptedException x) {
                        throw new IllegalStateException(x);
                    }
                }
                return request;
            });
            try (FrameClient client = server.connectHttp2()) {
                client.settings().get(1, "/").get(3, "/late");
                Frame last = client.await(FrameClient.GOAWAY);
                while (last.lastStream() == FrameClient.MOST) {
                    last = client.await(FrameClient.GOAWAY);
                }
                assertEquals(3, last.lastStream());
                Thread.sleep(100);
                hold.countDown();
                assertEquals(200, client.awaitResponse(3));
                client.rest();
                server.awaitClosed(CloseReason.MAX_REQUESTS, 1);
                server.assertNumbersAddUp();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void goAwayRunsNoCodeOfTheApplicationOnTheThreadThatCloses(Transport transport) throws Exception {
        Set<String> threads = ConcurrentHashMap.newKeySet();
        Handler stream = TestServer.handler((request, response, callback) -> {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(2500);
            new IteratingCallback() {
                @Override
                protected Action process() {
                    threads.add(Thread.currentThread().getName());
                    if (System.nanoTime() > end) {
                        return Action.SUCCEEDED;
                    }
                    response.write(false, ByteBuffer.allocate(10_000), this);
                    return Action.SCHEDULED;
                }

                @Override
                protected void onCompleteSuccess() {
                    response.write(true, BufferUtil.EMPTY_BUFFER, callback);
                }

                @Override
                protected void onCompleteFailure(Throwable x) {
                    callback.failed(x);
                }
            }.iterate();
        });
        List<FrameClient> clients = new ArrayList<>();
        try (TestServer server = TestServer.http2(
                        transport,
                        KeepAlivePolicy.builder().maxRequestsPerConnection(1).build(),
                        stream)
                .start()) {
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                FrameClient client = server.connectHttp2();
                clients.add(client);
                client.settings();
                for (int id = 1; id < 8; id += 2) {
                    client.get(id, "/");
                }
                all.add(CompletableFuture.runAsync(() -> take(client), task -> new Thread(task, "client").start()));
            }
            CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
            assertTrue(!threads.contains(ServerGovernor.CLOSER), () -> "" + threads);
        } finally {
            for (FrameClient client : clients) {
                client.close();
            }
        }
    }

    /** One that blocks when it learns of the failure must not keep others waiting. */
    @ParameterizedTest
    @EnumSource
    void endOfASlowClientRunsNoCodeOfTheApplicationOnTheThreadThatCloses(Transport transport) throws Exception {
        Set<String> threads = ConcurrentHashMap.newKeySet();
        CountDownLatch failed = new CountDownLatch(3);
        Handler download = TestServer.handler((request, response, callback) ->
                response.write(true, ByteBuffer.allocate(32 << 20), Callback.from(callback::succeeded, x -> {
                    threads.add(Thread.currentThread().getName());
                    failed.countDown();
                    try {
                        Thread.sleep(3000);
                    } catch (InterruptedException interrupted) {
                        x.addSuppressed(interrupted);
                    }
                    callback.failed(x);
                })));
        try (TestServer server = TestServer.http2(
                        transport,
                        KeepAlivePolicy.builder()
                                .dataRateGrace(Duration.ofMillis(300))
                                .lingerTimeout(Duration.ofMillis(300))
                                .build(),
                        download)
                .start()) {
            try (FrameClient client = server.connectHttp2()) {
                client.settingsWithWindow(Integer.MAX_VALUE)
                        .window(0, Integer.MAX_VALUE - 65_535)
                        .get(1, "/")
                        .get(3, "/")
                        .get(5, "/");
                new PressureLever(server).set(0.75, PressureLevel.ELEVATED);
                server.awaitClosed(CloseReason.DATA_RATE, 1);
                assertTrue(failed.await(60, TimeUnit.SECONDS));
                assertTrue(!threads.contains(ServerGovernor.CLOSER), () -> "" + threads);
            }
        }
    }

    private static void take(FrameClient client) {
        try {
            int goAways = 0;
            for (Frame frame = client.read(); frame != null && goAways < 3; frame = client.read()) {
                client.frames().clear();
                if (frame.type() == FrameClient.DATA && frame.payload().remaining() > 0) {
                    client.window(0, frame.payload().remaining())
                            .window(frame.stream(), frame.payload().remaining());
                }
            }
        } catch (IOException x) {
            // The server has closed.
        }
    }

    /** A client that takes a response slowly, and sends its frames meanwhile. */
    private static long takenAtAStop(Transport transport, KeepAlivePolicy policy) throws Exception {
        int length = 2 << 20;
        Handler download = TestServer.handler(
                (request, response, callback) -> response.write(true, ByteBuffer.allocate(length), callback));
        try (TestServer server = TestServer.http2(transport, policy, download)) {
            server.server.setStopTimeout(20_000);
            server.start();
            try (FrameClient client = server.connectHttp2()) {
                client.settingsWithWindow(Integer.MAX_VALUE)
                        .window(0, Integer.MAX_VALUE - 65_535)
                        .get(1, "/");
                Thread.sleep(300); // The kernel has all of it.
                CompletableFuture<Void> stop = CompletableFuture.runAsync(() -> {
                    try {
                        server.server.stop();
                    } catch (Exception x) {
                        throw new IllegalStateException(x);
                    }
                });
                long taken = 0;
                try {
                    for (Frame frame = client.read(); frame != null && taken < length; frame = client.read()) {
                        taken += frame.type() == FrameClient.DATA
                                ? frame.payload().remaining()
                                : 0;
                        client.window(0, Math.max(1, frame.payload().remaining()));
                        Thread.sleep(10);
                    }
                } catch (IOException x) {
                    // reset
                }
                stop.get(60, TimeUnit.SECONDS);
                return taken;
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void stopDestroysNoResponseThatItsClientStillTakes(Transport transport) throws Exception {
        assertEquals(2 << 20, takenAtAStop(transport, null), "plain");
        assertEquals(2 << 20, takenAtAStop(transport, KeepAlivePolicy.defaults()), "strict");
    }

    /** A tunnel within a stream, such as a WebSocket, holds no socket of its own. */
    @Test
    void tunnelInAStreamIsNoConnectionOfItsOwn() throws Exception {
        try (TestServer server = TestServer.http2(
                        Transport.CLEAR,
                        KeepAlivePolicy.builder().keepAliveTimeout(LONG).build(),
                        TestServer.handler(Http2CloseTest::openTunnel))
                .start()) {
            try (FrameClient client = server.connectHttp2()) {
                client.settings().connect(1, "websocket").await(FrameClient.HEADERS);
                client.connect(3, "websocket").await(FrameClient.HEADERS);
                Thread.sleep(200);
                assertEquals(1, server.statistics().getOpened());
                assertEquals(
                        0,
                        server.statistics().getUngovernedByKind().values().stream()
                                .mapToInt(Integer::intValue)
                                .sum());
            }
            server.assertNumbersAddUp();
        }
    }

    private static void openTunnel(Request request, org.eclipse.jetty.server.Response response, Callback callback) {
        Connection tunnel =
                new org.eclipse.jetty.io.AbstractConnection(
                        request.getTunnelSupport().getEndPoint(),
                        request.getConnectionMetaData().getConnector().getExecutor()) {
                    @Override
                    public void onOpen() {
                        super.onOpen();
                        fillInterested();
                    }

                    @Override
                    public void onFillable() {}
                };
        // As Jetty's WebSockets do.
        request.getConnectionMetaData().getConnector().getEventListeners().forEach(tunnel::addEventListener);
        request.setAttribute(HttpStream.UPGRADE_CONNECTION_ATTRIBUTE, tunnel);
        response.setStatus(200);
        callback.succeeded();
    }

    /** Raising the timeout acts on a connection that is open. */
    @Test
    void timeoutThatIsRaisedHoldsForOpenConnections() throws Exception {
        try (TestServer server = TestServer.http2(
                Transport.CLEAR,
                KeepAlivePolicy.builder()
                        .keepAliveTimeout(Duration.ofSeconds(1))
                        .build(),
                TestServer.hello())) {
            server.connector.setIdleTimeout(1000);
            server.start();
            try (FrameClient client = server.connectHttp2()) {
                client.settings().ask(1);
                long idleSince = System.nanoTime();
                server.factory()
                        .setPolicy(KeepAlivePolicy.builder()
                                .keepAliveTimeout(Duration.ofSeconds(4))
                                .build());
                client.await(FrameClient.GOAWAY);
                long after = RawClient.millisSince(idleSince);
                assertTrue(after >= 3900, "after " + after);
                server.awaitClosed(CloseReason.KEEP_ALIVE_TIMEOUT, 1);
            }
        }
    }
}
