package org.strictkeepalive;

import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;

/**
 * A server and its visitors in virtual time. Policy, gauge, eviction, wheel, gate and monitor are the real ones; played
 * are the clients, the network, the listen backlog, the acceptor, and what the application holds.
 */
final class Simulation implements DescriptorProbe {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;
    private static final long ROUND_TRIP = 50 * MS;
    /** How long a visitor waits to be accepted before it gives up. */
    private static final long PATIENCE = 10 * SECOND;

    /** The same visitors, whatever the settings. */
    private static final long SEED = 42_000_000_000L;

    /** After this even a leaky client is gone, so that a simulation ends also where the server closes nothing. */
    private static final long LEAK = 3_600 * SECOND;

    private static final int BACKLOG = 1024;
    /** The connector's idle timeout, which is the keep-alive timeout by default. */
    private static final long IDLE_TIMEOUT = 30 * SECOND;

    /** What the process may open, and what the application holds of it. */
    record Machine(int limit, int held) {}

    /** Visitors, spread over some seconds by weight, the share of leaky ones, and the machine that they come to. */
    record Load(int visitors, int seconds, IntToDoubleFunction weight, double leaky, Machine machine) {
        /** A day with its night, and crowds. */
        static Load day(int visitors, double leaky, Machine machine) {
            int day = 24 * 3600;
            return new Load(
                    visitors,
                    day,
                    second -> (1 - 0.6 * Math.cos(2 * Math.PI * second / day)) * crowd(second),
                    leaky,
                    machine);
        }

        private static double crowd(int second) {
            if (second == 12 * 3600) {
                return 60;
            }
            int minute = second / 60;
            if (minute >= 3 * 60 && minute < 3 * 60 + 10) {
                return 8;
            } else if (minute >= 9 * 60 && minute < 9 * 60 + 30) {
                return 3;
            } else if (minute >= 15 * 60 && minute < 15 * 60 + 2) {
                return 20;
            } else if (minute >= 20 * 60 && minute < 20 * 60 + 10) {
                return 6;
            }
            return 1;
        }
    }

    /** What came of it. Of visitors that would have sent again, unless it says otherwise. */
    static final class Result {
        final List<String> violations = new ArrayList<>();
        final Map<PressureLevel, Long> time = new EnumMap<>(PressureLevel.class);
        long connections;
        long requests;
        long evicted;
        long evictedReused;
        long evictedWanted;
        /** Idle ones whose timeout had shrunk. */
        long timedOutEarly;
        /** Told to close by a response. */
        long told;
        /** Requests that crossed a FIN. */
        long crossed;
        /** Visitors that gave up before they were accepted, or whose first request was not answered. */
        long turnedAway;

        long longestWait;
        /** Accepts, and the application's own, that found no descriptor. */
        long withoutDescriptor;

        long levelChanges;
        double openSeconds;
        double seconds;

        double minutes(PressureLevel level) {
            return time.getOrDefault(level, 0L) / 60e9;
        }

        @Override
        public String toString() {
            return List.of(
                            time,
                            connections,
                            requests,
                            evicted,
                            evictedReused,
                            evictedWanted,
                            timedOutEarly,
                            told,
                            crossed,
                            turnedAway,
                            longestWait,
                            withoutDescriptor,
                            levelChanges,
                            openSeconds)
                    .toString();
        }
    }

    private record Event(long at, long order, Runnable action) implements Comparable<Event> {
        @Override
        public int compareTo(Event that) {
            return at != that.at ? Long.compare(at, that.at) : Long.compare(order, that.order);
        }
    }

    private final Load load;
    private final FakeScheduler scheduler = new FakeScheduler();
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final Deque<Visitor> backlog = new ArrayDeque<>();
    private final Result result = new Result();
    private final Server server = new Server();
    private final DescriptorMonitor monitor;
    private final KeepAlivePolicy policy;
    private final StrictKeepAliveConnectionFactory factory;
    private Governor governor;
    private final FakeConnector connector;
    private boolean acceptorWaits;
    private long order;
    private int links;
    private int files;
    /** Idle connections that were never reused. */
    private int newcomers;

