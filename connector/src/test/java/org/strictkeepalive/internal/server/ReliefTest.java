package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.testkit.FakeConnection;

/** Relief in steps of bounded size. */
class ReliefTest extends ReliefFixture {
    @Test
    void aStepIsBoundedHoweverManyConnectionsThereAre() {
        open(10_000, ConnectionState.BUSY, false, 5_000);
        for (int i = 0; i < 5; i++) {
            assertTrue(step(PressureLevel.CRITICAL, 1) <= Relief.MOST);
        }
        // The first round has found that nothing can go.
        assertTrue(verdict.stuck());
        for (int i = 0; i < 40; i++) {
            assertTrue(step(PressureLevel.CRITICAL, 1) <= Relief.AT_LEISURE);
        }
        assertTrue(all.stream().allMatch(connection -> connection.looks >= 1));
    }

    @Test
    void whoIsAcceptedWhileARoundIsUnderWayGoesAtOnce() {
        open(10_000, ConnectionState.BUSY, false, 5_000);
        for (int i = 0; i < 7; i++) {
            step(PressureLevel.CRITICAL, 1);
        }
        assertTrue(verdict.stuck());
        List<FakeConnection> silent = open(50, ConnectionState.NEW, false, 0);
        step(PressureLevel.CRITICAL, 1);
        assertEquals(50, evicted(silent));
        assertFalse(verdict.stuck());
    }

    @Test
    void theReusedGoAtTheEndOfARoundInOrder() {
        open(3_000, ConnectionState.BUSY, false, 5_000);
        List<FakeConnection> reused = open(3_000, ConnectionState.IDLE, true, 2_000);
        step(PressureLevel.CRITICAL, 1);
        assertEquals(0, evicted(reused));
        step(PressureLevel.CRITICAL, 1);
        assertEquals(0, evicted(reused));
        step(PressureLevel.CRITICAL, 1);
        // A quarter of 6,000, the oldest.
        assertEquals(1_500, evicted(reused));
        assertEquals(1_500, evicted(reused.subList(1_500, 3_000)));
    }

    @Test
    void whereTheBusyHoldTheRoomTheReusedAreLeftAloneAndNothingIsAskedOfThem() {
        open(230, ConnectionState.BUSY, true, 5_000);
        List<FakeConnection> reused = open(10, ConnectionState.IDLE, true, 20_000);
        for (int i = 0; i < 500; i++) {
            step(PressureLevel.CRITICAL, 1);
            assertFalse(verdict.newcomersGone());
            assertFalse(verdict.squeezing());
            assertTrue(verdict.stuck());
        }
        assertEquals(0, evicted(reused));
    }

    @Test
    void deadlinesOfTheReusedShrinkOnlyAfterASecondInWhichItWouldHelp() {
        open(100, ConnectionState.IDLE, true, -60_000); // not yet evictable
        for (int i = 0; i < 100; i++) {
            step(PressureLevel.HIGH, 0.85);
            assertFalse(verdict.squeezing());
        }
        step(PressureLevel.HIGH, 0.85);
        assertTrue(verdict.squeezing());
        // A level that comes and goes doesn't begin it anew.
        relief.reset();
        step(PressureLevel.HIGH, 0.85);
        assertTrue(verdict.squeezing());
        relief.reset();
        now += 1_001 * MS;
        step(PressureLevel.HIGH, 0.85);
        assertFalse(verdict.squeezing());
    }

    @Test
    void whatLingersIsAboutToGo() {
        open(230, ConnectionState.BUSY, true, 5_000);
        List<FakeConnection> lingering = open(1, ConnectionState.LINGERING, true, 0);
        step(PressureLevel.CRITICAL, 1);
        assertFalse(verdict.stuck());
        assertEquals(1, lingering.get(0).lingersEnded);
        lingering.forEach(wheel::remove);
        step(PressureLevel.CRITICAL, 1);
        assertTrue(verdict.stuck());
    }

    @Test
    void whoIsGoneByTheLookIsNotConsidered() {
        FakeConnection timedOut = new FakeConnection("timed out", ConnectionState.LINGERING, true, now) {
            @Override
            public long look(Tick tick) {
                wheel.remove(this);
                return tick.now();
            }
        };
        wheel.add(timedOut, now);
        step(PressureLevel.CRITICAL, 1);
        assertEquals(0, timedOut.lingersEnded);
        assertTrue(verdict.stuck());
    }

    @Test
    void othersAreSparedOnlyAsFarAsTheGreedyOnesSurplusIsEnough() {
        List<FakeConnection> greedy = open(60, ConnectionState.IDLE, true, 100);
        greedy.forEach(connection -> connection.peer = "greedy");
        for (FakeConnection other : open(60, ConnectionState.IDLE, true, 100)) {
            other.peer = other;
        }
        // It holds 30 beyond a quarter, and 30 of 120 have to go.
        step(PressureLevel.HIGH, 1);
        assertEquals(Set.of("greedy"), verdict.greedy());
        open(10, ConnectionState.BUSY, true, 100);
        step(PressureLevel.HIGH, 1);
        assertEquals(Set.of(), verdict.greedy());
    }

