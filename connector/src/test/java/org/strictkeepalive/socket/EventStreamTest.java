package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatusHandler;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.micrometer.KeepAliveMetrics;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.OperatorLines;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Server-sent events: counted, and never cut for what their client doesn't take. */
class EventStreamTest {
    private static final String EVENT = "data: 1\n\n";
    /** More than a socket takes from a client that doesn't read. */
    private static final int MUCH = 32 * 1024 * 1024;

    /** Ends the streams. */
    private final List<Runnable> ends = new CopyOnWriteArrayList<>();

    private Handler application() {
        KeepAliveStatusHandler status = new KeepAliveStatusHandler();
        return new Handler.Wrapper(status) {
            @Override
            public boolean handle(Request request, org.eclipse.jetty.server.Response response, Callback callback)
                    throws Exception {
                switch (Request.getPathInContext(request)) {
                    case "/status" -> {
                        return super.handle(request, response, callback);
                    }
                    case "/events" -> {
                        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream;charset=utf-8");
                        response.write(false, BufferUtil.toBuffer(EVENT), Callback.NOOP);
                        ends.add(() -> response.write(true, BufferUtil.toBuffer(EVENT), callback));
                    }
                    case "/many-events" -> {
                        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream");
                        response.write(false, ByteBuffer.allocate(MUCH), Callback.from(() -> {}, callback::failed));
                    }
                    case "/much" ->
                        response.write(false, ByteBuffer.allocate(MUCH), Callback.from(() -> {}, callback::failed));
                    default -> response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
                }
                return true;
            }
        };
    }

    private TestServer start(Transport transport) throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .dataRateGrace(Duration.ofMillis(300))
                .minKeepAliveTimeout(Duration.ofMillis(100))
                .build();
        return TestServer.http2(transport, policy, application()).start();
    }

    private static RawClient send(RawClient client, String path) throws IOException {
        return client.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    }

    /** Reads up to the first event. */
    private static void readEvent(RawClient client) throws IOException {
        StringBuilder read = new StringBuilder();
        while (read.indexOf(EVENT) < 0) {
            int next = client.socket().getInputStream().read();
            assertTrue(next >= 0, read::toString);
            read.append((char) next);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theyAreCountedInBothProtocols(Transport transport) throws Exception {
        try (TestServer server = start(transport);
                RawClient first = server.connect();
                RawClient later = server.connect();
                FrameClient http2 = server.connectHttp2();
                RawClient other = server.connect()) {
            SimpleMeterRegistry registry = new SimpleMeterRegistry();
            new KeepAliveMetrics(server.monitor()).bindTo(registry);
            readEvent(send(first, "/events"));
            // An exchange that nobody watches: a further one on its connection, which asks for nothing special.
            for (int i = 0; i < 5; i++) {
                later.get();
            }
            readEvent(send(later, "/events"));
            http2.settings().ask(1).get(3, "/events").get(5, "/events");
            while (http2.await(FrameClient.DATA).stream() != 5) {
                // The others come first.
            }
            assertEquals(3, server.statistics().getEventStreams());
            assertEquals(3, server.statistics().getOpen(ConnectionState.BUSY));
            assertEquals(
                    3, registry.get("jetty.keepalive.event.streams").gauge().value());
            String status = send(other, "/status").read().body();
            assertTrue(status.matches("(?s).*\"eventStreams\" ?: ?3\\b.*"), status);
            ends.forEach(Runnable::run);
            http2.awaitResponse(5);
            await().until(() -> server.statistics().getEventStreams() == 0);
            later.close();
            first.close();
            http2.close();
            other.close();
            server.assertNumbersAddUp();
        }
    }

    @Test
    void theWarnOfARiseTellsHowMany() throws Exception {
        try (TestServer server = start(Transport.CLEAR);
                RawClient client = server.connect();
                FrameClient http2 = server.connectHttp2()) {
            readEvent(send(client, "/events"));
            http2.settings().get(1, "/events").await(FrameClient.DATA);
            String log = OperatorLines.captured(() -> new PressureLever(server).set(0.75, PressureLevel.ELEVATED));
            assertEquals(1, OperatorLines.count(log, " eventStreams=2"), log);
        }
    }

    @ParameterizedTest
    @EnumSource
    void oneWhoseClientTakesNothingIsNotCutBesideOneThatIs(Transport transport) throws Exception {
        try (TestServer server = start(transport);
                RawClient events1 = server.connect();
                RawClient much1 = server.connect();
                FrameClient events2 = server.connectHttp2();
                FrameClient much2 = server.connectHttp2()) {
            events1.get();
            send(events1, "/many-events");
            send(much1, "/much");
            events2.settingsWithoutWindow().get(1, "/many-events");
            much2.settingsWithoutWindow().get(1, "/much");
            await().until(() -> server.statistics().getOpen(ConnectionState.BUSY) == 4);
            await().until(() -> server.statistics().getEventStreams() == 2);
            PressureLever lever = new PressureLever(server);
            lever.set(0.75, PressureLevel.ELEVATED);
            server.awaitClosed(CloseReason.DATA_RATE, 2);
            lever.set(0.95, PressureLevel.HIGH);
            Thread.sleep(3000);
            assertEquals(2, server.statistics().getEventStreams());
            assertEquals(2, server.statistics().getOpen());
            assertEquals(2, server.statistics().getClosed());
        }
    }

    @Test
    void oneThatSaysNothingIsNotEvicted() throws Exception {
        try (TestServer server = start(Transport.CLEAR);
                RawClient client = server.connect();
                FrameClient http2 = server.connectHttp2()) {
            readEvent(send(client, "/events"));
            http2.settings().get(1, "/events").await(FrameClient.DATA);
            new PressureLever(server).set(1, PressureLevel.HIGH);
            Thread.sleep(2000);
            ends.forEach(Runnable::run);
            assertTrue(new String(client.readAll(), StandardCharsets.ISO_8859_1).contains(EVENT));
            http2.awaitResponse(1);
        }
    }
}
