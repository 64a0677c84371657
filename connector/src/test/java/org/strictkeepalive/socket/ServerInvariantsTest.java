package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.io.EOFException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocket;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.NanoTime;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.util.thread.ScheduledExecutorScheduler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.opentest4j.TestAbortedException;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureSource;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.FakeProbe;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;
import org.strictkeepalive.testkit.UpgradedConnection;

/** The invariants of the design that a server keeps: 6 to 10. */
class ServerInvariantsTest {
    private static final Duration LONG = Duration.ofMinutes(1);
    private static final int MEBIBYTE = 1024 * 1024;

    private static ByteBuffer bytes(String text) {
        return BufferUtil.toBuffer(text, StandardCharsets.US_ASCII);
    }

    // ---- 6

    @Test
    void invariant06WithEveryLimitOffBytesAndRequestsAreJettysOwn() throws Exception {
        WireIdentityTest wire = new WireIdentityTest();
        for (Arguments arguments : WireIdentityTest.corpus().toList()) {
            try {
                wire.withAllLimitsOffTheWireIsJettysOwn(
                        (Transport) arguments.get()[0], (String) arguments.get()[1]);
            } catch (TestAbortedException x) {
                // One that doesn't apply to this version of Jetty.
            }
        }
        wire.proxyProtocolDataIsJettysOwn();
    }

    // ---- 7

    /** What requests cost the server. */
    private record Cost(double schedules, double allocatedBytes) {}

    private static Cost costOfARequest(Supplier<HttpConnectionFactory> factory) throws Exception {
        AtomicInteger schedules = new AtomicInteger();
        QueuedThreadPool threads = new QueuedThreadPool(8);
        threads.setName("costed");
        Server server = new Server(
                threads,
                new ScheduledExecutorScheduler() {
                    @Override
                    public Task schedule(Runnable task, long delay, TimeUnit unit) {
                        schedules.incrementAndGet();
                        return super.schedule(task, delay, unit);
                    }
                },
                null);
        ServerConnector connector = new ServerConnector(server, 1, 1, factory.get());
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.setHandler(TestServer.hello());
        server.start();
        try (RawClient client = new RawClient(Transport.CLEAR.connect(connector.getLocalPort()))) {
            int requests = 4_000;
            for (int i = 0; i < requests / 2; i++) {
                client.get();
            }
            int schedulesBefore = schedules.get();
            long bytesBefore = allocated();
            for (int i = 0; i < requests; i++) {
                client.get();
            }
            return new Cost(
                    (schedules.get() - schedulesBefore) / (double) requests,
                    (allocated() - bytesBefore) / (double) requests);
        } finally {
            server.stop();
        }
    }

