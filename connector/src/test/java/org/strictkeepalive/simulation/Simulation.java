package org.strictkeepalive.simulation;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.http2.PlayedHttp2;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeProbe;
import org.strictkeepalive.testkit.PlayedClient;
import org.strictkeepalive.testkit.PlayedConnection;

/**
 * A server and its visitors in virtual time. Policy, gauge, eviction, wheel, gate and monitor are the real ones; played
 * are the clients, the network, the listen backlog, the acceptor, and what the application holds.
 */
final class Simulation {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;
    /** A round of relief takes no longer: four steps of 256 connections, a tick apart. */
    private static final long ROUND = 400 * MS;

    private static final long ROUND_TRIP = SimulatedVisitor.ROUND_TRIP;
    /** How long a visitor waits to be accepted before it gives up. */
    private static final long PATIENCE = 10 * SECOND;

    /** After this even a leaky client is gone, so that a simulation ends also where the server closes nothing. */
    private static final long LEAK = 3_600 * SECOND;

    private static final int BACKLOG = 1024;
    /** The connector's idle timeout, which is the keep-alive timeout by default. */
    private static final long IDLE_TIMEOUT = 30 * SECOND;

    private final SimulationLoad load;
    private final VirtualTime time = new VirtualTime();
    private final Deque<Visitor> backlog = new ArrayDeque<>();
    private final SimulationResult result = new SimulationResult();
    private final Server server = new Server();
    private final DescriptorMonitor monitor;
    private final KeepAlivePolicy policy;
    private final StrictKeepAliveConnectionFactory factory;
    private Governor governor;
    private final FakeConnector connector;
    private boolean acceptorWaits;
    private int links;
    private int files;
    /** Idle connections that were never reused. */
    private final Set<Link> newcomers = new HashSet<>();

    private PressureLevel level = PressureLevel.NORMAL;
    private long levelSince;
    /** When the number of open connections changed last, at the end when the last one ended. */
    private long openSince;

    private Simulation(SimulationLoad load, KeepAlivePolicy policy) {
        this.load = load;
        this.policy = policy;
        FakeProbe machine = new FakeProbe() {
            @Override
            public long used() {
                return Simulation.this.used();
            }
        };
        machine.limit = load.machine().limit();
        monitor = Inside.monitor(time.scheduler, machine, time::now);
        server.addBean(monitor);
        factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
        connector = new FakeConnector(server, 1, factory) {
            @Override
            public void setAccepting(boolean accepting) {
                super.setAccepting(accepting);
                switches.clear();
                if (accepting) {
                    time.at(time.now(), Simulation.this::accept);
                }
            }
        };
    }

    static SimulationResult run(SimulationLoad load, KeepAlivePolicy policy) throws Exception {
        Simulation simulation = new Simulation(load, policy);
        simulation.start();
        try {
            return simulation.run();
        } finally {
            simulation.server.stop();
        }
    }

    private void start() throws Exception {
        server.start();
        governor = Inside.governor(factory, connector);
    }

    private SimulationResult run() {
        time.at(0, new Arrivals()::next);
        while (!time.isOver()) {
            if (time.step()) {
                observe();
            }
        }
        observe();
        result.time.merge(level, time.now() - levelSince, Long::sum);
        result.seconds = openSince / 1e9;
        KeepAliveStatistics statistics = monitor.getStatistics();
        require(statistics.getOpen() == 0 && links == 0, "open for ever");
        require(statistics.getOpened() == statistics.getClosed(), "numbers don't add up");
        require(statistics.getOpened() == result.connections, "connections not counted");
        require(statistics.getRequests() == result.requests, "requests not counted");
        require(statistics.getClosed(CloseReason.EVICTED) == result.evicted, "evictions not counted");
        require(connector.isAccepting() && !monitor.isAcceptingPaused(), "left paused");
        require(monitor.getLevel() == PressureLevel.NORMAL, "not back to normal");
        require(monitor.getProbeFailureCount() == 0, "a tick failed");
        return result;
    }

    private void require(boolean holds, String otherwise) {
        if (!holds && result.violations.size() < 20) {
            result.violations.add(otherwise + " at " + time.now() / 1e9 + " s");
        }
    }

    private void observe() {
        PressureLevel now = Inside.governor(monitor).pressure().level();
        if (now != level) {
            result.levelChanges++;
            result.time.merge(level, time.now() - levelSince, Long::sum);
            level = now;
            levelSince = time.now();
        }
    }

    /** One connection more, or less. */
    private void count(int more) {
        result.openSeconds += links * ((time.now() - openSince) / 1e9);
        openSince = time.now();
        links += more;
    }

    // ---- The machine

    private long used() {
        return (long) load.machine().held() + links + files;
    }

    /** The acceptor's thread: it takes what waits while it may, and one more where it was waiting itself. */
    private void accept() {
        while (!backlog.isEmpty() && (connector.isAccepting() || acceptorWaits)) {
            acceptorWaits = false;
            if (used() >= load.machine().limit()) {
                result.withoutDescriptor++;
                time.in(100 * MS, this::accept);
                return;
            }
            Visitor visitor = backlog.remove();
            long wait = time.now() - visitor.knockedAt;
            result.longestWait = Math.max(result.longestWait, wait);
            result.connections++;
            count(1);
            Object channel = new Object();
            Inside.governor(monitor).onAccepting(connector, channel);
            Inside.governor(monitor).onAccepted(channel);
            observe();
            Link link = new Link(visitor);
            Inside.governor(monitor).onOpened(link.connection.governed(), link.connection.dueFirst());
            if (visitor.leaky) {
                time.in(LEAK, link.connection::clientCloses);
            }
            if (wait > PATIENCE) {
                result.turnedAway++;
                link.connection.free(CloseReason.CLIENT);
            } else if (!visitor.silent) {
                time.at(Math.max(time.now(), visitor.knockedAt + ROUND_TRIP), link::onRequest);
            }
        }
        acceptorWaits |= connector.isAccepting();
    }

