package org.strictkeepalive.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.logging.JettyLevel;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.HostPort;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.thread.TryExecutor;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.connection.Sockets;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.server.GovernedConnector;
import org.strictkeepalive.testkit.DirectPool;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeProbe;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.StatesWalk;

/** The server of the model of a crowd, with few descriptors, in virtual time and on one thread. */
final class CrowdServer {
    private static final int MOST_CLIENTS = 12;
    static final long MS = 1_000_000L;
    static final int FIRST_MS = 5_000;
    static final int HEADER_MS = 3_000;
    static final int LONGEST_KEEP_ALIVE_MS = 5_000;
    static final long LINGER = 1_000 * MS;
    /** A tick, the width of a bucket, and a step of the model's time. */
    static final long LATE = 230 * MS;
    /** The least grace of an exchange that waits for its client. */
    static final long GRACE = 500 * MS;
    /** The linger at HIGH. */
    static final long LEAST_LINGER = 250 * MS;

    final List<CrowdClient> clients = new ArrayList<>();
    final Machine machine = new Machine();
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    FakeScheduler scheduler;
    private Server server;
    FakeConnector connector;
    StrictKeepAliveConnectionFactory factory;
    DescriptorMonitor monitor;
    int accepted;
    int tunnels;
    /** When the policy was last changed. */
    long policyAt;
    /** When the level was last ELEVATED or above. */
    long pressedAt;
    /** When the level was last CRITICAL. */
    long criticalAt;

    /** The descriptors of the process: those of the connections and what the application holds. */
    final class Machine extends FakeProbe {
        int held;

        private Machine() {
            room = true;
        }

        @Override
        public long used() throws IOException {
            if (monitor != null) {
                note(Inside.governor(monitor).pressure());
            }
            used = held + clients.stream().filter(CrowdClient::isOpen).count();
            return super.used();
        }
    }

    /** Runs tasks later, on the thread of the model; but no acceptor, which would wait there. */
    private final class Caller extends DirectPool implements TryExecutor {
        @Override
        public boolean tryExecute(Runnable task) {
            execute(task);
            return true;
        }

        @Override
        public void execute(Runnable task) {
            if (!server.isStarting()) {
                tasks.add(task);
            }
        }
    }

    /** Prints a step, where only one sequence is run. */
    void tell(String what) {
        if (CrowdModelTest.ONLY_SEED != null) {
            System.out.println(scheduler.now / MS + " ms, "
                    + Inside.governor(monitor).pressure().level() + ": " + what);
        }
    }

    static long later(long a, long b) {
        return a - b > 0 ? a : b;
    }

    boolean isRecent(long at) {
        return scheduler.now - at <= LATE;
    }

    boolean isStarted() {
        return server != null;
    }

    void stop() throws Exception {
        server.stop();
    }

    void start(long now) throws Exception {
        clients.clear();
        accepted = 0;
        tunnels = 0;
        scheduler = new FakeScheduler();
        scheduler.now = now;
        pressedAt = now - 2 * LATE;
        criticalAt = pressedAt;
        server = new Server(new Caller());
        factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration());
        reset();
        monitor = Inside.monitor(scheduler, machine, () -> scheduler.now);
        server.addBean(monitor);
        connector = new FakeConnector(server, server.getThreadPool(), 1, factory);
        connector.addBean(new AbstractLifeCycle() {
            @Override
            protected void doStop() {
                // As the selectors do.
                clients.forEach(client -> client.stopped = true);
                clients.forEach(client -> client.endPoint.close());
            }
        });
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                EndPoint endPoint = Sockets.innermost(
                        request.getConnectionMetaData().getConnection().getEndPoint());
                for (CrowdClient client : clients) {
                    if (client.endPoint == endPoint) {
                        client.exchanges.handle(request, response, callback);
                    }
                }
                return true;
            }
        });
        server.start();
    }

    /** What servers log of starts, stops, pressure and failures on purpose would be millions of lines. */
    static void log(JettyLevel level) {
        for (Class<?> type : List.of(
                AbstractConnector.class, DescriptorMonitor.class, HostPort.class, Response.class, Server.class)) {
            ((JettyLogger) LoggerFactory.getLogger(type)).setLevel(level);
        }
    }

    void note(Pressure pressure) {
        if (pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
            pressedAt = scheduler.now;
        }
        if (pressure.level() == PressureLevel.CRITICAL) {
            criticalAt = scheduler.now;
        }
    }

    void reset() {
        machine.held = 20;
        machine.limit = 40;
        machine.failure = null;
        setPolicy(2_000, 1000, 3_600_000);
    }

    void setPolicy(int keepAliveMs, int maxRequests, int maxAgeMs) {
        policyAt = scheduler.now;
        factory.setPolicy(KeepAlivePolicy.builder()
                .firstRequestTimeout(Duration.ofMillis(FIRST_MS))
                .requestHeaderTimeout(Duration.ofMillis(HEADER_MS))
                .keepAliveTimeout(Duration.ofMillis(keepAliveMs))
                .maxRequestsPerConnection(maxRequests)
                .maxConnectionAge(Duration.ofMillis(maxAgeMs))
                .maxConnectionAgeJitter(0)
                .dataRateGrace(Duration.ofSeconds(1))
                .lingerTimeout(Duration.ofNanos(LINGER))
                .unreadBodyLingerTimeout(Duration.ofNanos(LINGER))
                .build());
    }

    void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    void checkClients() {
        note(Inside.governor(monitor).pressure());
        runTasks();
        clients.forEach(CrowdClient::check);
    }

    void check() {
        checkClients();
        KeepAliveStatistics statistics = monitor.getStatistics();
        int open = 0;
        for (CrowdClient client : clients) {
            open += client.isOpen() && !client.upgraded ? 1 : 0;
        }
        assertEquals(open, statistics.getOpen(), statistics::toString);
        assertEquals(open, monitor.getOpenConnections());
        StatesWalk.assertCounted(monitor);
        assertEquals(accepted, statistics.getOpened(), statistics::toString);
        assertEquals(accepted, open + statistics.getClosed(), statistics::toString);
        assertEquals(tunnels, statistics.getClosed(CloseReason.UPGRADED), statistics::toString);
        assertTrue(
                scheduler.pending.size() <= 1, () -> "something is scheduled besides the tick: " + scheduler.pending);
    }

    void restart() throws Exception {
        server.stop();
        check();
        assertTrue(connector.isAccepting(), "paused by a stop");
        assertEquals(List.of(), factory.getHttpConfiguration().getCustomizers());
        assertNull(connector.getBean(GovernedConnector.class));
        scheduler.pending.clear(); // as a scheduler that stops does
        server.start();
    }

    void pass(int ms, int step) {
        for (int left = ms; left > 0; left -= step) {
            scheduler.advance(Math.min(left, step) * MS);
            checkClients();
        }
    }

    void connect() {
        if (connector.isAccepting()
                && clients.stream().filter(CrowdClient::isOpen).count() < MOST_CLIENTS) {
            CrowdClient client = new CrowdClient(this);
            clients.add(client);
            client.connect();
        }
    }
}