    private static long allocated() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        return Arrays.stream(threads.getThreadInfo(threads.getAllThreadIds()))
                .filter(thread -> thread != null && thread.getThreadName().startsWith("costed"))
                .mapToLong(thread -> threads.getThreadAllocatedBytes(thread.getThreadId()))
                .sum();
    }

    @Test
    void invariant07NothingIsScheduledForARequestAndAtMostOneSmallObjectMade() throws Exception {
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().maxRequestsPerConnection(0).build();
        Cost plain = costOfARequest(HttpConnectionFactory::new);
        Cost strict = costOfARequest(() -> new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy));
        // The ticks, ten a second, are spread over all requests.
        assertTrue(strict.schedules <= plain.schedules + 0.1, plain + " " + strict);
        assertTrue(strict.allocatedBytes <= plain.allocatedBytes + 128, plain + " " + strict);
    }

    // ---- 8

    @Test
    void invariant08FailingProbeListenerOrClockNeverStopsServingNorLeavesAConnectorPaused() throws Exception {
        FakeProbe probe = new FakeProbe();
        probe.used = 10;
        AtomicLong jump = new AtomicLong();
        try (TestServer server = TestServer.of(
                Transport.CLEAR,
                KeepAlivePolicy.builder()
                        .keepAliveTimeout(Duration.ofSeconds(2))
                        .build(),
                TestServer.hello())) {
            DescriptorMonitor monitor =
                    Inside.monitor(server.server.getScheduler(), probe, () -> NanoTime.now() + jump.get());
            server.server.addBean(monitor);
            server.connector.addEventListener(new Connection.Listener() {
                @Override
                public void onOpened(Connection connection) {
                    throw new IllegalStateException("on purpose");
                }

                @Override
                public void onClosed(Connection connection) {
                    throw new IllegalStateException("on purpose");
                }
            });
            server.start();
            for (Throwable failure : List.of(
                    new IOException("on purpose"), new IllegalStateException("on purpose"), new Error("on purpose"))) {
                // Paused as no descriptor is free, and then the probe fails.
                assertServes(server);
                try (RawClient idle = server.connect()) {
                    idle.get();
                    probe.used = 1000;
                    await().until(() -> !server.connector.isAccepting());
                    probe.failure = failure;
                    long failures = monitor.getProbeFailureCount();
                    probe.used = 10;
                    await().until(() -> monitor.getProbeFailureCount() > failures);
                    idle.close();
                    if (failure instanceof Error) {
                        await().alias("accepting while the probe fails").until(server.connector::isAccepting);
                        assertServes(server);
                    }
                }
                probe.failure = null;
                await().alias("accepting after the probe failed").until(server.connector::isAccepting);
                assertServes(server);
            }
            PressureSource failing = () -> {
                throw new NoClassDefFoundError("on purpose");
            };
            monitor.addPressureSource(failing);
            assertServes(server);
            monitor.removePressureSource(failing);
            for (long hours : new long[] {1, -2, 30, -30}) {
                try (RawClient open = server.connect()) {
                    open.get();
                    jump.addAndGet(TimeUnit.HOURS.toNanos(hours));
                    for (int i = 0; i < 3; i++) {
                        assertServes(server);
                    }
                }
            }
            assertTrue(server.connector.isAccepting());
            jump.set(TimeUnit.DAYS.toNanos(3));
            server.assertNumbersAddUp();
        }
    }

    private static void assertServes(TestServer server) throws IOException {
        try (RawClient client = server.connect()) {
            assertEquals(200, client.get().status());
        }
    }

    // ---- 9

    private static Handler storm() {
        return TestServer.handler((request, response, callback) -> {
            switch (Request.getPathInContext(request)) {
                case "/throw" -> throw new IllegalStateException("on purpose");
                case "/upgrade" -> {
                    UpgradedConnection.switchProtocols(response);
                    UpgradedConnection.read(request, request.getComponents().getExecutor());
                    response.write(true, null, callback);
                }
                case "/later" ->
                    request.getComponents()
                            .getScheduler()
                            .schedule(() -> response.write(true, bytes("later"), callback), 50, TimeUnit.MILLISECONDS);
                case "/big" -> response.write(true, ByteBuffer.allocate(MEBIBYTE), callback);
                default -> response.write(true, bytes(TestServer.HELLO), callback);
            }
        });
    }

    private static void behave(TestServer server, int behaviour, Random random) throws Exception {
        String host = " HTTP/1.1\r\nHost: test\r\n";
        try (RawClient client = behaviour == 0 ? server.connectSocket() : server.connect()) {
            switch (behaviour) {
                case 0 -> client.send("\u0016\u0003\u0001\u0000\u0005hello"); // a broken handshake
                case 1 -> client.get();
                case 2 -> client.send(RawClient.GET.repeat(20));
                case 3 -> client.send("GET / HT");
                case 4 ->
                    client.send("POST /" + host + "Content-Length: 100000\r\n\r\nx")
                            .read();
                case 5 -> client.send("BAD\r\n\r\n");
                case 6 -> client.send("GET /throw" + host + "\r\n").read();
                case 7 ->
                    client.send("GET /upgrade" + host + "Connection: Upgrade\r\nUpgrade: x\r\n\r\n")
                            .read(false);
                case 8 -> client.send("GET /later" + host + "\r\n");
                case 9 ->
                    client.send("GET /big" + host + "\r\n")
                            .socket()
                            .getInputStream()
                            .read();
                case 10 -> client.send("GET / HTTP/1.0\r\n\r\n").readAll();
                case 11 -> {
                    client.get();
                    client.awaitEnd();
                }
                default -> {}
            }
            if (random.nextInt(3) == 0 && !(client.socket() instanceof SSLSocket)) {
                client.socket().setSoLinger(true, 0); // a reset
            }
        } catch (EOFException x) {
            // Evicted, or stopped.
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void invariant09TheNumbersAddUp(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.keepAliveTimeout(Duration.ofMillis(200))
                        .firstRequestTimeout(Duration.ofSeconds(5))
                        .lingerTimeout(Duration.ofMillis(200)),
                storm())) {
            List<CompletableFuture<Void>> clients = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                int seed = i;
                clients.add(CompletableFuture.runAsync(
                        () -> {
                            Random random = new Random(seed);
                            for (int j = 0; j < 60; j++) {
                                try {
                                    behave(server, random.nextInt(13), random);
                                } catch (Exception x) {
                                    throw new IllegalStateException("client " + seed + "." + j, x);
                                }
                            }
                        },
                        task -> new Thread(task).start()));
            }
            while (!clients.stream().allMatch(CompletableFuture::isDone)) {
                KeepAliveStatistics statistics = server.statistics();
                long closed = statistics.getClosed();
                long opened = statistics.getOpened(); // later, so it can only be more
                assertTrue(closed <= opened, statistics::toString);
                TimeUnit.MILLISECONDS.sleep(10);
            }
            clients.forEach(CompletableFuture::join);
            server.assertNumbersAddUp();
            assertEquals(480, server.statistics().getOpened());
            assertTrue(server.statistics().getClosed(CloseReason.UPGRADED) > 0);
            assertTrue(server.statistics().getClosed(CloseReason.KEEP_ALIVE_TIMEOUT) > 0);
            if (transport == Transport.TLS) {
                assertTrue(server.statistics().getClosed(CloseReason.HANDSHAKE) > 0, "" + server.statistics());
            }
            assertEquals(0, server.monitor().getOpenConnections());
        }
    }

    // ---- 10

    @ParameterizedTest
    @EnumSource(Transport.class)
    void invariant10StopAndRestartWorkLeakNothingAndLeaveTheConnectorAsFound(Transport transport) throws Exception {
        // No connection may end by itself before the stop.
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .lingerTimeout(LONG)
                .firstRequestTimeout(LONG)
                .requestHeaderTimeout(LONG)
                .keepAliveTimeout(LONG)
                .build();
        try (TestServer server = TestServer.of(transport, policy, storm())) {
            List<Object> customizers = new ArrayList<>(server.config.getCustomizers());
            List<Object> listeners = new ArrayList<>(server.connector.getEventListeners());
            for (int i = 1; i <= 4; i++) {
                server.start();
                List<Object> beans = new ArrayList<>(server.server.getBeans());
                List<RawClient> clients = new ArrayList<>();
                for (int j = 0; j < 5; j++) {
                    RawClient idle = server.connect();
                    idle.get();
                    clients.add(idle);
                    RawClient lingering = server.connect();
                    lingering.send("BAD\r\n\r\n").read();
                    clients.add(lingering);
                    clients.add(server.connectSocket());
                    clients.add(server.connect().send("GET / HT"));
                    clients.add(server.connect().send("GET /later HTTP/1.1\r\nHost: test\r\n\r\n"));
                }
                // What is still being accepted when it stops Jetty itself forgets to close.
                await().untilAsserted(() ->
                        assertEquals(clients.size(), server.monitor().getOpenConnections()));
                server.server.stop();
                assertEquals(customizers, server.config.getCustomizers());
                assertEquals(listeners, List.copyOf(server.connector.getEventListeners()));
                assertTrue(server.connector.isAccepting());
                assertEquals(0, server.monitor().getOpenConnections());
                server.assertNumbersAddUp();
                assertEquals(
                        List.of(),
                        server.server.getBeans().stream()
                                .filter(bean -> !beans.contains(bean))
                                .toList());
                for (RawClient client : clients) {
                    client.close();
                }
            }
            server.start();
            server.factory().setKeepAliveTimeout(200);
            try (RawClient client = server.connect()) {
                client.get();
                client.awaitEnd(); // deadlines run again
            }
            server.assertNumbersAddUp();
        }
    }
}
