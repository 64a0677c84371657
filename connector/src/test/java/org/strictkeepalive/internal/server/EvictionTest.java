package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.FakeConnection;

class EvictionTest {
    private static final long MS = 1_000_000L;
    private static final long NOW = 1_000_000 * MS;

    private static Eviction consider(PressureLevel level, List<FakeConnection> connections) {
        Eviction eviction = new Eviction(0.25, Map.of(), level);
        connections.forEach(connection -> eviction.consider(connection, NOW));
        return eviction;
    }

    private static List<String> choose(PressureLevel level, int excess, FakeConnection... connections) {
        return consider(level, List.of(connections)).choose(excess).stream()
                .map(candidate -> candidate.connection().toString())
                .toList();
    }

    private static FakeConnection newcomer(String name, long idleMillis) {
        return new FakeConnection(name, ConnectionState.IDLE, false, NOW - idleMillis * MS);
    }

    private static FakeConnection reused(String name, long idleMillis) {
        return new FakeConnection(name, ConnectionState.IDLE, true, NOW - idleMillis * MS);
    }

    @Test
    void atCriticalThoseJustAcceptedGoAfterThoseThatHaveTheirAnswer() {
        FakeConnection accepted = new FakeConnection("accepted", ConnectionState.NEW, false, NOW - 200 * MS);
        FakeConnection silent = new FakeConnection("silent", ConnectionState.NEW, false, NOW - 260 * MS);
        assertEquals(
                List.of("silent", "answered", "accepted"),
                choose(PressureLevel.CRITICAL, 3, accepted, newcomer("answered", 10), silent));
    }

    @Test
    void newcomersGoFirstOldestFirstAndThenTheReusedOldestFirst() {
        assertEquals(
                List.of("n3", "n2", "n1", "r9", "r8"),
                choose(
                        PressureLevel.HIGH,
                        5,
                        reused("r8", 8000),
                        newcomer("n1", 1000),
                        reused("r7", 7000),
                        newcomer("n3", 3000),
                        reused("r9", 9000),
                        newcomer("n2", 2000)));
    }

    @Test
    void noMoreGoThanHaveTo() {
        assertEquals(List.of("n2"), choose(PressureLevel.HIGH, 1, newcomer("n1", 1000), newcomer("n2", 2000)));
        assertEquals(List.of(), choose(PressureLevel.HIGH, 0, newcomer("n1", 1000), reused("r", 9000)));
    }

    @Test
    void theReusedStayWhileANewcomerIsLeft() {
        Eviction eviction =
                consider(PressureLevel.HIGH, List.of(newcomer("n1", 1000), newcomer("n2", 2000), reused("r", 9000)));
        assertEquals(1, eviction.choose(1).size());
        assertTrue(eviction.hasNewcomersLeft());
    }

    @Test
    void aNewcomerWithinItsGraceStaysAndKeepsTheReusedSafe() {
        assertEquals(List.of(), choose(PressureLevel.HIGH, 2, newcomer("n", 249), reused("r", 9000)));
        assertEquals(List.of("n", "r"), choose(PressureLevel.HIGH, 2, newcomer("n", 250), reused("r", 9000)));
        assertEquals(
                List.of("old"),
                choose(PressureLevel.HIGH, 3, newcomer("young", 0), newcomer("old", 300), reused("r", 9000)));
    }

    @Test
    void atCriticalNewcomersHaveNoGrace() {
        assertEquals(List.of("n", "r"), choose(PressureLevel.CRITICAL, 2, newcomer("n", 0), reused("r", 9000)));
    }

    @ParameterizedTest
    @EnumSource(names = {"HIGH", "CRITICAL"})
    void aReusedConnectionStaysForASecondAfterItsLastResponse(PressureLevel level) {
        assertEquals(List.of("old"), choose(level, 2, reused("young", 999), reused("old", 1000)));
    }

    @ParameterizedTest
    @EnumSource(names = {"NEW", "READING", "IDLE"})
    void waitingInAnyPhaseCountsAsIdle(ConnectionState state) {
        assertEquals(
                List.of("c"), choose(PressureLevel.HIGH, 1, new FakeConnection("c", state, false, NOW - 300 * MS)));
    }

    @ParameterizedTest
    @EnumSource(names = {"BUSY", "LINGERING"})
    void theBusyAndTheLingeringStayAndAreNoNewcomersToWaitFor(ConnectionState state) {
        FakeConnection busy = new FakeConnection("busy", state, false, NOW - 9000 * MS);
        assertEquals(List.of("r"), choose(PressureLevel.CRITICAL, 1, busy, reused("r", 2000)));
    }

    @Test
    void whoseBytesKeepComingCountsAsBusyAndWhoHasSaidNothingGoes() {
        FakeConnection silent = new FakeConnection("silent", ConnectionState.NEW, false, NOW - 10 * MS);
        FakeConnection talking = new FakeConnection("talking", ConnectionState.NEW, false, NOW - 900 * MS);
        talking.coming = true;
        assertEquals(List.of("silent"), choose(PressureLevel.CRITICAL, 2, talking, silent));
        assertEquals(List.of("r"), choose(PressureLevel.CRITICAL, 1, talking, reused("r", 2000)));
        talking.coming = false;
        assertEquals(List.of("talking", "silent"), choose(PressureLevel.CRITICAL, 2, talking, silent));
    }

    @Test
    void noReusedConnectionGoesWhereAllTogetherAreNotEnough() {
        FakeConnection busy = new FakeConnection("busy", ConnectionState.BUSY, false, NOW - 9000 * MS);
        assertEquals(List.of("n"), choose(PressureLevel.CRITICAL, 3, busy, newcomer("n", 300), reused("r", 9000)));
        assertEquals(List.of("n", "r"), choose(PressureLevel.CRITICAL, 2, busy, newcomer("n", 300), reused("r", 9000)));
    }

