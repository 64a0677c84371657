package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringReader;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.client.BufferingResponseListener;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.Result;
import org.eclipse.jetty.client.StringRequestContent;
import org.eclipse.jetty.http.HttpMethod;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * nginx and HAProxy in front, with the snippets of their document, which switch their retries off: nothing is hidden.
 * {@code -Dproxy.requests=50000} is more than the usual number of requests through each, and a fifth of it again under pressure.
 */
class ProxyIT {
    private static final int REQUESTS = Integer.getInteger("proxy.requests", 12_000);
    private static final int PER_SECOND = 700;
    private static final int LARGEST_BURST = 64;
    private static final int MOST_IN_PROGRESS = 100;
    private static final int DESCRIPTORS = 512;
    /** More than the server can hold beside the connections of the proxies. */
    private static final List<Attackers.Kind> NEVER_CLOSING = List.of(
            Attackers.Kind.LEAKY,
            Attackers.Kind.SILENT,
            Attackers.Kind.TRICKLE_FIRST,
            Attackers.Kind.TRICKLE_BETWEEN,
            Attackers.Kind.TRICKLE_AFTER_FIN,
            Attackers.Kind.SLOW_BODY);

    private static final int ATTACKERS = 600;

    private static final long SURGE_MS = 1300;
    private static final long RACE_SECONDS = 300;
    private static final String SERVED = "200";

    private final HttpClient client = new HttpClient();

    @TempDir
    private Path directory;

    /** Requests through a proxy, a third of them POSTs, and what became of them. */
    private final class Traffic {
        private final Map<String, Integer> outcomes = new ConcurrentHashMap<>();
        private final Semaphore free = new Semaphore(MOST_IN_PROGRESS);
        private final Random random = new Random(1);
        private final InetSocketAddress proxy;
        private final String name;
        private int sent;

        private Traffic(Proxy.Kind kind, Proxy proxy) {
            this.proxy = proxy.address();
            name = kind.program();
        }

        /**
         * Sends for a second in bursts, so that the pool grows, then for a second one by one, so that a few connections
         * reach their last request while the others are idle.
         */
        private CompletableFuture<Void> send(int count) {
            return CompletableFuture.runAsync(() -> {
                long start = System.nanoTime();
                int done = 0;
                while (done < count) {
                    boolean oneByOne = done / PER_SECOND % 2 != 0;
                    int burst = oneByOne ? 1 : Math.min(1 + random.nextInt(LARGEST_BURST), count - done);
                    burst(burst);
                    done += burst;
                    pause(start + TimeUnit.SECONDS.toNanos(done) / PER_SECOND - System.nanoTime());
                }
                awaitAnswers();
            });
        }

        private void burst(int size) {
            for (int i = 0; i < size; i++) {
                free.acquireUninterruptibly();
                HttpMethod method = sent % 3 == 0 ? HttpMethod.POST : HttpMethod.GET;
                String path = "/" + name + "/" + sent++;
                client.newRequest(proxy.getHostString(), proxy.getPort())
                        .method(method)
                        .path(path)
                        .body(method == HttpMethod.POST ? new StringRequestContent(path) : null)
                        .send(new BufferingResponseListener() {
                            @Override
                            public void onComplete(Result result) {
                                outcomes.merge(outcome(result, path, getContentAsString()), 1, Integer::sum);
                                free.release();
                            }
                        });
            }
        }

        private static String outcome(Result result, String path, String content) {
            if (result.isFailed()) {
                return result.getRequest().getMethod() + " "
                        + result.getFailure().getClass().getSimpleName();
            }
            int status = result.getResponse().getStatus();
            return status == 200 && path.equals(content)
                    ? SERVED
                    : result.getRequest().getMethod() + " " + status;
        }

        private void awaitAnswers() {
            free.acquireUninterruptibly(MOST_IN_PROGRESS);
            free.release(MOST_IN_PROGRESS);
        }
    }