    // ---- The visitors

    private final class Arrivals {
        private final double perWeight;
        private int second = -1;
        private int number;
        private double due;

        private Arrivals() {
            perWeight = load.visitors()
                    / IntStream.range(0, load.seconds())
                            .mapToDouble(load.weight())
                            .sum();
        }

        private void next() {
            if (++second == load.seconds()) {
                return;
            }
            due += load.weight().applyAsDouble(second) * perWeight;
            for (; number + 1 <= due + 1e-6; number++) {
                Visitor visitor = new Visitor(number);
                time.in((long) (visitor.random.nextDouble() * SECOND), visitor::knock);
            }
            time.in(SECOND, this::next);
        }
    }

    private final class Visitor extends SimulatedVisitor {
        private long knockedAt;
        private long knocks;

        private Visitor(int number) {
            super(number, load);
        }

        private void knock() {
            knockedAt = time.now();
            knocks = 0;
            knockAgain();
        }

        /** A SYN; where the backlog is full the kernel drops it, and it comes again after 1 s, 3 s, 7 s. */
        private void knockAgain() {
            if (backlog.size() < BACKLOG) {
                backlog.add(this);
                accept();
            } else if (time.now() - knockedAt > PATIENCE) {
                result.turnedAway++;
                result.longestWait = Math.max(result.longestWait, time.now() - knockedAt);
            } else {
                time.in(SECOND << knocks++, this::knockAgain);
            }
        }
    }

    private final class Link implements PlayedClient {
        private final Visitor visitor;
        private final PlayedConnection connection;
        private boolean file;
        private boolean discarded;
        /** When the client's next request arrives. */
        private long nextAt = Long.MAX_VALUE;

        private Link(Visitor visitor) {
            this.visitor = visitor;
            double agePart = visitor.random.nextDouble();
            connection = visitor.http2
                    ? new PlayedHttp2(governor, time::now, agePart, ROUND_TRIP, this)
                    : new PlayedHttp1(governor, time::now, agePart, this);
            count();
        }

        private void count() {
            newcomers.remove(this);
            if (connection.isIdle() && connection.governed().requests() <= 1) {
                newcomers.add(this);
            }
        }

        private boolean isWanted() {
            return visitor.left > 0;
        }

        private void onRequest() {
            if (connection.request()) {
                count();
                result.requests++;
                visitor.left--;
                file = visitor.random.nextInt(3) == 0;
                if (file) {
                    file = used() < load.machine().limit();
                    result.withoutDescriptor += file ? 0 : 1;
                    files += file ? 1 : 0;
                }
                time.in(visitor.service(), this::onResponse);
            } else if (time.now() - connection.toldAt() >= ROUND_TRIP) {
                // The client knew.
                visitor.knock();
            } else if (connection.refusesSafely()) {
                discarded = true;
                result.refused++;
                time.in(ROUND_TRIP, visitor::knock);
            } else if (connection.governed().requests() == 0) {
                discarded = true;
                result.turnedAway++;
            } else {
                discarded = true;
                result.crossed++;
                time.in(ROUND_TRIP, visitor::knock);
            }
        }

        private void onResponse() {
            files -= file ? 1 : 0;
            CloseReason reason = connection.respond();
            count();
            if (reason != null) {
                result.told += reason == CloseReason.PRESSURE && isWanted() ? 1 : 0;
                if (isWanted()) {
                    time.in(visitor.think(), visitor::knock);
                }
            } else if (isWanted()) {
                long think = visitor.think();
                nextAt = time.now() + think;
                time.in(think, this::onRequest);
            } else if (!visitor.leaky) {
                // Half of them close at once, the others keep what they won't use, as browsers do.
                long held = visitor.random.nextBoolean() ? (long) (visitor.random.nextDouble() * 60 * SECOND) : 0;
                time.in(ROUND_TRIP + held, connection::clientCloses);
            }
        }

        @Override
        public void onShut() {
            count();
            if (!visitor.leaky) {
                time.in(ROUND_TRIP, connection::clientCloses);
            }
        }

        @Override
        public void onFreed() {
            count();
            Simulation.this.count(-1);
        }

        @Override
        public void onClosing(CloseReason reason) {
            if (reason == CloseReason.EVICTED) {
                onEvicted();
            } else if (reason == CloseReason.KEEP_ALIVE_TIMEOUT) {
                result.timedOutEarly += isWanted() && nextAt - connection.idleSinceWhen() < IDLE_TIMEOUT ? 1 : 0;
            }
        }

        private void onEvicted() {
            boolean reused = connection.governed().isReused();
            if (reused) {
                long idle = time.now() - connection.idleSinceWhen();
                require(
                        idle >= policy.getMinKeepAliveTimeout().toNanos(),
                        "evicted " + idle / MS + " ms after its response");
                // At CRITICAL a round may take several steps; who became idle meanwhile is seen in the next one.
                boolean known =
                        newcomers.stream().anyMatch(link -> time.now() - link.connection.idleSinceWhen() > ROUND);
                require(!known, "a reused one evicted before a newcomer");
            }
            result.evicted++;
            result.evictedReused += reused ? 1 : 0;
            result.evictedWanted += isWanted() ? 1 : 0;
        }

        @Override
        public boolean isDiscarded() {
            return discarded;
        }
    }
}
