package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Clients that go while the application thinks, on real sockets. */
class AbandonedTest {
    private static final String POLL = "GET /hold HTTP/1.1\r\nHost: test\r\n\r\n";
    private static final String POST = "POST /hold HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello";
    /** The application leaves the body of this one to Jetty. */
    private static final String UNREAD = POST.replace("/hold", "/hold?unread");

    private final BlockingQueue<Runnable> held = new LinkedBlockingQueue<>();
    private final BlockingQueue<Boolean> ends = new LinkedBlockingQueue<>();
    private TestServer server;

    private void start(double share, UnaryOperator<KeepAlivePolicy.Builder> settings) throws Exception {
        server = TestServer.strict(Transport.CLEAR, settings, TestServer.handler((request, response, callback) -> {
            if (!Request.getPathInContext(request).equals("/hold")) {
                response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
                return;
            }
            while (request.getLength() > 0 && request.getHttpURI().getQuery() == null) {
                var chunk = request.read();
                if (chunk != null && chunk.isLast()) {
                    chunk.release();
                    break;
                }
            }
            Callback told = Callback.from(
                    () -> {
                        callback.succeeded();
                        ends.add(true);
                    },
                    failure -> {
                        callback.failed(failure);
                        ends.add(false);
                    });
            held.add(() -> response.write(true, BufferUtil.toBuffer("held"), told));
        }));
        server.monitor().addPressureSource(() -> share);
    }

    @AfterEach
    void stop() throws Exception {
        server.close();
    }

    static List<String> requests() {
        return List.of(POLL, POST, UNREAD);
    }

    private Runnable hold(RawClient client, String request) throws Exception {
        client.send(request);
        Runnable completion = held.poll(20, TimeUnit.SECONDS);
        assertTrue(completion != null, "not handled");
        return completion;
    }

    @ParameterizedTest
    @MethodSource("requests")
    void aResetGivesTheDescriptorBackAtOnceAndTheApplicationFailsAtItsNextWrite(String request) throws Exception {
        start(0.71, p -> p.abandonedTimeout(Duration.ofHours(1)));
        RawClient client = server.connect();
        Runnable completion = hold(client, request);
        client.socket().setSoLinger(true, 0);
        client.close();
        server.awaitOpen(0);
        server.awaitClosed(CloseReason.ABANDONED, 1);
        completion.run();
        assertEquals(false, ends.poll(20, TimeUnit.SECONDS));
        server.assertNumbersAddUp();
    }

    @Test
    void aFinDoesSoOnceItHasLasted() throws Exception {
        start(0.71, p -> p.abandonedTimeout(Duration.ofMillis(1500)));
        RawClient client = server.connect();
        Runnable completion = hold(client, POLL);
        long before = System.nanoTime();
        client.close();
        server.awaitClosed(CloseReason.ABANDONED, 1);
        assertTrue(System.nanoTime() - before >= TimeUnit.MILLISECONDS.toNanos(1300));
        completion.run();
        assertEquals(false, ends.poll(20, TimeUnit.SECONDS));
        server.assertNumbersAddUp();
    }

    @Test
    void whoHasOnlyShutItsOutputGetsItsAnswerWithinThatTime() throws Exception {
        start(0.71, p -> p.abandonedTimeout(Duration.ofHours(1)));
        try (RawClient client = server.connect()) {
            Runnable completion = hold(client, POLL);
            client.socket().shutdownOutput();
            TimeUnit.MILLISECONDS.sleep(500); // that nothing is cut meanwhile can only be seen by waiting
            completion.run();
            assertEquals("held", client.read().body());
            client.awaitEnd();
        }
        assertEquals(0, server.statistics().getClosed(CloseReason.ABANDONED));
        server.assertNumbersAddUp();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.71})
    void belowElevatedOrSwitchedOffNobodyLooks(double share) throws Exception {
        start(share, p -> share > 0 ? p.abandonedTimeout(Duration.ZERO) : p);
        RawClient client = server.connect();
        Runnable completion = hold(client, POLL);
        client.close();
        TimeUnit.MILLISECONDS.sleep(500); // that nothing happens can only be seen by waiting
        assertEquals(1, server.statistics().getOpen());
        completion.run();
        server.awaitOpen(0);
        assertEquals(0, server.statistics().getClosed(CloseReason.ABANDONED));
        server.assertNumbersAddUp();
    }

    /** What comes behind a request is kept for Jetty, byte for byte, also where it is all that comes. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 1000})
    void whatIsReadWhileLookingIsNotLost(int first) throws Exception {
        start(0.71, p -> p);
        try (RawClient client = server.connect()) {
            for (String request : requests()) {
                Runnable completion = hold(client, request);
                String next = RawClient.GET;
                int now = Math.min(first, next.length());
                client.send(next.substring(0, now));
                TimeUnit.MILLISECONDS.sleep(300); // some looks
                completion.run();
                assertEquals("held", client.read().body());
                if (now < next.length()) {
                    TimeUnit.MILLISECONDS.sleep(50);
                    client.send(next.substring(now));
                }
                assertEquals(TestServer.HELLO, client.read().body());
            }
        }
        assertEquals(0, server.statistics().getClosed(CloseReason.ABANDONED));
        server.assertNumbersAddUp();
    }

    @Test
    void aRequestBehindAnEndThatIsLookedAtIsAnswered() throws Exception {
        start(0.95, p -> p.sampleInterval(Duration.ofMillis(1)).minDataRate(0));
        for (int i = 0; i < 200; i++) {
            try (RawClient client = server.connect()) {
                // The second one, since at HIGH the first would be told to close.
                client.send(POLL + RawClient.GET);
                Runnable completion = held.poll(20, TimeUnit.SECONDS);
                if (i % 3 > 0) {
                    TimeUnit.MICROSECONDS.sleep(500L * (i % 5));
                }
                completion.run();
                assertEquals("held", client.read().body());
            }
        }
        await().untilAsserted(() -> assertEquals(0, server.statistics().getOpen()));
        assertEquals(0, server.statistics().getClosed(CloseReason.ERROR), "" + server.statistics());
    }
}
