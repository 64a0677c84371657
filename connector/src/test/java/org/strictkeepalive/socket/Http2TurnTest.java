package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.FrameClient.Frame;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/**
 * Under pressure a connection of HTTP/2 is ended if its client moves too few bytes, and only while it is the client's
 * turn.
 */
class Http2TurnTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final Duration GRACE = Duration.ofMillis(500);
    private static final int MORE_THAN_BUFFERS = 32 << 20;

    private static TestServer strict(
            Transport transport, UnaryOperator<KeepAlivePolicy.Builder> settings, Handler handler) {
        KeepAlivePolicy.Builder builder =
                KeepAlivePolicy.builder().keepAliveTimeout(LONG).dataRateGrace(GRACE);
        return TestServer.http2(transport, settings.apply(builder).build(), handler);
    }

    private static TestServer strict(Transport transport, Handler handler) throws Exception {
        return strict(transport, p -> p, handler).start();
    }

    private static void elevated(TestServer server) {
        new PressureLever(server).set(0.75, PressureLevel.ELEVATED);
    }

    private static void when(CompletableFuture<Void> future, Runnable action) {
        var unused = future.thenRun(action);
    }

    /** Waits for three times the grace, in which the policy looks often. */
    private static void pause() throws InterruptedException {
        Thread.sleep(3 * GRACE.toMillis());
    }

    private static void assertUncut(TestServer server) {
        assertEquals(1, server.statistics().getOpen(ConnectionState.BUSY), () -> "" + server.statistics());
    }

    /** Events that come seldom: the time before one is the application's, whatever it has written before. */
    @ParameterizedTest
    @EnumSource
    void pauseOfTheApplicationIsNotHeldAgainstItsClient(Transport transport) throws Exception {
        CompletableFuture<Void> event = new CompletableFuture<>();
        Handler events = TestServer.handler((request, response, callback) -> response.write(
                false,
                BufferUtil.toBuffer("begin"),
                Callback.from(
                        () -> when(event, () -> response.write(true, ByteBuffer.allocate(150), callback)),
                        callback::failed)));
        try (TestServer server = strict(transport, events);
                FrameClient client = server.connectHttp2()) {
            client.settingsWithWindow(100).get(1, "/").await(FrameClient.DATA);
            elevated(server);
            pause();
            event.complete(null);
            Frame first = client.await(FrameClient.DATA); // The window is used up.
            assertTrue(first.payload().remaining() < 150);
            Thread.sleep(GRACE.toMillis() / 2); // a round trip
            assertUncut(server);
            client.window(1, 1000);
            assertTrue(client.await(FrameClient.DATA).isLast());
        }
    }

    @Test
    void headersThatAreSentAheadLeaveTheTurnToTheApplication() throws Exception {
        CompletableFuture<Void> hold = new CompletableFuture<>();
        Handler slow = TestServer.handler((request, response, callback) -> response.write(
                false,
                null,
                Callback.from(
                        () -> when(hold, () -> response.write(true, BufferUtil.toBuffer("late"), callback)),
                        callback::failed)));
        try (TestServer server = strict(Transport.CLEAR, slow);
                FrameClient client = server.connectHttp2()) {
            client.settingsWithoutWindow().get(1, "/").await(FrameClient.HEADERS);
            elevated(server);
            pause();
            assertUncut(server);
            hold.complete(null);
            client.window(1, 1000);
            assertTrue(client.await(FrameClient.DATA).isLast());
        }
    }

    @ParameterizedTest
    @EnumSource
    void bytesThatTheApplicationHasNotReadAreNotAwaited(Transport transport) throws Exception {
        CompletableFuture<Void> hold = new CompletableFuture<>();
        Handler slow = TestServer.handler((request, response, callback) -> {
            request.demand(() -> when(hold, () -> TestServer.readAll(request, response, callback)));
        });
        try (TestServer server = strict(transport, slow);
                FrameClient client = server.connectHttp2()) {
            client.settings().post(1, "/");
            await().until(() -> server.handled.get() == 1);
            elevated(server);
            client.data(1, 1000, true);
            pause();
            assertUncut(server);
            hold.complete(null);
            assertEquals(200, client.awaitResponse(1));
        }
    }

    /** As above, after a read that has found nothing. */
    @Test
    void bytesThatComeBehindAReadAreNotAwaited() throws Exception {
        CompletableFuture<Void> hold = new CompletableFuture<>();
        Handler slow = TestServer.handler((request, response, callback) -> {
            if (request.read() == null) {
                request.demand(() -> when(hold, () -> TestServer.readAll(request, response, callback)));
            }
        });
        try (TestServer server = strict(Transport.CLEAR, slow);
                FrameClient client = server.connectHttp2()) {
            client.settings().post(1, "/");
            await().until(() -> server.handled.get() == 1);
            client.data(1, 1000, false);
            elevated(server);
            pause();
            assertUncut(server);
            client.data(1, 1000, true);
            hold.complete(null);
            assertEquals(200, client.awaitResponse(1));
        }
    }

    /** A client may grant a window of any size, and read nothing. */
    @ParameterizedTest
    @EnumSource
    void clientThatReadsNothingIsEndedWhateverItsWindow(Transport transport) throws Exception {
        Handler download = TestServer.handler((request, response, callback) ->
                response.write(true, ByteBuffer.allocate(MORE_THAN_BUFFERS), callback));
        try (TestServer server = strict(transport, download);
                FrameClient client = server.connectHttp2()) {
            client.settingsWithWindow(Integer.MAX_VALUE)
                    .window(0, Integer.MAX_VALUE - 65_535)
                    .get(1, "/");
            await().until(() -> server.handled.get() == 1);
            elevated(server);
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.assertNumbersAddUp();
        }
    }

    /** Jetty itself answers a bad request. That its client doesn't take the answer keeps no connection. */
    @ParameterizedTest
    @EnumSource
    void answerOfJettysOwnHoldsNoConnection(Transport transport) throws Exception {
        try (TestServer server = strict(transport, TestServer.hello());
                FrameClient alone = server.connectHttp2();
                FrameClient beside = server.connectHttp2()) {
            alone.settingsWithoutWindow().getExpecting(1, "wonders").await(FrameClient.HEADERS);
            beside.settingsWithoutWindow().get(1, "/").getExpecting(3, "wonders");
            beside.await(FrameClient.HEADERS);
            beside.await(FrameClient.HEADERS);
            elevated(server);
            server.awaitClosed(CloseReason.DATA_RATE, 2);
            server.assertNumbersAddUp();
        }
    }
}
