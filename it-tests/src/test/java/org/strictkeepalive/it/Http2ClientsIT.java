package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.eclipse.jetty.client.StringRequestContent;
import org.eclipse.jetty.http2.client.HTTP2Client;
import org.eclipse.jetty.http2.client.transport.HttpClientTransportOverHTTP2;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/**
 * What the closes of the policy cost clients of HTTP/2, the JDK's over TLS, the others without: POST requests with pauses at random, so that many
 * meet a close. A request that a GOAWAY refuses was not executed, and is sent again by its client or not.
 */
@Isolated("it counts what fails under load")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Http2ClientsIT {
    private static final int USERS = 8;
    private static final long MILLIS = Long.getLong("http2.clients.seconds", 8) * 1000;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger executed = new AtomicInteger();

    private Keys keys;

    @BeforeAll
    void makeKeys(@TempDir Path directory) throws Exception {
        keys = new Keys(directory);
    }

    @AfterAll
    void end() {
        threads.shutdownNow();
    }

    /** Sends a POST, and throws if it has no answer. */
    @FunctionalInterface
    private interface Sender {
        void post(URI uri) throws Exception;
    }

    /** A client of HTTP/2, with the settings that it comes with. */
    enum Client {
        JETTY {
            @Override
            Sender make(Keys keys) throws Exception {
                org.eclipse.jetty.client.HttpClient client =
                        new org.eclipse.jetty.client.HttpClient(new HttpClientTransportOverHTTP2(new HTTP2Client()));
                client.start();
                return uri -> {
                    int status = client.POST(uri)
                            .body(new StringRequestContent("x"))
                            .timeout(20, TimeUnit.SECONDS)
                            .send()
                            .getStatus();
                    assertEquals(200, status);
                };
            }
        },
        OKHTTP {
            @Override
            Sender make(Keys keys) throws Exception {
                OkHttpClient client = new OkHttpClient.Builder()
                        .protocols(List.of(Protocol.H2_PRIOR_KNOWLEDGE))
                        .build();
                return uri -> {
                    Request request = new Request.Builder()
                            .url(uri.toString())
                            .post(RequestBody.create(new byte[1]))
                            .build();
                    try (Response response = client.newCall(request).execute()) {
                        assertEquals(200, response.code());
                    }
                };
            }
        },
        JDK {
            @Override
            Sender make(Keys keys) throws Exception {
                HttpClient client =
                        HttpClient.newBuilder().sslContext(keys.client()).build();
                return uri -> assertEquals(
                        200,
                        client.send(
                                        HttpRequest.newBuilder(uri)
                                                .timeout(Duration.ofSeconds(20))
                                                .POST(HttpRequest.BodyPublishers.ofString("x"))
                                                .build(),
                                        BodyHandlers.discarding())
                                .statusCode());
            }
        };

        abstract Sender make(Keys keys) throws Exception;
    }

    private record Seen(int sent, int failed, int executed, long opened, String reasons) {}

    private final class Side implements AutoCloseable {
        private final Server server = new Server();
        private final ProtocolConnectors connectors;
        private final DescriptorMonitor monitor;
        private volatile double pressure;

        private Side(KeepAlivePolicy policy, long idleTimeout) throws Exception {
            connectors = ProtocolConnectors.add(server, keys);
            connectors.clear().setIdleTimeout(idleTimeout);
            connectors.secure().setIdleTimeout(idleTimeout);
            server.setStopTimeout(20_000);
            server.setHandler(new Handler.Abstract() {
                @Override
                public boolean handle(
                        org.eclipse.jetty.server.Request request,
                        org.eclipse.jetty.server.Response response,
                        Callback callback) {
                    executed.incrementAndGet();
                    request.getComponents()
                            .getScheduler()
                            .schedule(
                                    () -> response.write(true, BufferUtil.toBuffer("hello"), callback),
                                    2,
                                    TimeUnit.MILLISECONDS);
                    return true;
                }
            });
            monitor = policy == null
                    ? null
                    : StrictKeepAlive.install(server, policy).getDescriptorMonitor();
            server.start();
            if (monitor != null) {
                monitor.addPressureSource(() -> pressure);
            }
        }

        private URI uri(Client client) {
            return client == Client.JDK
                    ? URI.create("https://localhost:" + connectors.secure().getLocalPort() + "/")
                    : URI.create("http://localhost:" + connectors.clear().getLocalPort() + "/");
        }

        @Override
        public void close() throws Exception {
            server.stop();
        }
    }

    /** What is done to the server meanwhile. */
    @FunctionalInterface
    private interface Meanwhile {
        void on(Side server, long until) throws Exception;
    }

    private Seen use(Client client, KeepAlivePolicy policy, long idleTimeout, int pause, Meanwhile meanwhile)
            throws Exception {
        executed.set(0);
        AtomicInteger sent = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        try (Side server = new Side(policy, idleTimeout)) {
            long until = System.nanoTime() + MILLIS * 1_000_000;
            List<Future<?>> users = new ArrayList<>();
            for (int i = 0; i < USERS; i++) {
                Random random = new Random(i);
                Sender sender = client.make(keys);
                users.add(threads.submit(() -> {
                    while (System.nanoTime() < until) {
                        sent.incrementAndGet();
                        try {
                            sender.post(server.uri(client));
                        } catch (Throwable x) {
                            failed.incrementAndGet();
                        }
                        Http.pause(random.nextInt(Math.max(1, pause - 60), pause + 60));
                    }
                }));
            }
            meanwhile.on(server, until);
            for (Future<?> user : users) {
                user.get(90, TimeUnit.SECONDS);
            }
            return new Seen(
                    sent.get(),
                    failed.get(),
                    executed.get(),
                    server.monitor == null ? 0 : server.monitor.getStatistics().getOpened(),
                    server.monitor == null
                            ? ""
                            : server.monitor.getStatistics().getClosedByReason().entrySet().stream()
                                    .filter(entry -> entry.getValue() > 0)
                                    .toList()
                                    .toString());
        }
    }

    private static void tell(String what, Client client, Seen plain, Seen strict) {
        System.out.println(what + " " + client + " plain=" + plain + " strict=" + strict);
    }

    @ParameterizedTest
    @EnumSource
    void keepAliveThatIsAsShortAsThePauses(Client client) throws Exception {
        Seen plain = use(client, null, 400, 400, (server, until) -> {});
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMillis(400))
                .build();
        Seen strict = use(client, policy, 30_000, 400, (server, until) -> {});
        tell("idle", client, plain, strict);
        assertTrue(strict.reasons().contains(CloseReason.KEEP_ALIVE_TIMEOUT.name()), strict::toString);
        assertTrue(strict.failed() <= plain.failed() + strict.sent() / 10, () -> plain + " " + strict);
        assertEquals(strict.sent() - strict.failed(), strict.executed(), strict::toString);
    }

    @ParameterizedTest
    @EnumSource
    void fewRequestsOnEachConnection(Client client) throws Exception {
        Seen plain = use(client, null, 30_000, 60, (server, until) -> {});
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().maxRequestsPerConnection(10).build();
        Seen strict = use(client, policy, 30_000, 60, (server, until) -> {});
        tell("max", client, plain, strict);
        assertTrue(strict.reasons().contains(CloseReason.MAX_REQUESTS.name()), strict::toString);
        assertEquals(strict.sent() - strict.failed(), strict.executed(), strict::toString);
        if (client != Client.JDK) {
            assertEquals(0, strict.failed(), strict::toString);
        }
    }

    @ParameterizedTest
    @EnumSource
    void evictionsInSteadyUse(Client client) throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .minKeepAliveTimeout(Duration.ofMillis(1))
                .build();
        Seen strict = use(client, policy, 30_000, 60, (server, until) -> {
            while (System.nanoTime() < until) {
                Thread.sleep(300);
                server.monitor.evictIdle();
            }
        });
        tell("evict", client, null, strict);
        assertTrue(strict.reasons().contains(CloseReason.EVICTED.name()), strict::toString);
        assertEquals(strict.sent() - strict.failed(), strict.executed(), strict::toString);
    }

    @ParameterizedTest
    @EnumSource
    void drainInSteadyUse(Client client) throws Exception {
        Seen strict = use(client, KeepAlivePolicy.defaults(), 30_000, 60, (server, until) -> {
            Thread.sleep(1000);
            server.monitor.drain(Duration.ofSeconds(3));
        });
        tell("drain", client, null, strict);
        assertTrue(strict.reasons().contains(CloseReason.DRAIN.name()), strict::toString);
        assertEquals(strict.sent() - strict.failed(), strict.executed(), strict::toString);
    }
}