    /** Pressure falls and rises in the middle of a round: its first part, with a newcomer, is not known at its end. */
    @Test
    void aRoundThatWasSeenInPartEvictsNoReusedConnection() {
        List<FakeConnection> reused = open(3_000, ConnectionState.IDLE, true, 2_000);
        open(1, ConnectionState.IDLE, false, 100); // within its grace; the latest are visited first
        step(PressureLevel.HIGH, 1);
        relief.reset();
        step(PressureLevel.HIGH, 1);
        assertEquals(0, evicted(reused));
        step(PressureLevel.HIGH, 1);
        step(PressureLevel.HIGH, 1);
        assertEquals(0, evicted(reused), "a newcomer is left");
    }

    @Test
    void aStepIsMadeInSlices() {
        List<FakeConnection> idle = open(1_000, ConnectionState.IDLE, false, 2_000);
        closeTakes = 20_000;
        int slices = 0;
        do {
            long before = evicted(idle);
            long begin = time;
            step(PressureLevel.CRITICAL, 1);
            assertTrue(time - begin <= 220_000, () -> "it took " + (time - begin));
            assertTrue(evicted(idle) > before);
            assertFalse(verdict.stuck());
            slices++;
        } while (relief.isUnfinished());
        assertEquals(25, slices);
        // A quarter, the oldest, each looked at once.
        assertEquals(250, evicted(idle));
        assertEquals(250, evicted(idle.subList(750, 1_000)));
        assertTrue(all.stream().allMatch(connection -> connection.looks == 1));
    }

    @Test
    void asThePressureFallsFewerAreEvicted() {
        List<FakeConnection> idle = open(1_000, ConnectionState.IDLE, false, 2_000);
        closeTakes = 20_000;
        step(PressureLevel.CRITICAL, 1);
        assertEquals(10, evicted(idle));
        // Of 1,000, 63 have to go.
        step(PressureLevel.HIGH, 0.8);
        while (relief.isUnfinished()) {
            step(PressureLevel.HIGH, 0.8);
        }
        assertEquals(63, evicted(idle));
        step(PressureLevel.CRITICAL, 1);
        assertTrue(relief.isUnfinished());
        relief.reset();
        assertFalse(relief.isUnfinished());
    }

    @Test
    void whoWasChosenIsAskedAgainAtItsTurn() {
        List<FakeConnection> newcomers = open(100, ConnectionState.NEW, false, 0);
        newcomers.forEach(connection -> connection.since = now - 10 * MS);
        closeTakes = 100_000;
        step(PressureLevel.CRITICAL, 1);
        step(PressureLevel.CRITICAL, 1);
        long before = evicted(newcomers);
        assertTrue(before > 0);
        assertTrue(relief.isUnfinished());
        step(PressureLevel.HIGH, 1);
        while (relief.isUnfinished()) {
            step(PressureLevel.HIGH, 1);
        }
        assertEquals(before, evicted(newcomers), "at HIGH a newcomer has 250 ms");
    }

    @Test
    void aHandshakeThatGoesOnMeanwhileIsSpared() {
        List<FakeConnection> handshaking = open(100, ConnectionState.NEW, false, 2_000);
        closeTakes = 100_000;
        step(PressureLevel.CRITICAL, 1);
        long before = evicted(handshaking);
        assertTrue(relief.isUnfinished());
        handshaking.forEach(connection -> connection.coming = true);
        do {
            step(PressureLevel.CRITICAL, 1);
        } while (relief.isUnfinished());
        assertEquals(before, evicted(handshaking));
    }

    @Test
    void nobodyWhoLingersIsClosedBelowCritical() {
        List<FakeConnection> lingering = open(100, ConnectionState.LINGERING, false, 0);
        List<FakeConnection> busy = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            FakeConnection slow = new FakeConnection("slow" + i, ConnectionState.BUSY, true, now) {
                @Override
                public long look(Tick tick) {
                    time += SLICE;
                    return super.look(tick);
                }
            };
            busy.add(slow);
            wheel.add(slow, now + 60 * SECOND);
        }
        all.addAll(busy);
        step(PressureLevel.CRITICAL, 1);
        assertTrue(relief.isUnfinished());
        do {
            step(PressureLevel.HIGH, 1);
        } while (relief.isUnfinished());
        assertEquals(
                0,
                lingering.stream()
                        .mapToInt(connection -> connection.lingersEnded)
                        .sum());
    }

    @Test
    void looksAreMadeInSlicesToo() {
        for (int i = 0; i < 100; i++) {
            FakeConnection slow = new FakeConnection("slow" + i, ConnectionState.BUSY, true, now) {
                @Override
                public long look(Tick tick) {
                    time += 50_000;
                    return super.look(tick);
                }
            };
            all.add(slow);
            wheel.add(slow, now + 60 * SECOND);
        }
        assertEquals(4, step(PressureLevel.CRITICAL, 1));
        assertTrue(relief.isDue(now - 9 * MS));
        for (int i = 1; i < 26; i++) {
            step(PressureLevel.CRITICAL, 1);
        }
        assertTrue(all.stream().allMatch(connection -> connection.looks == 1));
        assertFalse(relief.isUnfinished());
        assertTrue(verdict.stuck());
    }

    @Test
    void aStepBeginsTenMillisecondsAfterTheLast() {
        assertTrue(relief.isDue(now));
        open(10, ConnectionState.BUSY, true, 0);
        step(PressureLevel.CRITICAL, 1);
        assertFalse(relief.isDue(now - 1));
        assertTrue(relief.isDue(now));
    }
}
