package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.FrameClient.Frame;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Clients of HTTP/2 that do anything, under a policy and a pressure that change: all ends, and is counted once. */
class Http2ChaosTest {
    private static final long MILLIS = 6000;

    private static KeepAlivePolicy policy(Random random) {
        return KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMillis(50 + random.nextInt(1500)))
                .firstRequestTimeout(Duration.ofMillis(100 + random.nextInt(1000)))
                .minKeepAliveTimeout(Duration.ofMillis(random.nextInt(50)))
                .dataRateGrace(Duration.ofMillis(200))
                .lingerTimeout(Duration.ofMillis(50 + random.nextInt(500)))
                .maxRequestsPerConnection(random.nextInt(3) * 4)
                .maxConnectionAge(Duration.ofMillis(500 + random.nextInt(4000)))
                .build();
    }

    private static void handle(Request request, Response response, Callback callback) throws Exception {
        switch (Request.getPathInContext(request)) {
            case "/wait" ->
                CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS)
                        .execute(() -> response.write(true, BufferUtil.toBuffer("late"), callback));
            case "/big" -> response.write(true, ByteBuffer.allocate(1 << 20), callback);
            case "/echo" -> Content.copy(request, response, callback);
            case "/all" -> TestServer.readAll(request, response, callback);
            case "/fail" -> throw new HttpException.RuntimeException(500);
            default -> response.write(true, BufferUtil.toBuffer("hello"), callback);
        }
    }

    private static final List<String> PATHS = List.of("/", "/wait", "/big", "/echo", "/all", "/fail");

    private static void live(TestServer server, Random random, long end) {
        while (System.nanoTime() < end) {
            try (FrameClient client = server.connectHttp2()) {
                switch (random.nextInt(4)) {
                    case 0 -> client.settingsWithoutWindow();
                    case 1 -> client.settingsWithWindow(Integer.MAX_VALUE);
                    default -> client.settings();
                }
                int stream = -1;
                for (int i = random.nextInt(30); i > 0; i--) {
                    String path = PATHS.get(random.nextInt(PATHS.size()));
                    switch (random.nextInt(10)) {
                        case 0, 1, 2 -> client.get(stream += 2, path);
                        case 3 -> client.post(stream += 2, path);
                        case 4 -> client.post(stream += 2, path).data(stream, random.nextInt(2000), true);
                        case 5 -> client.get(stream += 2, path).cancel(stream);
                        case 6 -> client.ping().settings();
                        case 7 -> client.window(0, 1 + random.nextInt(10_000));
                        case 8 -> Thread.sleep(random.nextInt(300));
                        default -> {
                            if (random.nextBoolean()) {
                                client.ping();
                                for (Frame f = client.read();
                                        f != null && f.type() != FrameClient.PING;
                                        f = client.read()) {}
                            }
                        }
                    }
                }
                switch (random.nextInt(5)) {
                    case 0 -> client.halfHeaders(stream + 2);
                    case 1 -> client.rest();
                    case 2 -> client.goAway(0);
                    default -> {}
                }
                Thread.sleep(random.nextInt(500));
            } catch (IOException | InterruptedException x) {
                // The server has closed.
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void allEndsAndIsCountedOnce(Transport transport) throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Handler handler = TestServer.handler(Http2ChaosTest::handle);
        try (TestServer server = TestServer.http2(transport, policy(random), handler)) {
            server.connector.setIdleTimeout(2000);
            server.server.setStopTimeout(10_000);
            server.start();
            PressureLever lever = new PressureLever(server);
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(MILLIS);
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                Random own = new Random(random.nextLong());
                all.add(CompletableFuture.runAsync(
                        () -> live(server, own, end), task -> new Thread(task, "client").start()));
            }
            while (System.nanoTime() < end) {
                lever.set(random.nextInt(3) == 0 ? 0.2 : 0.65 + random.nextDouble() * 0.35);
                if (random.nextInt(3) == 0) {
                    server.factory().setPolicy(policy(random));
                }
                if (random.nextInt(10) == 0) {
                    server.monitor().drain(Duration.ofMillis(300));
                    Thread.sleep(400);
                    server.monitor().resume();
                }
                Thread.sleep(50 + random.nextInt(300));
            }
            CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(90, TimeUnit.SECONDS);
            lever.set(0);
            server.assertNumbersAddUp();
            assertEquals(0, server.monitor().getProbeFailureCount(), () -> "seed " + seed + ": " + server.monitor());
        }
    }
}