    @Test
    void thoseThatAreJustAcceptedDoNotMakeItEnough() {
        FakeConnection arriving = new FakeConnection("arriving", ConnectionState.NEW, false, NOW - 100 * MS);
        assertEquals(List.of("arriving"), choose(PressureLevel.CRITICAL, 2, arriving, reused("r", 9000)));
    }

    @Test
    void beforeAllAreKnownOnlyNewcomersGo() {
        Eviction eviction =
                consider(PressureLevel.HIGH, List.of(newcomer("n1", 1000), reused("r", 9000), newcomer("n2", 2000)));
        assertEquals(
                "n2", eviction.chooseNewcomers(1, Map.of()).get(0).connection().toString());
        eviction.consider(newcomer("n3", 500), NOW);
        assertEquals(
                "n3", eviction.chooseNewcomers(5, Map.of()).get(0).connection().toString());
        assertEquals(List.of(), eviction.choose(1));
        assertTrue(eviction.hasNewcomersLeft(), "n1 is left for the next round");
    }

    @Test
    void withNobodyThereNobodyGoesAndNoNewcomerIsLeft() {
        Eviction eviction = consider(PressureLevel.CRITICAL, List.of());
        assertEquals(List.of(), eviction.choose(10));
        assertFalse(eviction.hasNewcomersLeft());
    }

    @Test
    void aCandidateTellsItsLastProgressAsItWasWhenConsidered() {
        FakeConnection connection = newcomer("n", 500);
        Eviction eviction = consider(PressureLevel.HIGH, List.of(connection));
        connection.since = NOW;
        Eviction.Candidate candidate = eviction.choose(1).get(0);
        assertEquals(NOW - 500 * MS, candidate.since());
        assertEquals(500 * MS, candidate.idle());
    }

    @Test
    void theOrderSurvivesAWrapOfTheClock() {
        long now = Long.MIN_VALUE + 100 * MS;
        Eviction eviction = new Eviction(0.25, Map.of(), PressureLevel.CRITICAL);
        FakeConnection older = new FakeConnection("older", ConnectionState.IDLE, false, now - 500 * MS);
        FakeConnection younger = new FakeConnection("younger", ConnectionState.IDLE, false, now - 50 * MS);
        assertTrue(older.since > 0 && younger.since < 0);
        eviction.consider(younger, now);
        eviction.consider(older, now);
        assertEquals(older, eviction.choose(1).get(0).connection());
    }

    @Provide
    Arbitrary<List<FakeConnection>> populations() {
        return Combinators.combine(
                        Arbitraries.of(ConnectionState.class),
                        Arbitraries.of(true, false),
                        Arbitraries.longs().between(0, 3000))
                .as((state, reused, idle) ->
                        new FakeConnection(state + (reused ? "+" : "-") + idle, state, reused, NOW - idle * MS))
                .list()
                .ofMaxSize(40);
    }

    @Property
    void nobodyGoesBeforeItsTurn(
            @ForAll("populations") List<FakeConnection> all,
            @ForAll @IntRange(max = 45) int excess,
            @ForAll boolean critical) {
        PressureLevel level = critical ? PressureLevel.CRITICAL : PressureLevel.HIGH;
        Eviction eviction = consider(level, all);
        List<FakeConnection> chosen = new ArrayList<>();
        eviction.choose(excess).forEach(candidate -> chosen.add((FakeConnection) candidate.connection()));

        assertTrue(chosen.size() <= excess);
        assertEquals(chosen.size(), new HashSet<>(chosen).size(), "nobody twice");
        List<FakeConnection> left = new ArrayList<>(all);
        left.removeAll(chosen);
        boolean newcomerLeft = left.stream().anyMatch(c -> !c.reused && isIdle(c));
        assertEquals(newcomerLeft, eviction.hasNewcomersLeft());
        for (int i = 0; i < chosen.size(); i++) {
            FakeConnection c = chosen.get(i);
            assertTrue(isIdle(c), "the busy and the lingering are never chosen");
            long idle = NOW - c.since;
            assertTrue(c.reused ? idle >= 1000 * MS : critical || idle >= 250 * MS, "nobody within its grace");
            assertFalse(c.reused && newcomerLeft, "the reused only when no newcomer is left");
            assertFalse(c.reused && !eviction.isRelievable(), "the reused only where all together are enough");
            if (i > 0) {
                FakeConnection before = chosen.get(i - 1);
                boolean sameClass = before.reused == c.reused && isArriving(before) == isArriving(c);
                assertTrue(sameClass ? before.since <= c.since : c.reused || isArriving(c), "in order");
            }
            for (FakeConnection stays : left) {
                assertFalse(
                        isIdle(stays)
                                && stays.reused == c.reused
                                && isArriving(stays) == isArriving(c)
                                && stays.since < c.since,
                        "nobody younger in its class goes before an older");
            }
        }
        long idle = all.stream().filter(c -> isIdle(c) && !isArriving(c)).count();
        assertEquals(idle >= excess, eviction.isRelievable());
        if (chosen.size() < excess && !newcomerLeft && eviction.isRelievable()) {
            assertTrue(
                    left.stream().noneMatch(c -> isIdle(c) && NOW - c.since >= 1000 * MS),
                    "all go that may, if they must");
        }
    }

    private static boolean isArriving(FakeConnection c) {
        return !c.reused && c.state == ConnectionState.NEW && NOW - c.since < 250 * MS;
    }

    private static boolean isIdle(FakeConnection c) {
        return c.state != ConnectionState.BUSY && c.state != ConnectionState.LINGERING;
    }
}