    private PressureLevel level = PressureLevel.NORMAL;
    private long levelSince;
    /** When the number of open connections changed last, at the end when the last one ended. */
    private long openSince;

    private Simulation(Load load, KeepAlivePolicy policy) {
        this.load = load;
        this.policy = policy;
        monitor = new DescriptorMonitor(scheduler, this, () -> scheduler.now);
        server.addBean(monitor);
        factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
        connector = new FakeConnector(server, 1, factory) {
            @Override
            public void setAccepting(boolean accepting) {
                super.setAccepting(accepting);
                switches.clear();
                if (accepting) {
                    at(scheduler.now, Simulation.this::accept);
                }
            }
        };
    }

    static Result run(Load load, KeepAlivePolicy policy) throws Exception {
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
        governor = factory.governed(connector);
    }

    private Result run() {
        at(0, new Arrivals()::next);
        while (!events.isEmpty() || !scheduler.pending.isEmpty()) {
            long tick = scheduler.pending.isEmpty()
                    ? Long.MAX_VALUE
                    : scheduler.pending.get(0).at();
            if (events.isEmpty() || tick <= events.peek().at) {
                scheduler.advance(tick - scheduler.now);
                observe();
            } else {
                Event event = events.remove();
                scheduler.advance(event.at - scheduler.now);
                event.action.run();
            }
        }
        observe();
        result.time.merge(level, scheduler.now - levelSince, Long::sum);
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
            result.violations.add(otherwise + " at " + scheduler.now / 1e9 + " s");
        }
    }

    private void at(long time, Runnable action) {
        events.add(new Event(time, order++, action));
    }

    private void in(long delay, Runnable action) {
        at(scheduler.now + delay, action);
    }

    private void observe() {
        PressureLevel now = monitor.pressure().level();
        if (now != level) {
            result.levelChanges++;
            result.time.merge(level, scheduler.now - levelSince, Long::sum);
            level = now;
            levelSince = scheduler.now;
        }
    }

    /** One connection more, or less. */
    private void count(int more) {
        result.openSeconds += links * ((scheduler.now - openSince) / 1e9);
        openSince = scheduler.now;
        links += more;
    }

    // ---- The machine

    @Override
    public String name() {
        return "simulation";
    }

    @Override
    public long used() {
        return (long) load.machine.held + links + files;
    }

    @Override
    public long limit() {
        return load.machine.limit;
    }

    @Override
    public boolean isCheap() {
        return true;
    }

    /** The acceptor's thread: it takes what waits while it may, and one more where it was waiting itself. */
    private void accept() {
        while (!backlog.isEmpty() && (connector.isAccepting() || acceptorWaits)) {
            acceptorWaits = false;
            if (used() >= load.machine.limit) {
                result.withoutDescriptor++;
                in(100 * MS, this::accept);
                return;
            }
            Visitor visitor = backlog.remove();
            long wait = scheduler.now - visitor.knockedAt;
            result.longestWait = Math.max(result.longestWait, wait);
            result.connections++;
            count(1);
            monitor.onAccepting(connector);
            monitor.onAccepted();
            observe();
            Link link = new Link(visitor);
            monitor.onOpened(link, link.firstDue());
            if (visitor.leaky) {
                in(LEAK, link::onClientFin);
            }
            if (wait > PATIENCE) {
                result.turnedAway++;
                link.free(CloseReason.CLIENT);
            } else if (!visitor.silent) {
                at(Math.max(scheduler.now, visitor.knockedAt + ROUND_TRIP), link::onRequest);
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
            perWeight = load.visitors
                    / IntStream.range(0, load.seconds).mapToDouble(load.weight).sum();
        }

        private void next() {
            if (++second == load.seconds) {
                return;
            }
            due += load.weight.applyAsDouble(second) * perWeight;
            for (; number + 1 <= due + 1e-6; number++) {
                Visitor visitor = new Visitor(number);
                in((long) (visitor.random.nextDouble() * SECOND), visitor::knock);
            }
            in(SECOND, this::next);
        }
    }

    private final class Visitor {
        private final SplittableRandom random;
        /** Doesn't close: takes one answer, or not even that. */
        private final boolean leaky;

        private final boolean silent;
        /** Like a pool of another service: many requests, seconds apart. */
        private final boolean pool;
        /** The requests that it still wants to make. */
        private int left;

        private long knockedAt;
        private long knocks;

        private Visitor(int number) {
            random = new SplittableRandom(SEED + number);
            leaky = random.nextDouble() < load.leaky;
            silent = leaky && random.nextInt(4) == 0;
            pool = !leaky && random.nextInt(20) == 0;
            left = silent ? 0 : leaky ? 1 : 1 + (int) exponential(pool ? 100 : 3);
        }

        private double exponential(double mean) {
            return -mean * Math.log(1 - random.nextDouble());
        }

        private void knock() {
            knockedAt = scheduler.now;
            knocks = 0;
            knockAgain();
        }

        /** A SYN; where the backlog is full the kernel drops it, and it comes again after 1 s, 3 s, 7 s. */
        private void knockAgain() {
            if (backlog.size() < BACKLOG) {
                backlog.add(this);
                accept();
            } else if (scheduler.now - knockedAt > PATIENCE) {
                result.turnedAway++;
                result.longestWait = Math.max(result.longestWait, scheduler.now - knockedAt);
            } else {
                in(SECOND << knocks++, this::knockAgain);
            }
        }

        /** Between two requests; a page's parts come fast, the next page when this one is read. */
        private long think() {
            return ROUND_TRIP + (long) (exponential(pool ? 2 : random.nextInt(4) == 0 ? 10 : 0.2) * SECOND);
        }

        private long service() {
            return (long) (exponential(random.nextInt(50) == 0 ? 2 : 0.03) * SECOND);
        }
    }

    /** A connection: the guard's own life and deadlines, with its clients' requests whole and at once. */
    private final class Link extends ConnectionDeadlines {
        private final Visitor visitor;
        private final double agePart;
        private long requests;
        private boolean file;
        private boolean discarded;
        private boolean freed;
        private boolean newcomer;
        /** When the client's next request arrives. */
        private long nextAt = Long.MAX_VALUE;

        private Link(Visitor visitor) {
            super(Simulation.this.governor);
            this.visitor = visitor;
            agePart = visitor.random.nextDouble();
            begin(scheduler.now);
            aboutToWait(0, false, scheduler.now);
            waits();
            count();
        }

        private void count() {
            newcomers -= newcomer ? 1 : 0;
            newcomer = isIdle() && requests <= 1;
            newcomers += newcomer ? 1 : 0;
        }

        private boolean isIdle() {
            ConnectionState state = state();
            return !freed && (state == ConnectionState.NEW || state == ConnectionState.IDLE);
        }

        private boolean isWanted() {
            return visitor.left > 0;
        }

        private void onRequest() {
            if (!freed && bytesCame()) {
                begun();
                requestBegins(scheduler.now);
                require(headersComplete(seen()), "not executed");
                requests++;
                count();
                result.requests++;
                visitor.left--;
                file = visitor.random.nextInt(3) == 0;
                if (file) {
                    file = used() < load.machine.limit;
                    result.withoutDescriptor += file ? 0 : 1;
                    files += file ? 1 : 0;
                }
                in(visitor.service(), this::onResponse);
            } else if (scheduler.now - shutAt() >= ROUND_TRIP) {
                // The client knew.
                visitor.knock();
            } else if (requests == 0) {
                discarded = true;
                result.turnedAway++;
            } else {
                discarded = true;
                result.crossed++;
                in(ROUND_TRIP, visitor::knock);
            }
        }

        private void onResponse() {
            files -= file ? 1 : 0;
            CloseReason reason =
                    decisions().closeAfter(requests, scheduler.now - openedAt(), agePart, governor.pressure());
            requestEnds(false);
            require(exchangeOver(exchange()), "over before");
            if (reason != null) {
                result.told += reason == CloseReason.PRESSURE && isWanted() ? 1 : 0;
                closeFor(reason);
                shut();
                if (isWanted()) {
                    in(visitor.think(), visitor::knock);
                }
                return;
            }
            aboutToWait((int) requests, false, scheduler.now);
            waits();
            governor.due(this, due(governor.pressure()));
            count();
            if (isWanted()) {
                long think = visitor.think();
                nextAt = scheduler.now + think;
                in(think, this::onRequest);
            } else if (!visitor.leaky) {
                // Half of them close at once, the others keep what they won't use, as browsers do.
                long held = visitor.random.nextBoolean() ? (long) (visitor.random.nextDouble() * 60 * SECOND) : 0;
                in(ROUND_TRIP + held, this::onClientFin);
            }
        }

        private void onClientFin() {
            if (!freed) {
                free(closing() == null ? CloseReason.CLIENT : closing());
            }
        }

        /** When its client is told: by the FIN, or by the close of the socket. */
        private long shutAt() {
            return freed && !isOutputShut() ? freedAt : lingerSince();
        }

        private long freedAt;

        private void shut() {
            shut(scheduler.now);
            outputShut();
            count();
            governor.due(this, deadline(lingerSince(), lingerLimit(governor.pressure())));
            if (!visitor.leaky) {
                in(ROUND_TRIP, this::onClientFin);
            }
        }

        private void free(CloseReason reason) {
            freed = true;
            freedAt = scheduler.now;
            count();
            Simulation.this.count(-1);
            governor.closed(this, reason);
        }

        // ---- What the policy does

        @Override
        void tellClosing(CloseReason reason) {
            if (reason == CloseReason.EVICTED) {
                onEvicted();
            } else if (reason == CloseReason.KEEP_ALIVE_TIMEOUT) {
                result.timedOutEarly += isWanted() && nextAt - since() < IDLE_TIMEOUT ? 1 : 0;
            }
        }

        private void onEvicted() {
            if (isReused()) {
                require(
                        scheduler.now - since()
                                >= policy.getMinKeepAliveTimeout().toNanos(),
                        "evicted " + (scheduler.now - since()) / MS + " ms after its response");
                require(newcomers == 0, "a reused one evicted before " + newcomers + " newcomers");
            }
            result.evicted++;
            result.evictedReused += isReused() ? 1 : 0;
            result.evictedWanted += isWanted() ? 1 : 0;
        }

        @Override
        void end(Ending how) {
            switch (how) {
                case CHECK -> {
                    // Requests come whole and are read at once, so there are no bytes.
                    closeFor(checkedFor());
                    foundNothing();
                    shut();
                }
                case CLOSE -> free(closing());
                default -> require(false, how + " of a connection without a part of a request");
            }
        }

        @Override
        void endQuietLinger() {
            if (!discarded && !freed) {
                free(closing());
            }
        }

        @Override
        boolean isSocketOpen() {
            return !freed;
        }

        @Override
        boolean isHandshaking() {
            return false;
        }

        @Override
        boolean lookAtExchange(int seen, Tick tick) {
            return false;
        }

        @Override
        boolean isBodyAwaited() {
            return false;
        }

        @Override
        void takeOver() {
            require(false, "shut by nobody");
        }

        @Override
        void closedUnheard() {
            require(false, "closed unheard");
        }

        @Override
        void act(int what) {
            require(false, "handed on");
        }

        @Override
        SocketAddress remoteAddress() {
            return null;
        }

        /** Not known, so nobody has a fair share. */
        @Override
        Object peer() {
            return null;
        }

        @Override
        long requests() {
            return requests;
        }
    }
}
