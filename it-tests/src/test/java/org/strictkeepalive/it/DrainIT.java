package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.StrictKeepAlive;

/** A rolling restart of two servers behind a real HAProxy, under load. */
@Timeout(600)
class DrainIT {
    private static final Duration SPREAD = Duration.ofSeconds(2);
    private static final int CLIENTS = 16;
    private static final String HAPROXY = """
            defaults
              mode http
              timeout connect 10s
              timeout client 60s
              timeout server 60s
              timeout check 30s
              http-reuse always
            frontend front
              bind unix@%s
              default_backend app
            backend app
              option httpchk GET /health
              default-server check inter 100ms fall 1 rise 1
              server a 127.0.0.1:%d
              server b 127.0.0.1:%d
            """;

    @TempDir
    private Path directory;

    private static final class App extends Handler.Abstract {
        private final Server server = new Server();
        private final ServerConnector connector = new ServerConnector(server, 1, 1);
        private final StrictKeepAlive strict;
        private final AtomicInteger handled = new AtomicInteger();

        private App() throws Exception {
            connector.setHost("127.0.0.1");
            server.addConnector(connector);
            server.setHandler(this);
            server.setStopTimeout(60_000);
            strict = StrictKeepAlive.install(server);
            server.start();
            connector.setPort(connector.getLocalPort()); // the same after a restart
        }

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            if (Request.getPathInContext(request).equals("/health")) {
                boolean draining = strict.getDescriptorMonitor().isDraining();
                response.setStatus(draining ? HttpStatus.SERVICE_UNAVAILABLE_503 : HttpStatus.OK_200);
                callback.succeeded();
                return true;
            }
            int n = handled.incrementAndGet();
            // Some are still in progress when the server stops, and for longer than Jetty's own second then.
            int millis = n % 100 == 0 ? 3000 : n % 20;
            getServer().getScheduler().schedule(callback::succeeded, millis, TimeUnit.MILLISECONDS);
            return true;
        }

        private KeepAliveStatistics statistics() {
            return strict.getDescriptorMonitor().getStatistics();
        }

        /** As long as it answers, it is up. */
        private void awaitTraffic() {
            int before = handled.get();
            await().atMost(60, TimeUnit.SECONDS).until(() -> handled.get() > before + 50);
        }

        private void restart() throws Exception {
            strict.getDescriptorMonitor().drain(SPREAD);
            await().pollDelay(SPREAD)
                    .atMost(60, TimeUnit.SECONDS)
                    .until(() -> statistics().getOpen(ConnectionState.IDLE) == 0);
            server.stop();
            server.start();
        }
    }

    /** Asks again and again until it is told to end. */
    private static void load(UnixProxy proxy, AtomicInteger running, AtomicInteger served, Queue<String> failed) {
        while (running.get() > 0) {
            int requests = 0;
            try (UnixProxy.Client client = proxy.connect()) {
                while (running.get() > 0) {
                    int status = client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx")
                            .read();
                    if (status == 200) {
                        served.incrementAndGet();
                    } else {
                        failed.add("status " + status + " after " + requests + " requests");
                    }
                    requests++;
                    TimeUnit.MILLISECONDS.sleep(5);
                }
            } catch (IOException x) {
                failed.add(x + " after " + requests + " requests");
            } catch (InterruptedException x) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    @Test
    void eachServerIsRestartedUnderLoadWithoutAFailedRequest() throws Exception {
        App a = new App();
        App b = new App();
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        AtomicInteger running = new AtomicInteger(1);
        AtomicInteger served = new AtomicInteger();
        Queue<String> failed = new ConcurrentLinkedQueue<>();
        String config =
                HAPROXY.formatted(UnixProxy.socket(directory), a.connector.getLocalPort(), b.connector.getLocalPort());
        try (UnixProxy proxy = UnixProxy.haproxy(directory, config)) {
            for (int i = 0; i < CLIENTS; i++) {
                threads.execute(() -> load(proxy, running, served, failed));
            }
            for (App app : List.of(a, b)) {
                a.awaitTraffic();
                b.awaitTraffic();
                app.restart();
            }
            a.awaitTraffic();
            b.awaitTraffic();
            running.set(0);
            threads.shutdown();
            assertTrue(threads.awaitTermination(90, TimeUnit.SECONDS));
            System.out.printf("rolling restart: served=%d failed=%d%n", served.get(), failed.size());
            assertEquals(List.of(), List.copyOf(failed));
            for (App app : List.of(a, b)) {
                assertTrue(app.statistics().getClosed(CloseReason.DRAIN) > 0, () -> "" + app.statistics());
                assertEquals(0, app.statistics().getRaces());
            }
        } finally {
            running.set(0);
            threads.shutdownNow();
            a.server.stop();
            b.server.stop();
        }
    }
}
