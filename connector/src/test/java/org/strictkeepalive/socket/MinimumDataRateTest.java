package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.MinimumDataRateHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Jetty;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What {@code neighbours.md} says of Jetty's {@code MinimumDataRateHandler} beside {@code minDataRate}. */
@Timeout(120)
class MinimumDataRateTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final int RATE = 1_000;

    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private abstract static class Application extends Handler.Abstract {
        abstract void answer(Request request, Response response) throws Exception;

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            try {
                answer(request, response);
                callback.succeeded();
            } catch (Throwable x) {
                callback.failed(x);
            }
            return true;
        }
    }

    private Application reading() {
        return new Application() {
            @Override
            void answer(Request request, Response response) throws Exception {
                try {
                    Content.Source.asInputStream(request).readAllBytes();
                } catch (Throwable x) {
                    failure.set(x);
                    throw x;
                }
            }
        };
    }

    @BeforeAll
    static void isThere() {
        assumeFalse(Jetty.VERSION.startsWith("12.0."), "since Jetty 12.1");
    }

    private static TestServer strict(Handler application) throws Exception {
        return TestServer.strict(
                Transport.CLEAR, p -> p.minDataRate(RATE).dataRateGrace(Duration.ofSeconds(1)), application);
    }

    private static RawClient stopInTheBody(TestServer server) throws Exception {
        RawClient client = server.connect();
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n" + "x".repeat(500));
        return client;
    }

    @Test
    void jettysDoesNotNoticeAClientThatStopsToSend() throws Exception {
        try (TestServer server = TestServer.plain(Transport.CLEAR, new MinimumDataRateHandler(reading(), RATE, RATE));
                RawClient ignored = stopInTheBody(server)) {
            Thread.sleep(3_000); // that nothing is noticed can only be seen by waiting
            assertEquals(null, failure.get());
        }
    }

    @Test
    void thePolicyEndsItUnderPressure() throws Exception {
        try (TestServer server = strict(reading());
                RawClient ignored = stopInTheBody(server)) {
            await().atMost(LONG).until(() -> server.statistics().getOpen(ConnectionState.BUSY) == 1);
            server.monitor().addPressureSource(() -> 0.75);
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            await().atMost(LONG).until(() -> failure.get() != null);
        }
    }

    /** An application that seldom has something to say, as a stream of events. */
    private Application seldom(CountDownLatch quiet) {
        return new Application() {
            @Override
            void answer(Request request, Response response) throws Exception {
                try (OutputStream out = Content.Sink.asOutputStream(response)) {
                    for (int i = 0; i < 3; i++) {
                        out.write("data: 1\n\n".getBytes(StandardCharsets.US_ASCII));
                        out.flush();
                        Thread.sleep(1_500);
                    }
                } catch (Throwable x) {
                    failure.set(x);
                    throw x;
                } finally {
                    quiet.countDown();
                }
            }
        };
    }

    @Test
    void jettysFailsAnApplicationThatSeldomWrites() throws Exception {
        CountDownLatch quiet = new CountDownLatch(1);
        try (TestServer server =
                        TestServer.plain(Transport.CLEAR, new MinimumDataRateHandler(seldom(quiet), RATE, RATE));
                RawClient client = server.connect()) {
            client.send(RawClient.GET);
            quiet.await();
            assertTrue(String.valueOf(failure.get()).contains("write rate is too low"), () -> "failed with " + failure);
        }
    }

    @Test
    void thePolicyLeavesItAlone() throws Exception {
        CountDownLatch quiet = new CountDownLatch(1);
        try (TestServer server = strict(seldom(quiet));
                RawClient client = server.connect()) {
            server.monitor().addPressureSource(() -> 0.75);
            client.send(RawClient.GET);
            quiet.await();
            assertEquals(null, failure.get());
        }
    }
}
