package org.strictkeepalive.internal.http2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.testkit.VirtualGovernor;

/** Random lives of an HTTP/2 connection in virtual time, looked at when it asks for it, against what has to hold. */
class Http2ModelTest {
    private static final long MS = 1_000_000L;
    private static final long KEEP_ALIVE = 5_000 * MS;
    private static final long FIRST_REQUEST = 8_000 * MS;
    private static final long LINGER = 2_000 * MS;
    private static final int STEPS = 120;
    private static final List<PressureLevel> LEVELS = List.of(PressureLevel.values());

    /** An exchange, and whether it waits for the client; its stream may have ended before. */
    private static final class InProgress {
        private boolean open = true;
        private boolean waits;
    }

    /** A life. */
    private static final class Life {
        private final Random random;
        private final VirtualGovernor governor;
        private final Connection connection;
        private final List<InProgress> exchanges = new ArrayList<>();
        /** Streams without an exchange: Jetty itself answers the request. Nobody reports their end. */
        private int bare;

        private boolean everBare;
        /** Whether the client does nothing any more. */
        private boolean leftAlone;

        private long dueAt;
        private long idleSince;
        private long closedAt = -1;

        /** Checks each action at the moment when it is done. */
        private final class Connection extends BareHttp2 {
            private long announcedAt = -1;
            /** Whether its session has failed, so that it takes no further stream. */
            private boolean failed;

            private Connection() {
                super(Life.this.governor);
            }

            @Override
            public void act(int what) {
                boolean open = life() != CLOSED;
                if (what == GOAWAY && !leftAlone && random.nextInt(4) == 0) {
                    openBare(); // at the last moment
                }
                super.act(what);
                if (!done.isEmpty() && done.get(done.size() - 1) == what) {
                    onDone(what, open);
                }
            }

            private void onDone(int what, boolean wasOpen) {
                switch (what) {
                    case GOAWAY -> {
                        assertTrue(wasOpen);
                        assertEquals(0, streams, "a stream is open");
                        assertEquals(CLOSED, life());
                    }
                    case ANNOUNCE -> {
                        assertTrue(wasOpen);
                        announcedAt = governor.now();
                    }
                    case GOAWAY_BUSY -> {
                        assertTrue(announcedAt >= 0 && governor.now() - announcedAt >= ROUND_TRIP);
                        assertEquals(CLOSED, life());
                    }
                    case CALM -> {
                        assertTrue(exchanges.stream().allMatch(exchange -> exchange.waits), "the application's turn");
                        assertTrue(governor.pressure().level().isAtLeast(PressureLevel.ELEVATED));
                        failed = true;
                        exchanges.forEach(exchange -> exchange.open = false);
                        ended += streams;
                        streams = 0;
                        bare = 0;
                    }
                    case CLOSE -> {
                        assertEquals(0, streams);
                        this.open = false;
                    }
                    default -> throw new IllegalStateException("" + what);
                }
            }
        }

        private Life(long seed) {
            random = new Random(seed);
            governor = new VirtualGovernor(1_000_000 * MS);
            governor.decisions = new Decisions(KeepAlivePolicy.builder()
                    .keepAliveTimeout(Duration.ofNanos(KEEP_ALIVE))
                    .minKeepAliveTimeout(Duration.ofNanos(KEEP_ALIVE))
                    .firstRequestTimeout(Duration.ofNanos(FIRST_REQUEST))
                    .minRequestHeaderTimeout(Duration.ofNanos(FIRST_REQUEST))
                    .lingerTimeout(Duration.ofNanos(LINGER))
                    .maxRequestsPerConnection(random.nextBoolean() ? 0 : 8)
                    .build());
            connection = new Connection();
            idleSince = governor.now();
            dueAt = connection.firstDue();
            governor.now += MS; // No request comes at the very moment of the accept.
        }

        private void level(PressureLevel level) {
            double share = level == PressureLevel.NORMAL ? 0.1 : 0.9;
            governor.pressure = new Pressure(
                    level, share, level == PressureLevel.NORMAL ? 0 : 1, 90, 100, 10, 5, 0, 0, Verdict.NONE);
        }

        private void request() {
            boolean closed = connection.life() == Http2Life.CLOSED;
            connection.streams++;
            connection.opened++;
            if (connection.onRequest(governor.now())) {
                assertFalse(closed, "executed behind the GOAWAY");
                exchanges.add(new InProgress());
            } else {
                assertTrue(closed, "refused before the GOAWAY");
                connection.streams--;
                connection.ended++;
            }
        }

