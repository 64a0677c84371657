package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/**
 * Usual clients pause around the keep-alive timeout of a server 50 ms away, with and without its {@code Keep-Alive}
 * field. {@code -Dclients.seconds=180} makes it longer.
 */
class ClientsIT {
    /** Connections of each client, with and without the field. */
    static final int WORKERS = 10;

    private static final int SECONDS = Integer.getInteger("clients.seconds", 20);
    private static final long KEEP_ALIVE_MS = TimeUnit.SECONDS.toMillis(RealClient.KEEP_ALIVE_SECONDS);
    /** Clients have a second between what they are told and the close; a machine late by this much may break it. */
    private static final long STALL_MS = 500;

    /** How often the application got the request of a path. */
    private final Map<String, Integer> executions = new ConcurrentHashMap<>();
    /** The {@code Connection} field of the requests of a client. */
    private final Map<String, String> asked = new ConcurrentHashMap<>();

    private final SlowWire wire;

    ClientsIT() throws IOException {
        wire = new SlowWire();
    }

    /** A client with or without the field. */
    private final class Side {
        private final String name;
        private final List<SlowWire.Way> ways = new ArrayList<>();
        private final List<RealClient.Step> steps = new ArrayList<>();
        private final ConcurrentLinkedQueue<RealClient.Outcome> outcomes = new ConcurrentLinkedQueue<>();

        private Side(RealClient client, boolean advertise, int port) throws IOException {
            name = "/" + client + "/" + advertise;
            Random random = new Random(client.name().hashCode());
            for (int worker = 0; worker < WORKERS; worker++) {
                SlowWire.Way way = wire.new Way(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                ways.add(way);
                long pause;
                for (long time = 0; time < TimeUnit.SECONDS.toMillis(SECONDS); time += pause) {
                    boolean around = random.nextInt(4) > 0;
                    pause = around ? KEEP_ALIVE_MS - 1500 + random.nextInt(2000) : random.nextInt(2000);
                    URI uri = URI.create("http://127.0.0.1:%d%s/%d".formatted(way.port(), name, steps.size()));
                    steps.add(new RealClient.Step(random.nextBoolean() ? "GET" : "POST", uri, pause));
                }
            }
        }

        private int requests() {
            return ways.stream().mapToInt(way -> way.requests.get()).sum();
        }

        private int connections() {
            return ways.stream().mapToInt(way -> way.connections.get()).sum();
        }

        private long failed() {
            return outcomes.stream().filter(outcome -> !outcome.isAnswered()).count();
        }

        /** How many went out and met a close: the client failed, or sent the request again. */
        private int lost() {
            return requests()
                    - steps.stream()
                            .mapToInt(step -> executions(step.uri().getPath()))
                            .sum();
        }

        private double longestPause() {
            return ways.stream().mapToLong(way -> way.longestPause.get()).max().orElseThrow() / 1e9;
        }

        private String row() {
            return String.format(Locale.ROOT, "%d | %.1f s | %d | %d", connections(), longestPause(), lost(), failed());
        }

        private void assertExecutedIfAnswered() {
            assertEquals(steps.size(), outcomes.size(), name);
            for (RealClient.Outcome outcome : outcomes) {
                assertEquals(outcome.isAnswered() ? 1 : 0, executions(outcome.path()), outcome::toString);
            }
            assertTrue(connections() < steps.size(), () -> name + " reused no connection");
        }

        private void assertNoneLost() {
            if (lost() > 0 || failed() > 0) {
                assumeTrue(
                        wire.longestStallMs() < STALL_MS, "The machine was late by " + wire.longestStallMs() + " ms");
            }
            assertEquals(0, lost(), () -> name + " lost requests: " + failures());
            assertEquals(0, failed(), () -> name + " failed: " + failures());
        }

        private String method(RealClient.Outcome outcome) {
            int step = Integer.parseInt(outcome.path().substring(name.length() + 1));
            return steps.get(step).method();
        }

        private Map<String, Long> failures() {
            return outcomes.stream()
                    .filter(outcome -> !outcome.isAnswered())
                    .map(outcome -> method(outcome) + " " + outcome.detail())
                    .map(failure -> failure.substring(0, Math.min(80, failure.length())))
                    .collect(Collectors.groupingBy(failure -> failure, Collectors.counting()));
        }
    }