    private static void pause(long nanos) {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException x) {
            Thread.currentThread().interrupt();
        }
    }

    @BeforeEach
    void startClient() throws Exception {
        client.setMaxConnectionsPerDestination(2 * MOST_IN_PROGRESS);
        client.setIdleTimeout(30_000); // so that the proxies, with 60 s and 75 s, never close first
        client.start();
    }

    @AfterEach
    void stopClient() throws Exception {
        client.stop();
    }

    private Properties report(Serve server) throws Exception {
        String uri = "http://" + server.address().getHostString() + ":"
                + server.address().getPort() + "/report";
        Properties report = new Properties();
        report.load(new StringReader(client.GET(uri).getContentAsString()));
        return report;
    }

    private static void assertCounted(String name, Properties report) {
        assertTrue(Integer.parseInt(report.getProperty(name)) > 0, () -> name + " of " + report);
    }

    @Test
    void noRequestIsLostOrExecutedTwice() throws Exception {
        try (Serve server = Serve.start(
                        directory,
                        DESCRIPTORS,
                        CountingServer.class,
                        "maxRequestsPerConnection=100",
                        "maxConnectionAge=3000",
                        "keepAliveTimeout=2000",
                        "minKeepAliveTimeout=2000");
                Proxy nginx = new Proxy(Proxy.Kind.NGINX, directory, server.address(), "1s");
                Proxy haproxy = new Proxy(Proxy.Kind.HAPROXY, directory, server.address(), "200ms")) {
            Traffic a = new Traffic(Proxy.Kind.NGINX, nginx);
            Traffic b = new Traffic(Proxy.Kind.HAPROXY, haproxy);
            CompletableFuture.allOf(a.send(REQUESTS), b.send(REQUESTS)).join();
            Properties report = report(server);
            System.out.println("proxies: nginx=" + a.outcomes + " haproxy=" + b.outcomes + " " + report);
            assertEquals(Map.of(SERVED, REQUESTS), a.outcomes, nginx::log);
            assertEquals(Map.of(SERVED, REQUESTS), b.outcomes, haproxy::log);
            assertEquals(2 * REQUESTS, Integer.parseInt(report.getProperty("executed")));
            assertEquals("0", report.getProperty("twice"));
            // What could have raced with these requests did happen.
            // On a slow machine the age comes before the hundredth request.
            String byCount = report.getProperty("closed.MAX_REQUESTS");
            String byAge = report.getProperty("closed.MAX_AGE");
            assertTrue(Integer.parseInt(byCount) + Integer.parseInt(byAge) > 0, report::toString);
            assertCounted("closed.CLIENT", report);

            int more = REQUESTS / 5;
            CompletableFuture<Void> traffic = CompletableFuture.allOf(a.send(more), b.send(more));
            int surges = 0;
            for (; !traffic.isDone(); surges++) {
                try (Attack ignored = new Attack(server, NEVER_CLOSING, ATTACKERS, 0)) {
                    pause(TimeUnit.MILLISECONDS.toNanos(SURGE_MS));
                }
            }
            traffic.join();
            report = report(server);
            System.out.println("proxies under pressure, " + surges + " surges: nginx=" + a.outcomes + " haproxy="
                    + b.outcomes + " " + report);
            assertEquals(Map.of(SERVED, REQUESTS + more), a.outcomes, nginx::log);
            assertEquals(Map.of(SERVED, REQUESTS + more), b.outcomes, haproxy::log);
            assertEquals(2 * (REQUESTS + more), Integer.parseInt(report.getProperty("executed")));
            assertEquals("0", report.getProperty("twice"));
            assertTrue(report.getProperty("levels").contains("CRITICAL"), report::toString);
            assertCounted("closed.EVICTED", report);
            assertCounted("closed.PRESSURE", report);
        }
    }

    /** The control: what the test above would show. A request that was lost has not been executed either. */
    @ParameterizedTest
    @EnumSource(Proxy.Kind.class)
    void aPoolThatOutlivesTheKeepAliveTimeoutLosesRequests(Proxy.Kind kind) throws Exception {
        try (Serve server = Serve.start(
                        directory,
                        DESCRIPTORS,
                        CountingServer.class,
                        "keepAliveTimeout=200",
                        "minKeepAliveTimeout=200");
                Proxy proxy = new Proxy(kind, directory, server.address(), "60s")) {
            Traffic traffic = new Traffic(kind, proxy);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(RACE_SECONDS);
            while (traffic.sent == traffic.outcomes.getOrDefault(SERVED, 0)) {
                assertTrue(System.nanoTime() - end < 0, "no request met a close");
                traffic.burst(LARGEST_BURST / 2);
                traffic.awaitAnswers();
                // Until about the time at which the connections in the pool are closed.
                pause(TimeUnit.MICROSECONDS.toNanos(180_000 + traffic.random.nextInt(80_000)));
            }
            Properties report = report(server);
            System.out.println("control: " + kind + "=" + traffic.outcomes + " " + report);
            assertEquals(traffic.outcomes.get(SERVED), Integer.parseInt(report.getProperty("executed")));
            assertEquals("0", report.getProperty("twice"));
        }
    }
}
