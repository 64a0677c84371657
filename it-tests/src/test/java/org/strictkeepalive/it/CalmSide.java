package org.strictkeepalive.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.KeepAlivePolicy;

/** One of the two servers of {@link CalmLifeIT} with its clients. */
final class CalmSide implements AutoCloseable {
    private static final String FAILED = "failed: ";
    private static final long STOP_TIMEOUT_MS = 10_000;
    private static final long REJECTED_MS = 8000;
    /** What has to go goes within this time, on any machine. */
    private static final long PATIENCE_MS = 20_000;

    private final String name;
    private final QueuedThreadPool pool;
    private final BesideServer server;
    private final SSLContext tls;
    private final Executor threads;
    private final List<CalmLife.Client> clients = new ArrayList<>();
    private final List<CalmWire> held = new ArrayList<>();
    private final Set<Integer> ports = new HashSet<>();
    private volatile boolean stopping;

    /** What the clients saw of a life, client by client and step by step. */
    final List<List<String>> seen = new ArrayList<>();

    final AtomicInteger answered = new AtomicInteger();
    /** Requests of the moment of the stop that got no answer. */
    final AtomicInteger lost = new AtomicInteger();

    int queued;
    int queuedAfterStop;
    long stopMs;

    CalmSide(String name, CalmLife.Pool pool, Keys keys, KeepAlivePolicy policy, Executor threads) throws Exception {
        this.name = name;
        this.pool = pool.make(name);
        this.threads = threads;
        tls = keys.client();
        server = new BesideServer(keys, policy, this.pool);
        server.server.setStopTimeout(STOP_TIMEOUT_MS);
        if (pool == CalmLife.Pool.BOUNDED) {
            // A stream of HTTP/2 whose task was rejected hangs till then.
            server.clear.setIdleTimeout(REJECTED_MS);
            server.secure.setIdleTimeout(REJECTED_MS);
        }
    }

    static boolean isFailure(String seen) {
        return seen.startsWith(FAILED);
    }

    /** Starts the server, and lets the clients live until all have done their steps. */
    CompletableFuture<Void> live(CalmLife life) {
        seen.clear();
        answered.set(0);
        lost.set(0);
        stopping = false;
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        server.start();
                        ports.clear();
                        ports.add(server.clear.getLocalPort());
                        ports.add(server.secure.getLocalPort());
                        List<CompletableFuture<List<String>>> all = new ArrayList<>();
                        for (CalmLife.Program program : life.programs) {
                            CalmLife.Client client = client(life.transport);
                            clients.add(client);
                            all.add(CompletableFuture.supplyAsync(() -> live(client, program), threads));
                        }
                        all.forEach(future -> seen.add(future.join()));
                        Http.pause(300);
                        for (int i = 0; i < clients.size(); i++) {
                            seen.get(i).add(clients.get(i).atRest());
                        }
                        becomes(() -> pool.getQueueSize() == 0);
                        queued = pool.getQueueSize();
                    } catch (Exception x) {
                        throw new IllegalStateException(x);
                    }
                },
                threads);
    }

    private CalmLife.Client client(CalmLife.Transport transport) {
        ServerConnector connector = transport.isSecure() ? server.secure : server.clear;
        SSLContext context = transport.isSecure() ? tls : null;
        return transport.isHttp1()
                ? new CalmClient(connector.getLocalPort(), context)
                : new CalmHttp2Client(connector.getLocalPort(), context, threads);
    }

    private static List<String> live(CalmLife.Client client, CalmLife.Program program) {
        List<String> result = new ArrayList<>();
        for (CalmLife.Step step : program.steps()) {
            try {
                result.add(client.go(step));
            } catch (IOException x) {
                result.add(FAILED + x);
            }
        }
        return result;
    }

    /** Stops the server while its clients go on. */
    CompletableFuture<Void> stop(CalmLife life) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        for (CalmLife.Held kind : life.held) {
                            hold(kind);
                        }
                        List<CompletableFuture<Void>> all = new ArrayList<>();
                        for (int i = 0; i < clients.size(); i++) {
                            CalmLife.Client client = clients.get(i);
                            CalmLife.Program program = life.programs.get(i);
                            all.add(CompletableFuture.runAsync(() -> liveThroughStop(client, program), threads));
                        }
                        Http.pause(life.stopAfterMs);
                        stopping = true;
                        stopMs = server.stop();
                        queuedAfterStop = pool.getQueueSize();
                        all.forEach(CompletableFuture::join);
                        endClients();
                    } catch (IOException x) {
                        throw new IllegalStateException(x);
                    }
                },
                threads);
    }

    private void hold(CalmLife.Held kind) throws IOException {
        CalmWire wire = new CalmWire(server.clear.getLocalPort(), null);
        held.add(wire);
        wire.send(kind.sent);
        threads.execute(() -> {
            try (wire) {
                wire.rest();
            } catch (IOException x) {
                // Closed.
            }
        });
    }

    private void liveThroughStop(CalmLife.Client client, CalmLife.Program program) {
        for (CalmLife.Step step : program.atStop()) {
            if (stopping && client.atRest().equals("closed")) {
                return;
            }
            try {
                client.go(step);
                answered.incrementAndGet();
            } catch (IOException x) {
                if (!client.isRefused(x)) {
                    lost.incrementAndGet();
                }
                return;
            }
            Http.pause(20);
        }
    }

    private void endClients() throws IOException {
        for (CalmLife.Client client : clients) {
            client.close();
        }
        clients.clear();
        for (CalmWire wire : held) {
            wire.close();
        }
        held.clear();
    }

    /** The threads that have not ended. */
    List<String> threadsLeft() {
        becomes(() -> threadNames().isEmpty());
        return threadNames();
    }

    private List<String> threadNames() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(thread -> thread.startsWith(name))
                .sorted()
                .toList();
    }

    /** The sockets of the server that this process still holds. */
    int socketsLeft() {
        becomes(() -> sockets() == 0);
        return sockets();
    }

    private int sockets() {
        Set<String> ours = new HashSet<>();
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : (Iterable<Path>) descriptors::iterator) {
                try {
                    ours.add(Files.readSymbolicLink(descriptor).toString());
                } catch (IOException x) {
                    // Closed meanwhile.
                }
            }
            int count = 0;
            for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
                for (String line : Files.readAllLines(Path.of(table))) {
                    String[] words = line.trim().split("\\s+", -1);
                    if (words[1].contains(":")
                            && ports.contains(port(words[1]))
                            && ours.contains("socket:[" + words[9] + "]")) {
                        count++;
                    }
                }
            }
            return count;
        } catch (IOException x) {
            throw new IllegalStateException(x);
        }
    }

    private static int port(String address) {
        return Integer.parseInt(address.substring(address.indexOf(':') + 1).toLowerCase(Locale.ROOT), 16);
    }

    private static void becomes(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (!condition.getAsBoolean() && System.nanoTime() - end < 0) {
            Http.pause(20);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        endClients();
    }
}