    private int executions(String path) {
        return executions.getOrDefault(path, 0);
    }

    private static int start(Server server, ConnectionFactory factory, Handler handler) throws Exception {
        ServerConnector connector = new ServerConnector(server, factory);
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(handler);
        server.start();
        return connector.getLocalPort();
    }

    private int startStrict(Server server, boolean advertise) throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMillis(KEEP_ALIVE_MS))
                .advertiseKeepAlive(advertise)
                .elevatedAt(0)
                .highAt(0)
                .build();
        StrictKeepAliveConnectionFactory factory =
                new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
        return start(server, factory, new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                String path = Request.getPathInContext(request);
                executions.merge(path, 1, Integer::sum);
                asked.put(
                        path.split("/", -1)[1],
                        String.valueOf(request.getHeaders().get(HttpHeader.CONNECTION)));
                Content.Source.asString(request);
                Content.Sink.write(response, true, path, callback);
                return true;
            }
        });
    }

    /** Answers {@code /ms/} after that time. */
    private static int startPause(Server server) throws Exception {
        return start(server, new HttpConnectionFactory(), new Handler.Abstract.NonBlocking() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                long pause = Long.parseLong(Request.getPathInContext(request).substring(1));
                request.getComponents().getScheduler().schedule(callback::succeeded, pause, TimeUnit.MILLISECONDS);
                return true;
            }
        });
    }

    @Test
    void clientsThatHonourKeepAliveLoseNoRequest() throws Exception {
        List<RealClient> clients = new ArrayList<>();
        for (RealClient client : RealClient.values()) {
            if (client.isInstalled()) {
                clients.add(client);
            }
        }
        Server advertising = new Server();
        Server silent = new Server();
        Server pausing = new Server();
        ExecutorService threads = Executors.newCachedThreadPool();
        List<Side> with = new ArrayList<>();
        List<Side> without = new ArrayList<>();
        try (wire) {
            int advertisingPort = startStrict(advertising, true);
            int silentPort = startStrict(silent, false);
            int pausingPort = startPause(pausing);
            List<Future<Void>> runs = new ArrayList<>();
            for (RealClient client : clients) {
                with.add(new Side(client, true, advertisingPort));
                without.add(new Side(client, false, silentPort));
                for (Side side : List.of(with.get(with.size() - 1), without.get(without.size() - 1))) {
                    runs.add(threads.submit(() -> {
                        client.run(
                                side.steps,
                                ms -> URI.create("http://127.0.0.1:" + pausingPort + "/" + ms),
                                side.outcomes::add);
                        return null;
                    }));
                }
            }
            for (Future<Void> run : runs) {
                run.get(SECONDS + 120, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
            for (Server server : List.of(advertising, silent, pausing)) {
                server.stop();
            }
        }

        System.out.printf("%d s, machine late by %d ms%n", SECONDS, wire.longestStallMs());
        for (int i = 0; i < clients.size(); i++) {
            RealClient client = clients.get(i);
            Side told = with.get(i);
            Side untold = without.get(i);
            System.out.printf("| %s | %d | %s | %s |%n", client.label, told.steps.size(), told.row(), untold.row());
            System.out.printf(
                    "    Connection: %s, failures %s %s%n",
                    asked.get(client.name()), told.failures(), untold.failures());
        }
        for (int i = 0; i < clients.size(); i++) {
            with.get(i).assertExecutedIfAnswered();
            without.get(i).assertExecutedIfAnswered();
        }
        // The race is there to be lost.
        assertTrue(without.stream().mapToInt(Side::lost).sum() > 0);
        for (int i = 0; i < clients.size(); i++) {
            RealClient.Honours honours = clients.get(i).honours;
            if (honours != RealClient.Honours.NOTHING) {
                with.get(i).assertNoneLost();
            }
            if (honours == RealClient.Honours.SETTING) {
                without.get(i).assertNoneLost();
            }
        }
    }
}
