package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAlivePolicy;

/** What a stop costs clients of HTTP/2 in steady use, plain Jetty beside the connector. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Http2StopIT {
    private static final int CLIENTS = 30;
    private static final long STOP_TIMEOUT_MS = 20_000;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private Keys keys;

    @BeforeAll
    void makeKeys(@TempDir Path directory) throws Exception {
        keys = new Keys(directory);
    }

    @AfterAll
    void end() {
        threads.shutdownNow();
    }

    /** What became of the requests. Those that were refused were not executed. */
    private static final class Requests {
        private final AtomicInteger ready = new AtomicInteger();
        private final AtomicInteger answered = new AtomicInteger();
        private final AtomicInteger refused = new AtomicInteger();
        private final AtomicInteger lost = new AtomicInteger();

        @Override
        public String toString() {
            return "answered=" + answered + " refused=" + refused + " lost=" + lost;
        }
    }

    /** Uses one connection until it hears that the server goes away. */
    private static void use(Http http, String path, Requests requests) {
        try (Http2Wire wire = new Http2Wire(http, 30_000)) {
            for (boolean first = true; !wire.isGoingAway(); first = false) {
                wire.get(path);
                requests.answered.incrementAndGet();
                if (first) {
                    requests.ready.incrementAndGet();
                }
                Http.pause(ThreadLocalRandom.current().nextInt(5, 40));
            }
        } catch (Http2Wire.RefusedException x) {
            requests.refused.incrementAndGet();
        } catch (IOException x) {
            requests.lost.incrementAndGet();
        }
    }

    private int lost(boolean tls, KeepAlivePolicy policy, List<Long> millis) throws Exception {
        Requests requests = new Requests();
        try (BesideServer server = new BesideServer(keys, policy)) {
            server.server.setStopTimeout(STOP_TIMEOUT_MS);
            server.start();
            Http http = new Http(
                    new InetSocketAddress(
                            InetAddress.getLoopbackAddress(), (tls ? server.secure : server.clear).getLocalPort()),
                    tls);
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                String path = i % 3 == 0 ? "/pause?400" : "/";
                all.add(CompletableFuture.runAsync(() -> use(http, path, requests), threads));
            }
            while (requests.ready.get() < CLIENTS) {
                Http.pause(10);
            }
            Http.pause(300);
            millis.add(server.stop());
            CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
            System.out.println("tls=" + tls + (policy == null ? " plain " : " strict ") + requests + " in "
                    + millis.get(millis.size() - 1) + " ms");
            assertTrue(
                    server.handled.get() <= requests.answered.get() + requests.lost.get(),
                    () -> "a refused request was executed: " + requests + " of " + server.handled);
            return requests.lost.get();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStopLosesNoMoreRequestsThanPlainJettysAndTakesNoLonger(boolean tls) throws Exception {
        List<Long> plain = new ArrayList<>();
        List<Long> strict = new ArrayList<>();
        BesidePlain.assertLosesNoMore(
                CLIENTS + " clients of HTTP/2",
                () -> lost(tls, null, plain),
                () -> lost(tls, KeepAlivePolicy.defaults(), strict));
        long slack = 1000; // They don't stop at the same time.
        assertTrue(
                strict.stream().mapToLong(Long::longValue).min().orElseThrow()
                        <= plain.stream().mapToLong(Long::longValue).max().orElseThrow() + slack,
                () -> "plain " + plain + " ms, strict " + strict + " ms");
    }
}
