package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.strictkeepalive.ConnectionState;

/** Each state with each event, as the table of {@link ConnectionLife} says. */
class ConnectionLifeTest {
    private static final int RUNNING = ConnectionLife.RUNNING;
    private static final int WAITING = ConnectionLife.WAITING;
    private static final int BUSY = ConnectionLife.BUSY;
    private static final int OWNED = ConnectionLife.OWNED;
    private static final int PASS = ConnectionLife.PASS;
    private static final int CHECKING = ConnectionLife.CHECKING;
    private static final int LOOKING = ConnectionLife.LOOKING;

    /** What an event makes of a state: the new state, the event's answer (null for none), or a refusal. */
    private record Outcome(int to, Boolean answer) {
        static final Outcome REFUSED = new Outcome(-1, null);
    }

    private record Event(String name, Predicate<BareLife> happens, Map<Integer, Outcome> outcomes, Outcome otherwise) {}

    private static Predicate<BareLife> silent(Consumer<BareLife> event) {
        return life -> {
            event.accept(life);
            return true;
        };
    }

    private static Outcome to(int state) {
        return new Outcome(state, true);
    }

    /** Nothing happens, and the event is told so. */
    private static final Outcome NO = new Outcome(-1, false);

    /** Nothing happens. */
    private static final Outcome SAME = new Outcome(-1, true);

    private static final List<Event> EVENTS = List.of(
            new Event("waits", silent(ConnectionLife::waits), Map.of(RUNNING, to(WAITING)), Outcome.REFUSED),
            new Event("bytesCame", ConnectionLife::bytesCame, Map.of(WAITING, to(RUNNING)), NO),
            new Event("claim to check", life -> life.claim(life.seen(), CHECKING), Map.of(WAITING, to(CHECKING)), NO),
            new Event("claim to own", life -> life.claim(life.seen(), OWNED), Map.of(WAITING, to(OWNED)), NO),
            new Event("foundBytes", silent(ConnectionLife::foundBytes), Map.of(CHECKING, to(RUNNING)), Outcome.REFUSED),
            new Event(
                    "foundNothing", silent(ConnectionLife::foundNothing), Map.of(CHECKING, to(OWNED)), Outcome.REFUSED),
            new Event("headersComplete", life -> life.headersComplete(life.seen()), Map.of(RUNNING, to(BUSY)), NO),
            new Event(
                    "exchangeOver",
                    life -> life.exchangeOver(life.exchange()),
                    Map.of(BUSY, to(RUNNING), OWNED, to(OWNED), PASS, to(PASS)),
                    NO),
            new Event("beginLook", life -> life.beginLook(life.seen()), Map.of(BUSY, to(LOOKING)), NO),
            new Event(
                    "outputShut",
                    ConnectionLife::outputShut,
                    Map.of(
                            RUNNING, to(OWNED), WAITING, to(OWNED), BUSY, to(OWNED), CHECKING, to(OWNED), LOOKING,
                            to(OWNED)),
                    NO),
            new Event(
                    "leaves",
                    silent(ConnectionLife::leaves),
                    Map.of(
                            RUNNING, to(PASS), WAITING, to(PASS), BUSY, to(PASS), OWNED, to(PASS), PASS, to(PASS),
                            CHECKING, to(PASS), LOOKING, to(PASS)),
                    SAME));

    /** A life in that state, on the way that leads there. */
    private static BareLife in(int state) {
        BareLife life = new BareLife();
        switch (state) {
            case RUNNING -> {}
            case WAITING -> life.waits();
            case BUSY -> assertTrue(life.headersComplete(life.seen()));
            case OWNED -> assertTrue(life.outputShut());
            case PASS -> life.leaves();
            case CHECKING -> {
                life.waits();
                assertTrue(life.claim(life.seen(), CHECKING));
            }
            case LOOKING -> {
                assertTrue(life.headersComplete(life.seen()));
                assertTrue(life.beginLook(life.seen()));
            }
            default -> throw new IllegalArgumentException("state " + state);
        }
        assertEquals(state, ConnectionLife.state(life.seen()));
        return life;
    }

    @TestFactory
    List<DynamicTest> everyEventInEveryState() {
        List<DynamicTest> tests = new ArrayList<>();
        for (Event event : EVENTS) {
            for (int state = 0; state < ConnectionLife.STATES; state++) {
                if (event.name.equals("exchangeOver") && state == LOOKING) {
                    continue; // It waits until nobody looks: see below.
                }
                int from = state;
                tests.add(DynamicTest.dynamicTest(
                        event.name + " in " + ConnectionLife.name(from), () -> assertOutcome(event, from)));
            }
        }
        return tests;
    }

    private static void assertOutcome(Event event, int from) {
        BareLife life = in(from);
        int seen = life.seen();
        Outcome outcome = event.outcomes.getOrDefault(from, event.otherwise);
        if (outcome.equals(Outcome.REFUSED)) {
            IllegalStateException refusal = assertThrows(IllegalStateException.class, () -> event.happens.test(life));
            assertTrue(refusal.getMessage().contains(ConnectionLife.name(from)), refusal.getMessage());
            assertEquals(seen, life.seen());
            return;
        }
        assertEquals(outcome.answer, event.happens.test(life));
        if (outcome.to < 0) {
            assertEquals(seen, life.seen(), "nothing has changed");
        } else {
            assertEquals(outcome.to, ConnectionLife.state(life.seen()));
        }
    }

