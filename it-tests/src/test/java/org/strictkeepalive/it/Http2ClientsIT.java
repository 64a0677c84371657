package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/**
 * What the closes of the policy cost real clients of HTTP/2, all of them at the same time: POST requests with pauses at
 * random, so that many meet a close. A request that a GOAWAY refuses was not executed, and is sent again by its client or
 * not. {@code -Dhttp2.clients.seconds=30} makes it longer.
 */
@Isolated("it counts what fails under load")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Http2ClientsIT {
    private static final long MILLIS = Long.getLong("http2.clients.seconds", 8) * 1000;
    private static final int SHORT_MS = 400;
    private static final int STEADY_MS = 60;
    private static final int LONG_MS = 30_000;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Http2RealClient> clients = new ArrayList<>();
    private final Map<Http2RealClient, StringBuilder> table = new EnumMap<>(Http2RealClient.class);
    private final Server pauses = new Server();
    private Http2RealClient.Surroundings around;
    private Keys keys;

    @BeforeAll
    void begin(@TempDir Path directory) throws Exception {
        keys = new Keys(directory);
        ServerConnector connector = new ServerConnector(pauses);
        connector.setHost("127.0.0.1");
        pauses.addConnector(connector);
        pauses.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                long millis = Long.parseLong(request.getHttpURI().getQuery());
                request.getComponents().getScheduler().schedule(callback::succeeded, millis, TimeUnit.MILLISECONDS);
                return true;
            }
        });
        pauses.start();
        around = new Http2RealClient.Surroundings(keys, directory, connector.getLocalPort());
        Arrays.stream(Http2RealClient.values())
                .filter(Http2RealClient::isInstalled)
                .forEach(clients::add);
        use(KeepAlivePolicy.defaults(), LONG_MS, STEADY_MS, MILLIS / 2, Http2ClientsIT::nothing); // The JVM warms up.
    }

    @AfterAll
    void end() throws Exception {
        table.forEach((client, row) -> System.out.println("| " + client + ", " + client.by + row + " |"));
        pauses.stop();
        threads.shutdownNow();
    }

    /** A server that counts how often each path was executed. */
    private final class Side implements AutoCloseable {
        private final Server server = new Server();
        private final ProtocolConnectors connectors;
        private final DescriptorMonitor monitor;
        private final Map<String, Integer> executions;

        private Side(KeepAlivePolicy policy, long idleTimeout, Map<String, Integer> executions) {
            this.executions = executions;
            connectors = ProtocolConnectors.add(server, keys);
            for (ServerConnector connector : List.of(connectors.clear(), connectors.secure())) {
                connector.setIdleTimeout(idleTimeout);
                connector.setReusePort(true);
            }
            server.setStopTimeout(20_000);
            server.setHandler(new Handler.Abstract() {
                @Override
                public boolean handle(Request request, Response response, Callback callback) {
                    response.getHeaders().put(HttpHeader.ACCESS_CONTROL_ALLOW_ORIGIN, "*");
                    Content.Source.consumeAll(
                            request, Callback.from(() -> execute(request, response, callback), callback::failed));
                    return true;
                }

                private void execute(Request request, Response response, Callback callback) {
                    Side.this.executions.merge(Request.getPathInContext(request), 1, Integer::sum);
                    request.getComponents()
                            .getScheduler()
                            .schedule(
                                    () -> response.write(true, BufferUtil.toBuffer("hello"), callback),
                                    2,
                                    TimeUnit.MILLISECONDS);
                }
            });
            monitor = policy == null
                    ? null
                    : StrictKeepAlive.install(server, policy).getDescriptorMonitor();
        }

        private Side start(int clearPort, int securePort) throws Exception {
            connectors.clear().setPort(clearPort);
            connectors.secure().setPort(securePort);
            server.start();
            return this;
        }

        private int clearPort() {
            return connectors.clear().getLocalPort();
        }

        private int securePort() {
            return connectors.secure().getLocalPort();
        }

        private Map<String, Long> reasons() {
            Map<String, Long> reasons = new TreeMap<>();
            if (monitor != null) {
                reasons.putAll(monitor.getStatistics().getClosedByReason());
                reasons.values().removeIf(count -> count == 0);
            }
            return reasons;
        }

        @Override
        public void close() throws Exception {
            server.stop();
        }
    }

    /** What is done to the server meanwhile. */
    @FunctionalInterface
    private interface Meanwhile {
        void on(Side server, long endNanos) throws Exception;
    }

    private record Seen(
            Map<Http2RealClient, Http2Traffic> traffic, Map<String, Integer> executions, Map<String, Long> reasons) {
        private int failed() {
            return traffic.values().stream()
                    .mapToInt(one -> one.failures().size())
                    .sum();
        }

        /** How many requests of a client were executed and got no answer. */
        private int unanswered(Http2RealClient client) {
            Http2Traffic own = traffic.get(client);
            return executed(own) - own.answered();
        }

        private int executed(Http2Traffic client) {
            return executions.entrySet().stream()
                    .filter(entry -> entry.getKey().startsWith(client.prefix()))
                    .mapToInt(Map.Entry::getValue)
                    .sum();
        }
    }

    private Seen use(KeepAlivePolicy policy, long idleTimeout, int pauseMs, Meanwhile meanwhile) throws Exception {
        return use(policy, idleTimeout, pauseMs, MILLIS, meanwhile);
    }

    private Seen use(KeepAlivePolicy policy, long idleTimeout, int pauseMs, long millis, Meanwhile meanwhile)
            throws Exception {
        Map<String, Integer> executions = new ConcurrentHashMap<>();
        Map<Http2RealClient, Http2Traffic> traffic = new EnumMap<>(Http2RealClient.class);
        try (Side server = new Side(policy, idleTimeout, executions).start(0, 0)) {
            List<Future<?>> running = new ArrayList<>();
            for (Http2RealClient client : clients) {
                Http2Traffic own = new Http2Traffic(client, server.clearPort(), server.securePort(), pauseMs, millis);
                traffic.put(client, own);
                running.add(threads.submit(() -> {
                    client.send(own, around);
                    return null;
                }));
            }
            meanwhile.on(server, System.nanoTime() + millis * 1_000_000);
            for (Future<?> one : running) {
                one.get(millis + 120_000, TimeUnit.MILLISECONDS);
            }
            return new Seen(traffic, executions, server.reasons());
        }
    }

    private static void nothing(Side server, long endNanos) {}

    /** Nothing that failed was executed, and nothing was executed twice. */
    private void check(String what, Seen strict, CloseReason reason) {
        check(what, strict, reason, null);
    }

    /** As above, but at a stop no more of what was executed may get no answer than with plain Jetty. */
    private void check(String what, Seen strict, CloseReason reason, Seen plain) {
        assertTrue(strict.reasons.containsKey(reason.name()), strict.reasons::toString);
        strict.traffic.forEach((client, traffic) -> {
            assertTrue(traffic.sent() > 0, () -> what + " " + client);
            if (client != Http2RealClient.JDK) { // On any GOAWAY it gives up what is in progress.
                int most = plain == null ? 0 : plain.unanswered(client) + traffic.sent() / 100;
                int lost = strict.unanswered(client);
                assertTrue(lost >= 0 && lost <= most, () -> what + " " + client + " " + lost + " of " + traffic);
            }
        });
        strict.executions.forEach((path, times) -> assertTrue(times == 1 || path.endsWith("/"), path));
    }

    /** Where clients are told in time, a busy machine may still be late. */
    private static void assertNearlyNothingFails(String what, Seen strict) {
        strict.traffic.forEach((client, traffic) -> assertTrue(
                traffic.failures().size() <= traffic.sent() / 50,
                () -> what + " " + client + " " + traffic + " " + traffic.failures()));
    }

    private void tell(String what, Seen plain, Seen strict) {
        System.out.println(what + " " + strict.reasons + " of plain's "
                + (plain == null ? "-" : plain.executions.size()) + ", strict's " + strict.executions.size());
        strict.traffic.forEach((client, traffic) -> {
            Http2Traffic besides = plain == null ? null : plain.traffic.get(client);
            System.out.println(
                    what + " " + client + " plain=" + (besides == null ? "-" : besides) + " strict=" + traffic
                            + " executed=" + strict.executed(traffic) + " "
                            + traffic.failures().values().stream().limit(2).toList()
                            + (besides == null
                                    ? ""
                                    : " plain "
                                            + besides.failures().values().stream()
                                                    .limit(2)
                                                    .toList()));
            table.computeIfAbsent(client, key -> new StringBuilder())
                    .append(besides == null ? "" : " | " + besides)
                    .append(" | ")
                    .append(traffic);
        });
    }

    @Test
    void keepAliveThatIsAsShortAsThePauses() throws Exception {
        Seen plain = use(null, SHORT_MS, SHORT_MS, Http2ClientsIT::nothing);
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMillis(SHORT_MS))
                .build();
        Seen strict = use(policy, LONG_MS, SHORT_MS, Http2ClientsIT::nothing);
        tell("idle", plain, strict);
        check("idle", strict, CloseReason.KEEP_ALIVE_TIMEOUT);
        strict.traffic.forEach((client, traffic) -> {
            int besides = plain.traffic.get(client).failures().size();
            assertTrue(
                    traffic.failures().size() <= besides + traffic.sent() / 10,
                    () -> "idle " + client + " plain " + besides + " strict " + traffic);
        });
    }

    @Test
    void fewRequestsOnEachConnection() throws Exception {
        Seen plain = use(null, LONG_MS, STEADY_MS, Http2ClientsIT::nothing);
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().maxRequestsPerConnection(10).build();
        Seen strict = use(policy, LONG_MS, STEADY_MS, Http2ClientsIT::nothing);
        tell("max", plain, strict);
        check("max", strict, CloseReason.MAX_REQUESTS);
        assertNearlyNothingFails("max", strict);
    }

    @Test
    void evictionsInSteadyUse() throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .minKeepAliveTimeout(Duration.ofMillis(1))
                .build();
        Seen strict = use(policy, LONG_MS, STEADY_MS, (server, end) -> {
            while (System.nanoTime() - end < 0) {
                Thread.sleep(300);
                server.monitor.evictIdle();
            }
        });
        tell("evict", null, strict);
        check("evict", strict, CloseReason.EVICTED);
    }

    /** A rolling restart: another server, on the same ports, gets the connections that come from the drain on. */
    @Test
    void drainInSteadyUse() throws Exception {
        Seen strict = restart(KeepAlivePolicy.defaults(), server -> {
            server.connectors.clear().close();
            server.connectors.secure().close();
            server.monitor.drain(Duration.ofMillis(MILLIS / 4));
            Thread.sleep(MILLIS / 3);
        });
        tell("drain", null, strict);
        check("drain", strict, CloseReason.DRAIN);
        assertNearlyNothingFails("drain", strict);
    }

    /** The same without a drain. */
    @Test
    void stopInSteadyUse() throws Exception {
        Seen plain = restart(null, server -> {});
        Seen strict = restart(KeepAlivePolicy.defaults(), server -> {});
        tell("stop", plain, strict);
        check("stop", strict, CloseReason.STOP, plain);
        assertTrue(
                strict.failed() <= plain.failed() + strict.executions.size() / 100,
                () -> "stop, plain " + plain.failed() + " strict " + strict.failed());
    }

    @FunctionalInterface
    private interface BeforeStop {
        void on(Side server) throws Exception;
    }

    private Seen restart(KeepAlivePolicy policy, BeforeStop beforeStop) throws Exception {
        List<Side> next = new ArrayList<>();
        try {
            return use(policy, LONG_MS, STEADY_MS, (server, end) -> {
                Thread.sleep(MILLIS / 3);
                next.add(new Side(policy, LONG_MS, server.executions).start(server.clearPort(), server.securePort()));
                beforeStop.on(server);
                server.server.stop();
            });
        } finally {
            for (Side one : next) {
                one.close();
            }
        }
    }
}