        private void endExchange() {
            InProgress exchange = exchanges.remove(random.nextInt(exchanges.size()));
            if (exchange.open) {
                closeStream();
            }
            connection.onExchangeOver(exchange.waits);
        }

        private void openBare() {
            connection.streams++;
            connection.opened++;
            bare++;
            everBare = true;
        }

        private void closeStream() {
            connection.streams--;
            connection.ended++;
        }

        private void event() {
            switch (random.nextInt(12)) {
                case 0, 1, 2 -> {
                    if (!connection.failed) {
                        request();
                    }
                }
                case 3, 4, 5 -> {
                    if (!exchanges.isEmpty()) {
                        endExchange();
                    }
                }
                case 6 -> {
                    if (!connection.failed) {
                        openBare();
                    }
                }
                case 7 -> {
                    if (bare > 0) {
                        bare--;
                        closeStream();
                    }
                }
                case 8 -> {
                    if (!exchanges.isEmpty()) {
                        InProgress exchange = exchanges.get(random.nextInt(exchanges.size()));
                        exchange.waits = !exchange.waits;
                        if (exchange.waits) {
                            connection.waits();
                        } else {
                            connection.goesOn();
                        }
                    }
                }
                case 9 -> {
                    if (!exchanges.isEmpty() && exchanges.get(0).open) {
                        exchanges.get(0).open = false; // The client resets it, and the application goes on.
                        closeStream();
                    }
                }
                case 10 -> level(LEVELS.get(random.nextInt(LEVELS.size())));
                default -> {
                    if (random.nextInt(8) == 0) {
                        connection.evict(connection.since(), governor.now());
                    } else if (random.nextInt(20) == 0) {
                        governor.farewell = CloseReason.DRAIN;
                    }
                }
            }
        }

        /** Lets time pass, and looks when it is due. */
        private void pass(long nanos) {
            for (long end = governor.now + nanos; connection.open; ) {
                dueAt = Math.min(dueAt, governor.due);
                governor.due = Long.MAX_VALUE;
                if (dueAt > end) {
                    governor.now = end;
                    check();
                    return;
                }
                governor.now = Math.max(governor.now, dueAt);
                dueAt = Long.MAX_VALUE;
                long next = connection.look(new Tick(governor.now, governor.pressure));
                assertTrue(next > governor.now, "it would be looked at for ever");
                dueAt = Math.min(next, dueAt);
                check();
            }
        }

        private void check() {
            long now = governor.now;
            assertEquals(exchanges.size(), connection.exchanges());
            if (connection.streams > 0 || !exchanges.isEmpty()) {
                idleSince = now;
            }
            if (connection.life() == Http2Life.CLOSED) {
                assertNotNull(connection.closing());
                assertEquals(connection.told, connection.closing());
                closedAt = closedAt < 0 ? now : closedAt;
            }
            long late = 2 * Http2Deadlines.SHORT_RELOOK + 10 * MS + (everBare ? FIRST_REQUEST + KEEP_ALIVE : 0);
            long longest = connection.opened == 0 ? FIRST_REQUEST : KEEP_ALIVE;
            if (connection.open && now - idleSince > Math.max(longest, Http2Deadlines.ROUND_TRIP) + late) {
                assertEquals(Http2Life.CLOSED, connection.life(), "idle for " + (now - idleSince) / MS + " ms");
                assertFalse(now - Math.max(closedAt, idleSince) > LINGER + late, "it lingers for ever");
            }
        }
    }

    @Property(tries = 5000, shrinking = ShrinkingMode.OFF)
    void whatHasToHoldHolds(@ForAll long seed) {
        Life life = new Life(seed);
        for (int i = 0; i < STEPS && life.connection.open; i++) {
            life.event();
            life.check();
            life.pass(life.random.nextInt(5) == 0 ? life.random.nextInt(4000) * MS : life.random.nextInt(50) * MS);
        }
        // Whatever happened, it ends when nobody uses it any longer.
        life.leftAlone = true;
        while (!life.exchanges.isEmpty()) {
            life.endExchange();
        }
        while (life.bare > 0) {
            life.bare--;
            life.closeStream();
        }
        life.check();
        life.pass(60_000 * MS);
        assertFalse(life.connection.open, "it is never closed");
    }
}
