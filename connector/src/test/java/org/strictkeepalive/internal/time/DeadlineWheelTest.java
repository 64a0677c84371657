package org.strictkeepalive.internal.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.testkit.FakeConnection;

class DeadlineWheelTest {
    static final long MS = 1_000_000L;
    /** A bucket is looked at as a whole, so a look may come this much early. */
    static final long EARLY = 1L << 24;
    /** A round: what is due later than this shares the buckets of the first. */
    static final long ROUND = 2048 * EARLY;

    static final long HOUR = TimeUnit.HOURS.toNanos(1);

    /** Origins at which nanoTime does not wrap, wraps soon, and has just wrapped. */
    static final long[] ORIGINS = {0, 123_456_789L, -5 * HOUR, Long.MAX_VALUE - HOUR / 2, Long.MIN_VALUE + 7};

    private final List<GovernedConnection> looked = new ArrayList<>();

    private static FakeConnection connection() {
        return new FakeConnection("c");
    }

    /** Looks, and has what is looked at come again in an hour. */
    private List<GovernedConnection> advance(DeadlineWheel<GovernedConnection> wheel, long now) {
        looked.clear();
        wheel.advance(now, () -> false, tracked -> {
            looked.add(tracked);
            return now + HOUR;
        });
        return List.copyOf(looked);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 123_456_789L, -5L * 3600 * 1_000_000_000, Long.MAX_VALUE - 3_000_000_000L, Long.MAX_VALUE})
    void aConnectionIsLookedAtInTimeAndHardlyEarly(long origin) {
        for (long due : new long[] {0, 1, EARLY - 1, EARLY, 100 * MS, 2_000 * MS, 10_000 * MS, ROUND - EARLY}) {
            DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(origin);
            FakeConnection connection = connection();
            wheel.add(connection, origin + due);
            long now = 0;
            for (; now < due - EARLY; now += Math.max(1, due / 97)) {
                assertEquals(List.of(), advance(wheel, origin + now), "due " + due + " now " + now);
            }
            assertEquals(List.of(connection), advance(wheel, origin + due), "due " + due);
            assertEquals(List.of(), advance(wheel, origin + due + EARLY), "once");
        }
    }

    @Test
    void theNextTickIsWhenAllOfABucketIsDue() {
        for (long origin : ORIGINS) {
            DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(origin);
            assertEquals(100 * MS, wheel.next(origin, 100 * MS), "nothing is there");
            wheel.add(connection(), origin + 40 * MS);
            long next = wheel.next(origin + MS, 100 * MS);
            assertTrue(MS + next >= 40 * MS && MS + next <= 40 * MS + EARLY, () -> "" + next);
            assertEquals(1, advance(wheel, origin + MS + next).size());
            assertEquals(100 * MS, wheel.next(origin + MS + next, 100 * MS), "it comes again in an hour");
            assertEquals(10 * MS, wheel.next(origin, 10 * MS));
        }
    }

    @Test
    void removingAndReplacingTellWhetherItWasThere() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        FakeConnection by = connection();
        assertFalse(wheel.remove(connection));
        assertFalse(wheel.replace(connection, by, MS));
        assertEquals(List.of(), wheel.list());
        wheel.add(connection, MS);
        assertTrue(wheel.replace(connection, by, MS));
        assertEquals(List.of(by), wheel.list());
        assertTrue(wheel.remove(by));
        assertFalse(wheel.remove(by));
        assertEquals(0, wheel.size());
    }

    @Test
    void aConnectionOverdueWhenAddedIsLookedAtNext() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        advance(wheel, HOUR);
        FakeConnection connection = connection();
        wheel.add(connection, HOUR - 5_000 * MS);
        assertEquals(List.of(connection), advance(wheel, HOUR));
    }

    @Test
    void aLookThatAnswersATimeAlreadyPastComesAgainAtTheNextTickNotInThisOne() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        AtomicInteger looks = new AtomicInteger();
        wheel.add(connection(), MS);
        for (int i = 1; i <= 3; i++) {
            wheel.advance(EARLY, () -> false, tracked -> {
                looks.incrementAndGet();
                return 0;
            });
            assertEquals(i, looks.get());
        }
    }

    @Test
    void aLookThatIsEarlyInItsBucketIsRepeatedInTime() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        long due = EARLY + EARLY / 2;
        wheel.add(connection(), due);
        List<Long> looks = new ArrayList<>();
        for (long now : new long[] {EARLY, due - 1, due}) {
            wheel.advance(now, () -> false, tracked -> {
                looks.add(now);
                return now < due ? due : now + HOUR;
            });
        }
        assertEquals(due, looks.get(looks.size() - 1));
    }

    @Test
    void aDeadlineBeyondOneRoundIsNotMissed() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        long due = 3 * ROUND + 5 * EARLY;
        wheel.add(connection, due);
        List<Long> looks = new ArrayList<>();
        for (long now = 0; now <= due; now += 100 * MS) {
            long time = now;
            wheel.advance(now, () -> false, tracked -> {
                looks.add(time);
                return due;
            });
        }
        assertEquals(List.of(connection), advance(wheel, due));
        assertTrue(looks.size() <= 5, () -> "once a round at most, and once early: " + looks);
    }

    @Test
    void lookingAgainIsLazy() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        wheel.add(connection, 1_000 * MS);
        for (int i = 0; i < 100; i++) {
            wheel.due(connection, 2_000 * MS + i * MS);
        }
        assertEquals(1_000 * MS, ((Timed) connection).dueAt, "a later time moves nothing");
        assertEquals(List.of(connection), advance(wheel, 1_000 * MS));
    }

    @Test
    void anEarlierTimeMovesTheLook() {
        for (long origin : ORIGINS) {
            DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(origin);
            FakeConnection connection = connection();
            wheel.add(connection, origin + 10_000 * MS);
            wheel.due(connection, origin + 500 * MS);
            assertEquals(List.of(), advance(wheel, origin + 400 * MS));
            assertEquals(List.of(connection), advance(wheel, origin + 500 * MS));
            assertEquals(List.of(), advance(wheel, origin + 10_000 * MS), "moved, not doubled");
        }
    }

    @Test
    void anEarlierTimeSetDuringTheLookHolds() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        wheel.add(connection, 100 * MS);
        wheel.advance(100 * MS, () -> false, tracked -> {
            wheel.due(tracked, 200 * MS);
            wheel.due(tracked, 300 * MS);
            return HOUR;
        });
        assertEquals(List.of(), advance(wheel, 150 * MS));
        assertEquals(List.of(connection), advance(wheel, 200 * MS));
    }

    @Test
    void dueForWhatIsNotThereDoesNothing() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        wheel.add(connection, HOUR);
        assertTrue(wheel.remove(connection));
        wheel.due(connection, 0);
        assertEquals(0, wheel.size());
        assertEquals(List.of(), advance(wheel, 2 * HOUR));
    }

    @Test
    void whatIsRemovedIsNotLookedAtAndRemovedOnce() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        List<FakeConnection> all = List.of(connection(), connection(), connection());
        all.forEach(connection -> wheel.add(connection, 50 * MS));
        assertTrue(wheel.remove(all.get(1)));
        assertFalse(wheel.remove(all.get(1)));
        assertFalse(wheel.remove(connection()));
        assertEquals(2, wheel.size());
        assertEquals(Set.of(all.get(0), all.get(2)), new HashSet<>(advance(wheel, 50 * MS)));
        all.forEach(wheel::remove);
        assertEquals(0, wheel.size());
        assertEquals(List.of(), wheel.list());
    }

    @Test
    void whatIsRemovedWhileItIsLookedAtStaysAway() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        wheel.add(connection, MS);
        wheel.advance(MS, () -> false, tracked -> {
            assertTrue(wheel.remove(tracked));
            assertFalse(wheel.remove(tracked));
            return MS;
        });
        assertEquals(0, wheel.size());
        assertEquals(List.of(), wheel.list());
        assertEquals(List.of(), advance(wheel, HOUR));
    }

    @Test
    void aConnectionRemovedByAnotherOnesLookStaysAway() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection one = connection();
        FakeConnection other = connection();
        wheel.add(one, MS);
        wheel.add(other, MS);
        wheel.advance(MS, () -> false, tracked -> {
            wheel.remove(tracked == one ? other : one);
            return HOUR;
        });
        assertTrue(wheel.size() <= 1, "each look may remove the other");
        assertEquals(wheel.size(), wheel.list().size());
    }

    @Test
    void whatIsAddedDuringALookIsKept() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection late = connection();
        wheel.add(connection(), MS);
        wheel.advance(MS, () -> false, tracked -> {
            wheel.add(late, 40 * MS);
            return HOUR;
        });
        assertEquals(2, wheel.size());
        assertEquals(List.of(late), advance(wheel, 40 * MS));
    }

    @Test
    void whatIsLookedAtIsListedMeanwhile() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        List<GovernedConnection> both = List.of(connection(), connection());
        both.forEach(connection -> wheel.add(connection, 0));
        List<Integer> listed = new ArrayList<>();
        wheel.advance(0, () -> false, tracked -> {
            listed.add(wheel.list().size());
            return HOUR;
        });
        wheel.due(any -> true, 1);
        wheel.advance(1, () -> false, tracked -> {
            listed.add(wheel.list().size());
            return HOUR;
        });
        assertEquals(List.of(2, 2, 2, 2), listed);
        assertEquals(Set.copyOf(both), Set.copyOf(wheel.list()));
    }

    @Test
    void oneConnectionTakesThePlaceOfAnother() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection phase = connection();
        FakeConnection http = connection();
        wheel.add(phase, 100 * MS);
        assertTrue(wheel.replace(phase, http, 200 * MS));
        assertEquals(1, wheel.size());
        assertEquals(List.of(http), wheel.list());
        assertFalse(wheel.replace(phase, connection(), 300 * MS), "it is there no more");
        assertEquals(1, wheel.size());
        assertEquals(List.of(), advance(wheel, 150 * MS));
        assertEquals(List.of(http), advance(wheel, 200 * MS));
    }

    @Test
    void aConnectionReplacedWhileItIsLookedAtGivesItsPlace() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection http = connection();
        wheel.add(connection(), MS);
        wheel.advance(MS, () -> false, tracked -> {
            assertTrue(wheel.replace(tracked, http, 100 * MS));
            return MS;
        });
        assertEquals(List.of(http), wheel.list());
        assertEquals(List.of(http), advance(wheel, 100 * MS));
    }

    @Test
    void lookingAtAllLooksAtEachOnceAndKeepsItsAnswer() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        Map<GovernedConnection, Integer> looks = new LinkedHashMap<>();
        for (int i = 0; i < 100; i++) {
            wheel.add(connection(), i * 1_000L * MS);
        }
        wheel.due(any -> true, 5_000 * MS);
        wheel.advance(5_000 * MS, () -> false, tracked -> {
            looks.merge(tracked, 1, Integer::sum);
            return 6_000 * MS;
        });
        assertEquals(100, looks.size());
        assertEquals(Set.of(1), new HashSet<>(looks.values()));
        assertEquals(List.of(), advance(wheel, 5_900 * MS));
        assertEquals(100, advance(wheel, 6_000 * MS).size());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, Long.MAX_VALUE - 1_000_000_000L, Long.MIN_VALUE})
    void aClockThatJumpsByHoursMissesNothing(long origin) {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(origin);
        List<FakeConnection> all = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            all.add(connection());
            wheel.add(all.get(i), origin + i * 100L * MS);
        }
        assertEquals(new HashSet<GovernedConnection>(all), new HashSet<>(advance(wheel, origin + 5 * HOUR)));
        assertEquals(500, looked.size());
        assertEquals(500, advance(wheel, origin + 6 * HOUR).size());
    }

    @Test
    void aClockThatStepsBackLosesNothing() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        FakeConnection connection = connection();
        wheel.add(connection, 10_000 * MS);
        advance(wheel, 9_000 * MS);
        for (long now : new long[] {8_999 * MS, 1_000 * MS, 0, -HOUR}) {
            assertEquals(List.of(), advance(wheel, now));
        }
        FakeConnection late = connection();
        wheel.add(late, 2_000 * MS);
        assertEquals(2, wheel.size());
        assertEquals(Set.of(connection, late), new HashSet<>(advance(wheel, 10_000 * MS)));
    }

    /** Looks at so many at most. */
    private boolean advance(DeadlineWheel<GovernedConnection> wheel, long now, int most, long again) {
        int before = looked.size();
        return wheel.advance(now, () -> looked.size() - before >= most, tracked -> {
            looked.add(tracked);
            return again;
        });
    }

    @Test
    void whatIsLeftIsLookedAtTheNextTimeTheEarliestFirst() {
        for (long origin : ORIGINS) {
            looked.clear();
            DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(origin);
            List<FakeConnection> all = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                all.add(connection());
                wheel.add(all.get(i), origin + 5 * MS * i);
            }
            long now = origin + 500 * MS;
            for (int i = 0; i < 9; i++) {
                assertFalse(advance(wheel, now, 10, now + HOUR));
                assertEquals((500 + i - (i + 1) * 50) * MS, wheel.late(now));
                now += MS;
            }
            assertTrue(advance(wheel, now, 10, now + HOUR));
            assertEquals(all, looked);
            assertEquals(0, wheel.late(now));
            assertTrue(advance(wheel, now, 10, now + HOUR));
            assertEquals(100, looked.size());
        }
    }

    @Test
    void oneIsLookedAtEachTimeAtLeast() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        for (int i = 0; i < 5; i++) {
            wheel.add(connection(), MS);
        }
        for (int i = 1; i < 5; i++) {
            assertFalse(advance(wheel, EARLY, 0, HOUR));
            assertEquals(i, looked.size());
        }
        assertTrue(advance(wheel, EARLY, 0, HOUR));
    }

    /** As one whose close waits for another thread. */
    @Test
    void whoIsDueAgainAtOnceHoldsUpNobody() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        for (int i = 0; i < 100; i++) {
            wheel.add(connection(), MS);
        }
        for (int i = 0; i < 10; i++) {
            advance(wheel, EARLY, 10, MS);
        }
        assertEquals(100, new HashSet<>(looked).size());
    }

    @Test
    void aLaterRoundInTheSameBucketIsLookedAtOnceAnAdvance() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        wheel.add(connection(), MS + ROUND);
        wheel.add(connection(), MS);
        assertTrue(advance(wheel, EARLY, 10, MS + ROUND));
        assertEquals(2, looked.size());
    }

    @Test
    void whatIsLeftAndRemovedIsNotLookedAt() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        List<FakeConnection> all = List.of(connection(), connection(), connection());
        all.forEach(connection -> wheel.add(connection, MS));
        assertFalse(advance(wheel, EARLY, 1, HOUR));
        wheel.remove(all.get(1));
        assertTrue(advance(wheel, EARLY, 5, HOUR));
        assertEquals(List.of(all.get(0), all.get(2)), looked);
    }

    @Test
    void onlyThoseThatMatchBecomeDue() {
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(0);
        List<FakeConnection> all = List.of(connection(), connection(), connection());
        all.forEach(connection -> wheel.add(connection, HOUR));
        wheel.due(connection -> connection != all.get(1), 5 * EARLY);
        assertEquals(List.of(), advance(wheel, 4 * EARLY));
        assertEquals(List.of(all.get(0), all.get(2)), advance(wheel, 5 * EARLY));
        assertEquals(all.size(), advance(wheel, 2 * HOUR).size());
    }
}
