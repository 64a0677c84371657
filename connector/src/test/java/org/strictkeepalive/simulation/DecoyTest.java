package org.strictkeepalive.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.Deque;
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
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.server.DescriptorProbe;
import org.strictkeepalive.testkit.FakeConnector;

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
        private static final int ATTACKERS = 500;

        private final VirtualTime time = new VirtualTime();
        private final Deque<Supplier<Link>> backlog = new ArrayDeque<>();
        private final SplittableRandom random = new SplittableRandom(42);
        private final Server server = new Server();
        private final int limit;
        private final StrictKeepAliveConnectionFactory factory;
        private final DescriptorMonitor monitor;
        private final FakeConnector connector;
        private Governor governor;
        private boolean acceptorWaits;
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
            factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
            monitor = Inside.monitor(time.scheduler, this, time::now);
            server.addBean(monitor);
            connector = new FakeConnector(server, 1, factory) {
                @Override
                public void setAccepting(boolean accepting) {
                    super.setAccepting(accepting);
                    switches.clear();
                    if (accepting) {
                        time.in(0, Storm.this::accept);
                    }
                }
            };
        }

        private static Storm run(int limit, double fairShare, int silent) throws Exception {
            Storm storm = new Storm(limit, fairShare);
            storm.server.start();
            storm.governor = Inside.governor(storm.factory, storm.connector);
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
                time.in(50 * MS * i, () -> knock(() -> new Polite(peer, interval)));
            }
            each(SECOND / 10, 0, Visitor::new);
            each(SECOND / 300, 3 * SECOND, Attacker::new);
            each(SECOND / silent, 3 * SECOND, Decoy::new);
            while (time.now() < 60 * SECOND) {
                time.step();
            }
        }

        private void each(long interval, long delay, Supplier<Link> client) {
            time.in(delay, () -> {
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
                Object channel = new Object();
                Inside.governor(monitor).onAccepting(connector, channel);
                Inside.governor(monitor).onAccepted(channel);
                Link link = backlog.remove().get();
                Inside.governor(monitor)
                        .onOpened(link, link.due(Inside.governor(monitor).pressure()));
                time.in(ONE_WAY, link::begin);
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
                attackersTime += time.now() - openedAt();
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
                time.in(0, this::clientCloses);
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
                    time.in(interval, this::begin);
                } else {
                    politeClosed++;
                    knock(() -> new Polite(peer(), interval));
                }
            }
        }

        private abstract class Link extends SimulatedConnection {
            private final Object peer;

            private Link(Object peer) {
                super(Storm.this.governor, time::now);
                this.peer = peer;
            }

            void begin() {}

            void onClosed() {}

            /** A request; false where the connection has been closed. */
            boolean ask() {
                if (!request()) {
                    return false;
                }
                Pressure pressure = Inside.governor(monitor).pressure();
                CloseReason reason = closeAfter(0, pressure);
                response(reason == null || (isReused() && pressure.spares(peer)) ? null : reason);
                return true;
            }

            @Override
            void onShut() {
                time.in(ONE_WAY, this::clientCloses);
            }

            @Override
            void onFreed() {
                open--;
                onClosed();
            }

            @Override
            public Object peer() {
                return peer;
            }
        }
    }
}
