package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.eclipse.jetty.logging.JettyLevel;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/**
 * An attacker with 500 addresses and one more, the decoy, that is greedy, so that the 500 are spared. In virtual time;
 * monitor, relief, eviction and policy are the real ones.
 */
class DecoyTest {
    private static final JettyLogger LOG = (JettyLogger) LoggerFactory.getLogger(DescriptorMonitor.class);
    private static JettyLevel logged;

    @BeforeAll
    static void silence() {
        logged = LOG.getLevel();
        LOG.setLevel(JettyLevel.OFF);
    }

    @AfterAll
    static void restore() {
        LOG.setLevel(logged);
    }

    /** With so many descriptors, and so many silent connections of the decoy a second. */
    @ParameterizedTest
    @CsvSource({"200, 100", "200, 200", "300, 200", "300, 400"})
    void aDecoyBuysOthersNoTime(int limit, int silent) throws Exception {
        Storm unfair = Storm.run(limit, 0, silent);
        Storm fair = Storm.run(limit, 0.25, silent);
        String both = "fair: " + fair + ", unfair: " + unfair;
        assertEquals(fair.visitors, fair.served, both);
        // Two requests at once buy as much time as without a fair share.
        assertTrue(fair.held() <= 1.1 * unfair.held() + 0.002, both);
        // Clients in steady use are spared all the same.
        assertTrue(2 * fair.politeClosed <= unfair.politeClosed, both);
    }

    /** A minute of it. */
    private static final class Storm implements DescriptorProbe {
        private static final long MS = 1_000_000L;
        private static final long SECOND = 1_000 * MS;
        private static final long ONE_WAY = MS / 5;
        private static final long IDLE_TIMEOUT = 30 * SECOND;
        private static final int ATTACKERS = 500;

        private record Event(long at, long order, Runnable action) implements Comparable<Event> {
            @Override
            public int compareTo(Event that) {
                return at != that.at ? Long.compare(at, that.at) : Long.compare(order, that.order);
            }
        }

        private final FakeScheduler scheduler = new FakeScheduler();
        private final PriorityQueue<Event> events = new PriorityQueue<>();
        private final Deque<Supplier<Link>> backlog = new ArrayDeque<>();
        private final SplittableRandom random = new SplittableRandom(42);
        private final Server server = new Server();
        private final int limit;
        private final Decisions decisions;
        private final DescriptorMonitor monitor;
        private final FakeConnector connector;
        private boolean acceptorWaits;
        private long order;
        private int open;
        private int number;

        private int visitors;
        private int served;
        private long attacks;
        private long attackersTime;
        private int politeClosed;

        private Storm(int limit, double fairShare) {
            this.limit = limit;
            KeepAlivePolicy policy =
                    KeepAlivePolicy.builder().fairShare(fairShare).build();
            decisions = new Decisions(policy);
            monitor = new DescriptorMonitor(scheduler, this, () -> scheduler.now);
            server.addBean(monitor);
            connector =
                    new FakeConnector(
                            server, 1, new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy)) {
                        @Override
                        public void setAccepting(boolean accepting) {
                            super.setAccepting(accepting);
                            switches.clear();
                            if (accepting) {
                                in(0, Storm.this::accept);
                            }
                        }
                    };
        }

        private static Storm run(int limit, double fairShare, int silent) throws Exception {
            Storm storm = new Storm(limit, fairShare);
            storm.server.start();
            try {
                storm.run(silent);
            } finally {
                storm.server.stop();
            }
            return storm;
        }

        private void run(int silent) {
            for (int i = 0; i < 10; i++) {
                Object peer = "polite" + i;
                long interval = new long[] {400, 800, 2_000, 5_000}[i % 4] * MS;
                in(50 * MS * i, () -> knock(() -> new Polite(peer, interval)));
            }
            each(SECOND / 10, 0, Visitor::new);
            each(SECOND / 300, 3 * SECOND, Attacker::new);
            each(SECOND / silent, 3 * SECOND, Decoy::new);
            while (scheduler.now < 60 * SECOND) {
                long next = events.element().at;
                for (FakeScheduler.FakeTask task : scheduler.pending) {
                    next = Math.min(next, task.at());
                }
                scheduler.advance(Math.max(0, next - scheduler.now));
                if (events.element().at <= next) {
                    events.remove().action.run();
                }
            }
        }

        private void in(long delay, Runnable action) {
            events.add(new Event(scheduler.now + delay, order++, action));
        }

        private void each(long interval, long delay, Supplier<Link> client) {
            in(delay, () -> {
                knock(client);
                each(interval, (long) (interval * (0.5 + random.nextDouble())), client);
            });
        }

        private void knock(Supplier<Link> client) {
            backlog.add(client);
            accept();
        }

