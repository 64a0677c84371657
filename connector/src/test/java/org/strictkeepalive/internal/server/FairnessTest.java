package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.FairShare;
import org.strictkeepalive.testkit.FakeConnection;

/** One address that holds more than its share. */
class FairnessTest {
    private static final long MS = 1_000_000L;
    private static final long NOW = 1_000_000 * MS;
    private static final KeepAlivePolicy UNFAIR =
            KeepAlivePolicy.builder().fairShare(0).build();

    private static FakeConnection connection(String name, Object peer, boolean reused, long idleMillis) {
        FakeConnection result = new FakeConnection(name, ConnectionState.IDLE, reused, NOW - idleMillis * MS);
        result.peer = peer;
        return result;
    }

    private static List<FakeConnection> many(String name, Object peer, boolean reused, long idleMillis, int count) {
        List<FakeConnection> result = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            result.add(connection(name + i, peer, reused, idleMillis - i));
        }
        return result;
    }

    private static Eviction consider(KeepAlivePolicy policy, PressureLevel level, List<FakeConnection> connections) {
        Eviction eviction = new Eviction(policy.getFairShare(), Map.of(), level);
        connections.forEach(connection -> eviction.consider(connection, NOW));
        return eviction;
    }

    private static List<String> choose(Eviction eviction, int excess) {
        return eviction.choose(excess).stream()
                .map(candidate -> candidate.connection().toString())
                .toList();
    }

    private static Set<Object> greedy(List<FakeConnection> connections) {
        FairShare share = new FairShare(KeepAlivePolicy.defaults().getFairShare(), Map.of());
        connections.forEach(connection -> share.add(connection.peer));
        return share.greedy();
    }

    // ---- The decision

    @Test
    void theSurplusOfTheGreedyGoesFirstOldestFirst() {
        List<FakeConnection> all = new ArrayList<>();
        all.addAll(many("polite", "p", true, 9000, 2));
        all.add(connection("visitor", "v", false, 5000));
        all.addAll(many("greedy", "g", true, 2000, 5));
        Eviction eviction = consider(KeepAlivePolicy.defaults(), PressureLevel.HIGH, all);
        assertEquals(Set.of("g"), greedy(all));
        // A quarter of eight is two: three are too many. Then the usual order.
        assertEquals(
                List.of("greedy0", "greedy1", "greedy2", "visitor", "polite0", "polite1", "greedy3", "greedy4"),
                choose(eviction, 8));
    }

    @Test
    void newcomersOfTheGreedyGoBeforeWhatItReuses() {
        List<FakeConnection> all = new ArrayList<>(many("reused", "g", true, 5000, 4));
        all.addAll(many("new", "g", false, 1000, 2));
        assertEquals(
                List.of("new0", "new1", "reused0"),
                choose(consider(KeepAlivePolicy.defaults(), PressureLevel.HIGH, all), 3));
        all.add(connection("just come", "g", false, 10));
        assertEquals(List.of("new0", "new1"), choose(consider(KeepAlivePolicy.defaults(), PressureLevel.HIGH, all), 3));
    }

    @Test
    void withinItsShareNobodyIsGreedy() {
        List<FakeConnection> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.addAll(many("c", "peer" + i, true, 5000, 10));
        }
        all.add(connection("single", null, true, 9000));
        assertEquals(Set.of(), greedy(all));
        // A share of less than one is one.
        List<FakeConnection> few = List.of(connection("a", "a", true, 5000), connection("b", "b", true, 6000));
        assertEquals(Set.of(), greedy(few));
    }

    /** A peer that holds 20 WebSockets gives up its idle connections first, but no WebSocket. */
    @Test
    void connectionsThatAreNotGovernedCountInTheShareOfTheirPeer() {
        List<FakeConnection> all = new ArrayList<>(many("polite", "p", true, 9000, 4));
        all.addAll(many("also", "w", true, 2000, 2));
        Eviction eviction = new Eviction(0.25, Map.of("w", 20, "x", 2), PressureLevel.HIGH);
        all.forEach(connection -> eviction.consider(connection, NOW));
        assertEquals(Map.of("w", 2), eviction.surplus());
        assertEquals(List.of("also0", "also1", "polite0"), choose(eviction, 3));
    }

    @Test
    void switchedOffNobodyIsGreedy() {
        List<FakeConnection> all = new ArrayList<>(many("g", "g", true, 2000, 50));
        all.add(connection("polite", "p", true, 9000));
        assertEquals(List.of("polite"), choose(consider(UNFAIR, PressureLevel.HIGH, all), 1));
        FairShare off = new FairShare(0, Map.of());
        all.forEach(connection -> off.add(connection.peer));
        assertEquals(Set.of(), off.greedy());
    }

    @Provide
    Arbitrary<List<FakeConnection>> populations() {
        return Combinators.combine(
                        Arbitraries.of(ConnectionState.class),
                        Arbitraries.of(true, false),
                        Arbitraries.longs().between(0, 3000),
                        Arbitraries.integers().between(1, 3))
                .as((state, reused, idle, peer) -> {
                    FakeConnection result = new FakeConnection("c", state, reused, NOW - idle * MS);
                    result.peer = peer;
                    return result;
                })
                .list()
                .ofMaxSize(40);
    }

    @Property
    void behindAProxyItMakesNoDifference(
            @ForAll("populations") List<FakeConnection> all,
            @ForAll @IntRange(max = 45) int excess,
            @ForAll boolean critical) {
        all.forEach(connection -> connection.peer = "proxy");
        PressureLevel level = critical ? PressureLevel.CRITICAL : PressureLevel.HIGH;
        Eviction fair = consider(KeepAlivePolicy.defaults(), level, all);
        Eviction unfair = consider(UNFAIR, level, all);
        assertEquals(connections(unfair, excess), connections(fair, excess));
        assertEquals(unfair.hasNewcomersLeft(), fair.hasNewcomersLeft());
    }

    @Property
    void asManyGoAsWithoutItAndNobodyWithinItsGrace(
            @ForAll("populations") List<FakeConnection> all, @ForAll @IntRange(max = 45) int excess) {
        List<GovernedConnection> chosen =
                connections(consider(KeepAlivePolicy.defaults(), PressureLevel.HIGH, all), excess);
        assertTrue(chosen.size() <= excess);
        assertTrue(chosen.size()
                >= connections(consider(UNFAIR, PressureLevel.HIGH, all), excess)
                        .size());
        assertEquals(chosen.size(), Set.copyOf(chosen).size());
        for (GovernedConnection c : chosen) {
            assertTrue(NOW - c.since() >= (c.isReused() ? 1000 : 250) * MS);
            assertTrue(c.state() != ConnectionState.BUSY && c.state() != ConnectionState.LINGERING);
        }
    }

    private static List<GovernedConnection> connections(Eviction eviction, int excess) {
        return eviction.choose(excess).stream()
                .map(Eviction.Candidate::connection)
                .toList();
    }
}
