package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.testkit.Heartbeat;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Drain and stop of a real server. */
class DrainSocketTest {
    private static String request(String path) {
        return "GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n";
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void idleConnectionsAreLeftAloneUntilTheDrainIsOver(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p)) {
            try (RawClient idle = server.connect();
                    RawClient fresh = server.connectSocket()) {
                idle.get();
                long from = System.nanoTime();
                server.monitor().drain(Duration.ofSeconds(1));
                assertTrue(server.monitor().isDraining());
                long millis = TimeUnit.NANOSECONDS.toMillis(idle.awaitEnd() - from);
                assertTrue(millis >= 995, () -> "closed after " + millis + " ms");
                idle.close();
                server.awaitClosed(CloseReason.DRAIN, 1);
                assertEquals(0, server.statistics().getRaces());
                // Whoever comes is served, once.
                try (RawClient late = server.connect()) {
                    assertTrue(late.get().saysClose());
                    late.awaitEnd();
                }
                server.awaitClosed(CloseReason.DRAIN, 2);
                assertEquals(1, server.monitor().getOpenConnections(), "one that has said nothing yet");
                server.monitor().resume();
                assertFalse(server.monitor().isDraining());
                try (RawClient kept = server.connect()) {
                    assertFalse(kept.get().saysClose());
                    assertFalse(kept.get().saysClose());
                }
                fresh.close();
            }
            server.awaitOpen(0);
            server.assertNumbersAddUp();
        }
    }

    @Test
    @Paced(stallMs = 500)
    void inTheMiddleOfADrainSomeResponsesSayClose() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p)) {
            server.monitor().drain(Duration.ofSeconds(3));
            int kept = 0;
            int closed = 0;
            RawClient client = server.connect();
            // The longest way from no close to nothing but closes.
            while (closed < 20) {
                if (client.get().saysClose()) {
                    closed++;
                    client.awaitEnd();
                    client.close();
                    client = server.connect();
                } else {
                    kept++;
                    TimeUnit.MILLISECONDS.sleep(10);
                }
            }
            client.close();
            assertTrue(kept > 0);
        }
    }

    @Test
    void aDrainEndsWithARestart() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p)) {
            server.monitor().drain(Duration.ZERO);
            server.server.stop();
            server.server.start();
            assertFalse(server.monitor().isDraining());
            try (RawClient client = server.connect()) {
                assertFalse(client.get().saysClose());
            }
        }
    }

    @Test
    void aDrainWithoutATimeIsRefused() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p)) {
            String message = assertThrows(
                            IllegalArgumentException.class,
                            () -> server.monitor().drain(null))
                    .getMessage();
            assertEquals("spread: null (expected: 0 to 3650 days)", message);
            assertThrows(IllegalArgumentException.class, () -> server.monitor().drain(Duration.ofMillis(-1)));
            assertThrows(IllegalArgumentException.class, () -> server.monitor().drain(Duration.ofDays(3651)));
            assertFalse(server.monitor().isDraining());
            server.monitor().resume(); // does nothing
        }
    }

    // ---- Stop

    private static final CompletableFuture<Void> NO_STOP = CompletableFuture.completedFuture(null);

    private static CompletableFuture<Void> stop(TestServer server) {
        return CompletableFuture.runAsync(() -> {
            try {
                server.server.stop();
            } catch (Exception x) {
                throw new IllegalStateException(x);
            }
        });
    }

    /** {@code /upload} answers the body, {@code /begun} has begun to answer when it waits for the latch. */
    private static Handler busy(CountDownLatch latch) {
        return TestServer.handler((request, response, callback) -> {
            switch (Request.getPathInContext(request)) {
                case "/upload" ->
                    Content.Source.asString(
                            request,
                            StandardCharsets.US_ASCII,
                            Promise.from(
                                    body -> response.write(
                                            true, BufferUtil.toBuffer(body, StandardCharsets.US_ASCII), callback),
                                    callback::failed));
                case "/begun" ->
                    response.write(
                            false,
                            ByteBuffer.wrap(new byte[] {'a'}),
                            Callback.from(() -> new Thread(() -> {
                                        try {
                                            latch.await();
                                        } catch (InterruptedException x) {
                                            Thread.currentThread().interrupt();
                                        }
                                        response.write(true, ByteBuffer.wrap(new byte[] {'b'}), callback);
                                    })
                                    .start()));
                default ->
                    response.write(true, BufferUtil.toBuffer(TestServer.HELLO, StandardCharsets.US_ASCII), callback);
            }
        });
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void aStopEndsTheIdleAsJettyDoesAndLetsTheBusyFinish(Transport transport) throws Exception {
        CountDownLatch latch = new CountDownLatch(1);
        CompletableFuture<Void> stopped = NO_STOP;
        try (TestServer server = TestServer.strict(transport, p -> p, busy(latch));
                RawClient idle = server.connect();
                RawClient silent = server.connectSocket();
                RawClient upload = server.connect();
                RawClient begun = server.connect()) {
            server.server.setStopTimeout(60_000);
            server.connector.setIdleTimeout(60_000);
            server.connector.setShutdownIdleTimeout(5_000);
            idle.get();
            upload.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab");
            begun.send(request("/begun"));
            await().until(() -> server.handled.get() == 3);
            await().until(() -> server.monitor().getOpenConnections() == 4);
            stopped = stop(server);
            await().until(server.connector::isShutdown);
            // Within Jetty's shutdownIdleTimeout.
            upload.send("cd");
            RawClient.Answer answer = upload.read();
            assertEquals("abcd", answer.body());
            assertTrue(answer.saysClose());
            idle.awaitEnd();
            idle.close();
            silent.awaitEnd();
            silent.close();
            // What the application itself takes is not limited by it.
            TimeUnit.MILLISECONDS.sleep(1000);
            assertFalse(stopped.isDone());
            latch.countDown();
            assertEquals("ab", begun.read().body());
            upload.awaitEnd();
            begun.awaitEnd();
            upload.close();
            begun.close();
            stopped.get(60, TimeUnit.SECONDS);
            assertEquals(4, server.statistics().getClosed(CloseReason.STOP), () -> "" + server.statistics());
            assertEquals(0, server.statistics().getClosed(CloseReason.ERROR));
            assertEquals(5_000, server.connector.getShutdownIdleTimeout(), "as it was found");
            server.assertNumbersAddUp();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void anIdleConnectionMayCarryOneMoreRequestAtAStop(Transport transport) throws Exception {
        CompletableFuture<Void> stopped = NO_STOP;
        try (TestServer server = TestServer.strict(transport, p -> p);
                RawClient client = server.connect()) {
            server.server.setStopTimeout(60_000);
            server.connector.setShutdownIdleTimeout(30_000);
            client.get();
            stopped = stop(server);
            await().until(server.connector::isShutdown);
            assertTrue(client.get().saysClose());
            client.awaitEnd();
            client.close();
            stopped.get(20, TimeUnit.SECONDS);
            assertEquals(1, server.statistics().getClosed(CloseReason.STOP));
            server.assertNumbersAddUp();
        }
    }

    @Test
    void aStopDoesNotWaitForTheNextTick() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.sampleInterval(Duration.ofSeconds(10)).lingerTimeout(Duration.ofMillis(100)));
                RawClient idle = server.connect()) {
            server.server.setStopTimeout(60_000);
            idle.get();
            long from = System.nanoTime();
            CompletableFuture<Void> stopped = stop(server);
            long millis = TimeUnit.NANOSECONDS.toMillis(idle.awaitEnd() - from);
            assertTrue(millis < 5000 + Heartbeat.allowanceSince(from), () -> "closed after " + millis + " ms");
            idle.close();
            stopped.get(60, TimeUnit.SECONDS);
            assertNull(stopped.get());
        }
    }
}