        private void accept() {
            while (!backlog.isEmpty() && (connector.isAccepting() || acceptorWaits)) {
                acceptorWaits = false;
                open++;
                monitor.onAccepting(connector);
                monitor.onAccepted();
                Link link = backlog.remove().get();
                monitor.onOpened(link, link.deadline(monitor.pressure()));
                in(ONE_WAY, link::begin);
            }
            acceptorWaits |= connector.isAccepting();
        }

        private double held() {
            return attackersTime / 1e9 / attacks;
        }

        @Override
        public String toString() {
            return "held %.3f s, closed %d of polite clients, served %d of %d"
                    .formatted(held(), politeClosed, served, visitors);
        }

        @Override
        public String name() {
            return "storm";
        }

        @Override
        public long used() {
            return open;
        }

        @Override
        public long limit() {
            return limit;
        }

        @Override
        public boolean isCheap() {
            return true;
        }

        // ---- The clients

        private final class Attacker extends Link {
            private Attacker() {
                super("attacker" + number++ % ATTACKERS);
            }

            @Override
            void begin() {
                ask();
                ask();
            }

            @Override
            void onClosed() {
                attacks++;
                attackersTime += scheduler.now - openedAt();
            }
        }

        private final class Decoy extends Link {
            private Decoy() {
                super("decoy");
            }
        }

        private final class Visitor extends Link {
            private Visitor() {
                super("visitor" + visitors);
                visitors++;
            }

            @Override
            void begin() {
                served += ask() ? 1 : 0;
                in(0, this::free);
            }
        }

        private final class Polite extends Link {
            private final long interval;

            private Polite(Object peer, long interval) {
                super(peer);
                this.interval = interval;
            }

            @Override
            void begin() {
                if (ask()) {
                    in(interval, this::begin);
                } else {
                    politeClosed++;
                    knock(() -> new Polite(peer(), interval));
                }
            }
        }

        /** A connection: the part of the guard, with requests whole and at once. */
        private abstract class Link extends GovernedConnection {
            private final Object peer;
            private final long openedAt = scheduler.now;
            private ConnectionState state = ConnectionState.NEW;
            private CloseReason closing = CloseReason.CLIENT;
            private long since = scheduler.now;
            private long requests;
            private boolean freed;

            private Link(Object peer) {
                this.peer = peer;
            }

            void begin() {}

            void onClosed() {}

            /** A request; false where the connection has been closed. */
            boolean ask() {
                if (state == ConnectionState.LINGERING) {
                    return false;
                }
                requests++;
                since = scheduler.now;
                state = ConnectionState.IDLE;
                Pressure pressure = monitor.pressure();
                CloseReason reason = decisions.closeAfter(requests, since - openedAt, 0, pressure);
                if (reason != null && !(isReused() && monitor.pressure().spares(peer))) {
                    shut(reason);
                } else {
                    monitor.due(this, deadline(pressure));
                }
                return true;
            }

            private long timeout(Pressure pressure) {
                return decisions.timeout(state, pressure.squeeze(isReused(), since - openedAt, peer), IDLE_TIMEOUT, 0);
            }

            private long deadline(Pressure pressure) {
                return since + Math.min(timeout(pressure), ConnectionDeadlines.RELOOK);
            }

            private void shut(CloseReason reason) {
                closing = reason;
                state = ConnectionState.LINGERING;
                in(ONE_WAY, this::free);
            }

            void free() {
                if (!freed) {
                    freed = true;
                    state = ConnectionState.LINGERING;
                    open--;
                    monitor.onClosed(this, closing);
                    onClosed();
                }
            }

            @Override
            long look(Tick tick) {
                long now = tick.now();
                Pressure pressure = tick.pressure();
                if (state != ConnectionState.LINGERING && now - since >= timeout(pressure)) {
                    shut(CloseReason.KEEP_ALIVE_TIMEOUT);
                }
                return state == ConnectionState.LINGERING ? now + SECOND : deadline(pressure);
            }

            @Override
            boolean isOf(Governor governor) {
                return true;
            }

            @Override
            Decisions decisions() {
                return decisions;
            }

            @Override
            void act(int what) {}

            @Override
            ConnectionState state() {
                return state;
            }

            @Override
            boolean isReused() {
                return requests > 1;
            }

            @Override
            long requests() {
                return requests;
            }

            @Override
            Object peer() {
                return peer;
            }

            @Override
            long since() {
                return since;
            }

            @Override
            long openedAt() {
                return openedAt;
            }

            @Override
            SocketAddress remoteAddress() {
                return null;
            }

            @Override
            boolean evict(long asOf, long now) {
                shut(CloseReason.EVICTED);
                return true;
            }

            @Override
            void endQuietLinger() {
                free();
            }
        }
    }
}
