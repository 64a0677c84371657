package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.testkit.FakeConnection;

/** Which exchanges end for visitors. */
class SlowestTest {
    private static final long MS = 1_000_000L;
    private static final Tick CRITICAL =
            new Tick(7, new Pressure(PressureLevel.CRITICAL, 1, 1, 250, 256, 16, 200, 0, 0, Verdict.NONE));

    private final Slowest slowest = new Slowest();
    private final List<FakeConnection> all = new ArrayList<>();

    private FakeConnection busy(long waitedMillis, double perSecond) {
        FakeConnection connection = new FakeConnection("c" + all.size(), ConnectionState.BUSY, false, 0);
        connection.rate = new ClientRate();
        connection.rate.add(waitedMillis * MS, (long) (perSecond * waitedMillis / 1000), 1L << 40);
        all.add(connection);
        return connection;
    }

    private List<GovernedConnection> choose(int most) {
        slowest.begin(0);
        all.forEach(connection -> slowest.consider(connection, CRITICAL));
        return slowest.choose(most);
    }

    @Test
    void theSlowestComeFirstAndNoMoreThanAreNeeded() {
        FakeConnection mobile = busy(3000, 4096);
        FakeConnection slow = busy(3000, 300);
        FakeConnection stopped = busy(3000, 0);
        assertEquals(List.of(stopped), choose(1));
        assertEquals(List.of(stopped, slow), choose(2));
        assertEquals(List.of(stopped, slow, mobile), choose(9));
        assertEquals(List.of(), choose(0));
        assertEquals(List.of(), choose(-1));
    }

    @Test
    void theFastAndThoseWhoseApplicationHasTheMoveAreNeverChosen() {
        busy(3000, 20_000);
        FakeConnection working = busy(3000, 0);
        working.rate = null;
        working.since = -3000 * MS;
        assertEquals(List.of(), choose(9));
        assertEquals(0, slowest.unjudged());
    }

    /** A crowd is in its handshakes, so that nobody else has been judged. */
    @Test
    void handshakesThatGoOnKeepTheHonestOneSafe() {
        busy(3000, 4096);
        for (int i = 0; i < 10; i++) {
            FakeConnection shaking = new FakeConnection("h" + i, ConnectionState.NEW, false, -3000 * MS);
            shaking.coming = true;
            all.add(shaking);
        }
        assertEquals(List.of(), choose(10));
        assertEquals(1, choose(11).size(), "if so many have to go");
    }

    /** All attackers have just come, so that only the mobile client has been judged. */
    @Test
    void aNewOneThatIsSlowerKeepsTheHonestOneSafe() {
        FakeConnection mobile = busy(3000, 4096);
        for (int i = 0; i < 10; i++) {
            busy(100, 750);
        }
        assertEquals(List.of(), choose(10));
        assertEquals(10, slowest.unjudged());
        assertEquals(List.of(mobile), choose(11));
    }

    /** A crowd comes back at once, so more go than are needed at this moment. */
    @Test
    void forThoseWhoHaveJustComeNoneOfTheFasterHalfEnds() {
        busy(3000, 4096);
        FakeConnection slow = busy(3000, 300);
        for (int i = 0; i < 3; i++) {
            busy(100, 750);
        }
        slowest.begin(0);
        all.forEach(connection -> slowest.consider(connection, CRITICAL));
        assertEquals(List.of(slow), slowest.choose(40, 1));
    }

    /** Else only as many would go in half a second as visitors need at once. */
    @Test
    void newOnesDoNotKeepThoseThatAreSlowerByFar() {
        FakeConnection slow = busy(3000, 300);
        FakeConnection mobile = busy(3000, 4096);
        for (int i = 0; i < 4; i++) {
            busy(100, 0);
        }
        for (int i = 0; i < 4; i++) {
            busy(490, 300);
        }
        assertEquals(List.of(slow), choose(1));
        all.remove(slow);
        assertEquals(List.of(), choose(5));
        assertEquals(List.of(mobile), choose(9));
    }

    @Test
    void aBurstAtTheBeginDoesNotMakeANewOneLookFast() {
        FakeConnection mobile = busy(3000, 4096);
        FakeConnection late = busy(10, 7_500);
        assertEquals(List.of(), choose(1));
        late.rate.add(490 * MS, 0, 1L << 40);
        assertEquals(List.of(late), choose(1));
        assertEquals(List.of(late, mobile), choose(2));
    }

    @Test
    void whoWasEndedCountsAsGoingWhileItIsThereButNotForEver() {
        FakeConnection one = busy(3000, 300);
        FakeConnection two = busy(3000, 300);
        slowest.onEnded(one, 0);
        slowest.onEnded(two, 500 * MS);
        assertEquals(List.of(), chooseAt(900));
        assertEquals(2, slowest.going());
        all.remove(two);
        assertEquals(List.of(), chooseAt(999));
        assertEquals(1, slowest.going());
        assertEquals(List.of(one), chooseAt(1000), "its application doesn't let it go");
        assertEquals(0, slowest.going());
    }

    /** Behind one address there may be others, whose exchanges are older. */
    @Test
    void whoBeginsAfterItsPeerWasEndedIsJudgedAtOnceAndTheOthersAreNot() {
        FakeConnection ended = busy(3000, 300);
        FakeConnection neighbour = busy(150, 0);
        FakeConnection returning = busy(150, 0);
        all.forEach(connection -> connection.peer = "peer");
        slowest.onEnded(ended, 100 * MS);
        all.remove(ended);
        neighbour.since = 90 * MS;
        returning.since = 110 * MS;
        assertEquals(List.of(returning), chooseAt(300));
    }

    private List<GovernedConnection> chooseAt(long millis) {
        slowest.begin(millis * MS);
        all.forEach(connection -> slowest.consider(connection, CRITICAL));
        return slowest.choose(9);
    }

    @Test
    void ofManyTheSlowestAreKept() {
        for (int i = 0; i < 10_000; i++) {
            busy(3000, 10_000 - i);
        }
        List<GovernedConnection> chosen = choose(Relief.MOST);
        assertEquals(Relief.MOST, chosen.size());
        assertEquals(all.get(9_999), chosen.get(0));
        assertEquals(all.get(10_000 - Relief.MOST), chosen.get(Relief.MOST - 1));
    }

    @Test
    void ofTwoThatAreEqualTheLaterOneGoes() {
        FakeConnection first = busy(3000, 0);
        FakeConnection later = busy(3000, 0);
        first.since = -9_000 * MS;
        later.since = -8_000 * MS;
        assertEquals(List.of(later), choose(1));
        assertEquals(List.of(later, first), choose(2));
    }

    /** A flood has just come, and is not known to wait yet. */
    @Test
    void aNewExchangeKeepsTheHonestOneSafeEvenBeforeItWaits() {
        FakeConnection mobile = busy(3000, 4096);
        for (int i = 0; i < 10; i++) {
            FakeConnection late = busy(0, 0);
            late.rate = null;
            late.since = -100 * MS;
        }
        assertEquals(List.of(), choose(10));
        all.forEach(connection -> connection.since = -500 * MS);
        assertEquals(List.of(mobile), choose(10));
    }

    @Test
    void soDoesANewConnection() {
        FakeConnection mobile = busy(3000, 4096);
        for (int i = 0; i < 10; i++) {
            FakeConnection arriving = busy(0, 0);
            arriving.rate = null;
            arriving.state = ConnectionState.NEW;
            arriving.since = -100 * MS;
        }
        assertEquals(List.of(), choose(10));
        assertEquals(0, slowest.unjudged(), "it may be a visitor");
        assertEquals(List.of(mobile), choose(11));
    }
}