    @Test
    void anExchangeEndsOnceNobodyLooks() throws Exception {
        BareLife life = in(BUSY);
        int seen = life.seen();
        int exchange = life.exchange();
        assertTrue(life.beginLook(seen));
        boolean[] over = new boolean[1];
        Thread ending = new Thread(() -> over[0] = life.exchangeOver(exchange));
        ending.start();
        ending.join(50);
        assertEquals(LOOKING, ConnectionLife.state(life.seen()), "it waits");
        life.endLook(seen);
        ending.join(60_000);
        assertTrue(over[0]);
        assertEquals(RUNNING, ConnectionLife.state(life.seen()));
    }

    @Test
    void aLookThatEndsBehindTheOutputChangesNothing() {
        BareLife life = in(BUSY);
        int seen = life.seen();
        assertTrue(life.beginLook(seen));
        assertTrue(life.outputShut());
        life.endLook(seen);
        assertEquals(OWNED, ConnectionLife.state(life.seen()));
    }

    @Test
    void anExchangeIsOverOnce() {
        for (int state : new int[] {BUSY, OWNED, PASS}) {
            BareLife life = in(state);
            int exchange = life.exchange();
            assertTrue(life.exchangeOver(exchange));
            assertFalse(life.exchangeOver(exchange), ConnectionLife.name(state));
        }
    }

    @Test
    void anExchangeThatIsOverDoesNotEndTheNext() {
        BareLife life = in(BUSY);
        int first = life.exchange();
        assertTrue(life.exchangeOver(first));
        assertTrue(life.headersComplete(life.seen()));
        assertNotEquals(first, life.exchange());
        assertFalse(life.exchangeOver(first));
        assertEquals(BUSY, ConnectionLife.state(life.seen()));
    }

    @Test
    void aDecisionAboutOneWaitDoesNotTakeTheNext() {
        BareLife life = in(WAITING);
        int seen = life.seen();
        assertTrue(life.bytesCame());
        life.waits();
        assertEquals(WAITING, ConnectionLife.state(life.seen()));
        assertFalse(life.claim(seen, OWNED));
        assertTrue(life.claim(life.seen(), OWNED));
    }

    @Test
    void aClaimIsToCheckOrToOwn() {
        for (int state : new int[] {RUNNING, WAITING, BUSY, PASS, LOOKING}) {
            assertThrows(IllegalStateException.class, () -> in(WAITING).claim(0, state));
        }
    }

    /** Any sequence of events leaves a known state; the count goes round without touching it. */
    @Property(tries = 200)
    void anySequenceOfEventsLeavesAKnownState(@ForAll List<Byte> events) {
        BareLife life = new BareLife();
        for (byte b : events) {
            Event event = EVENTS.get(Math.floorMod(b, EVENTS.size()));
            if (ConnectionLife.state(life.seen()) == LOOKING && event.name.equals("exchangeOver")) {
                continue;
            }
            try {
                boolean unused = event.happens.test(life);
            } catch (IllegalStateException refused) {
                // The state stays.
            }
            assertTrue(ConnectionLife.state(life.seen()) < ConnectionLife.STATES);
        }
    }

    private static void assertCounted(BareLife life, ConnectionState expected) {
        for (ConnectionState state : ConnectionState.values()) {
            assertEquals(
                    state == expected ? 1 : 0, life.counters.states().count(state), () -> state + " in " + life.seen());
        }
    }

    @Test
    void itIsCountedWhereItIs() {
        BareLife life = new BareLife();
        assertCounted(life, null);
        life.countIn();
        life.countIn();
        assertCounted(life, ConnectionState.BUSY);
        life.waits();
        assertCounted(life, ConnectionState.IDLE);
        assertTrue(life.claim(life.seen(), CHECKING));
        assertCounted(life, ConnectionState.IDLE);
        life.foundBytes();
        assertCounted(life, ConnectionState.BUSY);
        assertTrue(life.headersComplete(life.seen()));
        int seen = life.seen();
        assertTrue(life.beginLook(seen));
        life.endLook(seen);
        assertTrue(life.exchangeOver(life.exchange()));
        assertCounted(life, ConnectionState.BUSY);
        life.waits();
        assertTrue(life.bytesCame());
        life.waits();
        assertTrue(life.claim(life.seen(), OWNED));
        assertCounted(life, ConnectionState.LINGERING);
        life.countOut();
        life.countOut();
        assertCounted(life, null);
    }

    /** A close may be counted at any time. Whoever has the move goes on with the connection as before. */
    @Test
    void aCloseThatIsCountedChangesNothingElse() {
        BareLife life = new BareLife();
        life.countIn();
        life.waits();
        assertTrue(life.claim(life.seen(), CHECKING));
        life.countOut();
        life.foundBytes();
        assertTrue(life.headersComplete(life.seen()));
        life.countIn();
        int seen = life.seen();
        assertTrue(life.beginLook(seen));
        life.countOut();
        life.endLook(seen);
        assertEquals(BUSY, ConnectionLife.state(life.seen()));
        assertTrue(life.exchangeOver(life.exchange()));
        life.waits();
        assertTrue(life.bytesCame());
        assertCounted(life, null);
    }

    @Test
    void theCountGoesRound() throws Exception {
        BareLife life = new BareLife();
        Field word = ConnectionLife.class.getDeclaredField("word");
        word.setAccessible(true);
        word.setInt(life, Integer.MAX_VALUE - 63 + RUNNING);
        life.waits();
        int seen = life.seen();
        assertTrue(seen < 0, "it has gone round");
        assertEquals(WAITING, ConnectionLife.state(seen));
        assertTrue(life.bytesCame());
        assertTrue(life.headersComplete(life.seen()));
        int exchange = life.exchange();
        assertTrue(life.beginLook(life.seen()));
        assertEquals(exchange, life.exchange());
        life.endLook(life.seen() - LOOKING + BUSY);
        assertTrue(life.exchangeOver(exchange));
        assertFalse(life.exchangeOver(exchange));
    }
}
