package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.GovernorFixture;

/** Many connections that have to go at once: a close takes some time here, and others have their turn in between. */
class SlicedTicksTest extends GovernorFixture {
    private static final long CLOSE = 20_000;
    /** A slice, and the close that it ends with. */
    private static final long LONGEST = Pace.HURRIED.slice + CLOSE;

    private final List<Closing> all = new ArrayList<>();

    private final class Closing extends FakeConnection {
        private long closedAt = -1;

        private Closing() {
            super("c", ConnectionState.IDLE, false, scheduler.now);
        }

        @Override
        public long look(Tick tick) {
            long next = super.look(tick);
            if (due && closedAt < 0) {
                close();
            }
            return next;
        }

        @Override
        public boolean evict(long asOf, long now) {
            close();
            return super.evict(asOf, now);
        }

        private void close() {
            scheduler.now += CLOSE;
            closedAt = scheduler.now;
            state = ConnectionState.LINGERING;
        }
    }

    private boolean due;

    private void open(int count, long dueIn) {
        for (int i = 0; i < count; i++) {
            Closing connection = new Closing();
            governor.onOpened(connection, scheduler.now + dueIn);
            all.add(connection);
        }
        probe.add(count);
    }

    private long closed() {
        return all.stream().filter(connection -> connection.closedAt >= 0).count();
    }

    /** Ticks until all are closed; returns the longest tick. */
    private long tickUntilClosed(long count) {
        long longest = 0;
        for (int ticks = 0; closed() < count; ticks++) {
            assertTrue(ticks < 10_000);
            long at = Math.max(scheduler.pending.get(0).at(), scheduler.now);
            tick();
            longest = Math.max(longest, scheduler.now - at);
        }
        return longest;
    }

    @Test
    void timeoutsOfTheSameMomentLeaveRoomForOthers() throws Exception {
        probe.limit = 100_000;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        due = true;
        open(1_000, SECOND);
        long begin = scheduler.now;
        assertTrue(tickUntilClosed(1_000) <= LONGEST);
        long latest =
                all.stream().mapToLong(connection -> connection.closedAt).max().orElseThrow();
        assertTrue(latest - begin - SECOND < 200 * MS, () -> "it took " + (latest - begin - SECOND));
        assertEquals(100 * MS, scheduler.pending.get(0).delay(), "then as before");
    }

    @Test
    void theLaterTheyAreTheShorterArePauses() throws Exception {
        probe.limit = 100_000;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        due = true;
        open(10_000, SECOND);
        long begin = scheduler.now;
        assertTrue(tickUntilClosed(10_000) <= LONGEST);
        long latest =
                all.stream().mapToLong(connection -> connection.closedAt).max().orElseThrow();
        assertTrue(latest - begin - SECOND < 500 * MS, () -> "it took " + (latest - begin - SECOND));
    }

    @Test
    void allAreLookedAtOnceEvenIfThatTakesManySlices() throws Exception {
        probe.limit = 100_000;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        open(5_000, 60 * SECOND);
        due = true;
        monitor.drain(java.time.Duration.ZERO);
        tickUntilClosed(5_000);
        int looks = all.stream().mapToInt(connection -> connection.looks).sum();
        assertTrue(looks < 2 * 5_000, () -> "looks: " + looks);
    }

    @Test
    void evictionLeavesRoomForOthersToo() throws Exception {
        probe.limit = 1_500;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        open(1_000, 60 * SECOND);
        scheduler.advance(2 * SECOND);
        probe.add(350);
        assertTrue(tickUntilClosed(100) <= LONGEST);
    }

    @Test
    void visitorsThatWaitWaitForNoPause() throws Exception {
        probe.limit = 1_500;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        open(1_000, 60 * SECOND);
        scheduler.advance(2 * SECOND);
        probe.add(400);
        scheduler.now += 2 * MS;
        accept();
        assertEquals(PressureLevel.CRITICAL, governor.pressure().level());
        tick();
        long excess = closed();
        assertTrue(excess > 200, () -> "evicted at once: " + excess);
        probe.add(-1_000);
        tick();
        assertEquals(PressureLevel.NORMAL, governor.pressure().level());
        // As soon as it is over, there are pauses again.
        due = true;
        all.stream()
                .filter(connection -> connection.closedAt < 0)
                .forEach(connection -> governor.due(connection, scheduler.now));
        assertTrue(tickUntilClosed(all.size()) <= LONGEST);
    }

    @Test
    void aPauseWithoutAcceptorsWaitsForNoPauseOfTicks() throws Exception {
        probe.limit = 1_500;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(0, b -> b);
        open(1_000, 60 * SECOND);
        scheduler.advance(2 * SECOND);
        probe.add(400);
        tick();
        assertEquals(PressureLevel.CRITICAL, governor.pressure().level());
        tick();
        assertTrue(closed() > 200, () -> "evicted at once: " + closed());
    }

    @Test
    void aStopWaitsForNoPause() throws Exception {
        probe.limit = 100_000;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        open(1_000, 60 * SECOND);
        due = true;
        assertNotNull(connector.shutdown());
        governor.onShutdown();
        tick();
        assertEquals(1_000, closed());
    }

    @ParameterizedTest
    @CsvSource({"90, 500", "90, 3000", "900, 500", "900, 2000", "900, 3000", "10000, 500", "10000, 3000"})
    void busyExchangesMakeNoTicksWithoutEnd(int count, long cost) throws Exception {
        probe.limit = 100_000;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        scheduler.now += 2 * SECOND; // The larger room of before no longer counts.
        probe.used = 100_000L - count / 3;
        for (int i = 0; i < count; i++) {
            FakeConnection busy = new FakeConnection("busy", ConnectionState.BUSY, false, scheduler.now) {
                @Override
                public long look(Tick tick) {
                    scheduler.now += cost;
                    return super.look(tick);
                }
            };
            governor.onOpened(busy, scheduler.now + 60 * SECOND);
        }
        int ticks = 0;
        for (int i = 0; i < 30; i++) {
            tick();
        }
        assertEquals(PressureLevel.ELEVATED, governor.pressure().level());
        for (long end = scheduler.now + 10 * SECOND; scheduler.now < end; ticks++) {
            tick();
        }
        int ticksASecond = ticks / 10;
        assertTrue(ticksASecond <= 200, () -> ticksASecond + " ticks a second");
    }

    @Test
    void aDearProbeIsNotAskedAtEachSlice() throws Exception {
        probe.cheap = false;
        probe.limit = 100_000;
        scheduler.now += SECOND; // The limit is read at most once a second.
        start(b -> b);
        due = true;
        probe.counting = () -> scheduler.now += 10 * MS;
        open(10_000, SECOND);
        scheduler.advance(SECOND - 10 * MS);
        int before = probe.asked;
        long begin = scheduler.now;
        tickUntilClosed(10_000);
        long took = scheduler.now - begin;
        assertTrue(took < SECOND, () -> "it took " + took);
        long most = took / (100 * MS) + 2;
        assertTrue(probe.asked - before <= most, () -> probe.asked - before + " of " + most);
    }
}
