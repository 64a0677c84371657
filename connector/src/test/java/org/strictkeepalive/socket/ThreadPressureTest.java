package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.OperatorLines;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.SmallServer;
import org.strictkeepalive.testkit.Transport;

/** Slow clients hold all threads of a server that has plenty of descriptors. */
@Timeout(120)
class ThreadPressureTest {
    private static final int THREADS = SmallServer.THREADS;
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final String SLOW_POST = "POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nabc";

    /** More slow clients than threads. */
    private static void slowPosts(SmallServer small) throws Exception {
        List<RawClient> slow = new ArrayList<>();
        for (int i = 0; i < 2 * THREADS; i++) {
            slow.add(small.connect());
        }
        for (RawClient client : slow) {
            client.send(SLOW_POST);
        }
        await().atMost(LONG).until(() -> small.blocked.get() >= THREADS / 2);
    }

    private static RawClient.Answer visit(SmallServer small, int patience) throws IOException {
        RawClient visitor = small.connect();
        visitor.socket().setSoTimeout(patience);
        return visitor.get();
    }

    private static KeepAlivePolicy defaults() {
        return KeepAlivePolicy.builder().build();
    }

    @Test
    void plainJettyServesNobody() throws Exception {
        try (SmallServer small = new SmallServer(Transport.CLEAR, null, false)) {
            slowPosts(small);
            assertThrows(SocketTimeoutException.class, () -> visit(small, 8_000));
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void theirThreadsAreFreedAndIdleConnectionsStay(Transport transport) throws Exception {
        try (SmallServer small = new SmallServer(transport, defaults(), false)) {
            List<RawClient> idle = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                RawClient client = small.connect();
                client.get();
                idle.add(client);
            }
            String log = OperatorLines.captured(() -> {
                slowPosts(small);
                await().atMost(LONG).until(() -> small.monitor().getLevel().isAtLeast(PressureLevel.HIGH));
                assertTrue(small.monitor().getThreadPressure() > 0.5);
                assertEquals(200, visit(small, 60_000).status());
            });
            assertTrue(log.contains("Thread pressure"), log);
            assertTrue(log.contains("clientBody="), log);
            // The first response on each of them has not said close, and none was evicted.
            for (RawClient client : idle) {
                assertEquals(200, client.get().status());
            }
            await().atMost(LONG).until(() -> small.monitor().getStatistics().getClosed(CloseReason.DATA_RATE) > 0);
            assertEquals(0, small.monitor().getStatistics().getClosed(CloseReason.EVICTED));
            assertEquals(0, small.monitor().getStatistics().getClosed(CloseReason.PRESSURE));
            await().atMost(LONG).until(() -> small.monitor().getLevel() == PressureLevel.NORMAL);
        }
    }

    @Test
    void anApplicationThatBlocksIsNoPressure() throws Exception {
        try (SmallServer small = new SmallServer(Transport.CLEAR, defaults(), false)) {
            small.fillPool();
            for (int i = 0; i < 20; i++) {
                assertEquals(0, small.monitor().getThreadPressure());
                assertEquals(PressureLevel.NORMAL, small.monitor().getLevel());
                Thread.sleep(50);
            }
            assertEquals(0, small.monitor().getStatistics().getClosed());
        }
    }

    /** Downloads of files and of large buffers hold no thread, while the application's own work holds all. */
    @Test
    void asynchronousDownloadsAreNoPressure() throws Exception {
        try (SmallServer small = new SmallServer(Transport.CLEAR, withoutMinimum(), false)) {
            for (int i = 0; i < 3 * THREADS; i++) {
                small.connect().send("GET /large HTTP/1.1\r\nHost: test\r\n\r\n");
            }
            await().atMost(LONG).until(() -> small.large.get() == 3 * THREADS && small.pool.getUtilizedThreads() == 0);
            for (int i = 0; i < 3 * THREADS; i++) {
                small.connect().send("GET /block HTTP/1.1\r\nHost: test\r\n\r\n");
            }
            await().atMost(LONG).until(() -> small.pool.getQueueSize() > 0);
            await().during(Duration.ofSeconds(2))
                    .atMost(LONG)
                    .until(() -> small.monitor().getStatistics().getClosed(CloseReason.SLOWEST) == 0);
            assertEquals(PressureLevel.NORMAL, small.monitor().getLevel());
        }
    }

    /** One pool is full of its application's work, and slow uploads wait on the other, which has threads enough. */
    @Test
    void whatHoldsAnotherPoolIsNoPressure() throws Exception {
        Server server = new Server(new QueuedThreadPool(100, 100));
        QueuedThreadPool few = new QueuedThreadPool(THREADS, THREADS);
        CountDownLatch hold = new CountDownLatch(1);
        List<RawClient> clients = new ArrayList<>();
        ServerConnector full = new ServerConnector(server, few, null, null, 1, 1, strict());
        ServerConnector other = new ServerConnector(server, null, null, null, 1, 1, strict());
        server.addConnector(full);
        server.addConnector(other);
        AtomicInteger uploads = new AtomicInteger();
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                if (request.getLength() > 0) {
                    uploads.incrementAndGet();
                    Content.Source.asInputStream(request).readAllBytes();
                } else {
                    hold.await();
                }
                callback.succeeded();
                return true;
            }
        });
        server.start();
        try {
            DescriptorMonitor monitor = Inside.monitor(server);
            for (int i = 0; i < 2 * THREADS; i++) {
                clients.add(new RawClient(Transport.CLEAR.connect(other.getLocalPort())).send(SLOW_POST));
                clients.add(new RawClient(Transport.CLEAR.connect(full.getLocalPort())).send(RawClient.GET));
            }
            await().atMost(LONG).until(() -> uploads.get() == 2 * THREADS && few.getQueueSize() > 0);
            await().during(Duration.ofSeconds(2))
                    .atMost(LONG)
                    .until(() -> monitor.getStatistics().getClosed(CloseReason.SLOWEST) == 0);
            assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        } finally {
            hold.countDown();
            RawClient.closeAll(clients);
            server.stop();
        }
    }

    private static StrictKeepAliveConnectionFactory strict() {
        return new StrictKeepAliveConnectionFactory(new HttpConfiguration(), withoutMinimum());
    }

    private static KeepAlivePolicy withoutMinimum() {
        return KeepAlivePolicy.builder().minDataRate(0).build();
    }
}
