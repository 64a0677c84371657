package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.Wait;
import org.strictkeepalive.internal.time.DeadlineWheel;
import org.strictkeepalive.testkit.FakeConnection;

/** One snapshot of single connections for all readers, at a bounded price. */
class CensusTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long NOW = 1_000 * SECOND;

    private final Counters counters = new Counters();
    private final DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(NOW);
    private final Census census = new Census(wheel, counters.states());
    private int asked;

    private FakeConnection open(ConnectionState state, long idle) {
        FakeConnection connection = new FakeConnection("c", state, true, NOW - idle) {
            @Override
            public ConnectionState state() {
                asked++;
                return super.state();
            }

            @Override
            public Wait waitsFor() {
                return Wait.CLIENT_READING;
            }
        };
        wheel.add(connection, NOW + 60 * SECOND);
        connection.countIn();
        return connection;
    }

    private void close(FakeConnection connection) {
        wheel.remove(connection);
        connection.countOut();
    }

    private long longest(long now) {
        return census.snapshot(now).longestIdle().get(0).idle();
    }

    @Test
    void isMadeOnceASecondForAllReaders() {
        open(ConnectionState.IDLE, SECOND);
        Census.Snapshot first = census.snapshot(NOW);
        asked = 0;
        assertSame(first, census.snapshot(NOW + SECOND - 1));
        assertEquals(0, asked);
        assertNotSame(first, census.snapshot(NOW + SECOND));
    }

    @Test
    void looksAtABoundedNumberAndKnowsTheLongestIdleAfterARound() {
        List<FakeConnection> opened = new ArrayList<>();
        for (int i = 0; i < 3 * Census.MOST; i++) {
            opened.add(open(ConnectionState.IDLE, i == 2 * Census.MOST ? 100 * SECOND : SECOND + i));
        }
        long now = NOW;
        for (int i = 0; i < 3; i++) {
            asked = 0;
            assertEquals(Census.MOST, census.snapshot(now).looked());
            assertTrue(asked <= Census.MOST + 40, asked + " asked");
            now += SECOND;
        }
        for (int i = 0; i < 5; i++) {
            assertEquals(now + 100 * SECOND - NOW, longest(now), "remembered");
            now += SECOND;
        }
        close(opened.get(2 * Census.MOST));
        assertTrue(longest(now) < 50 * SECOND, "gone");
    }

    @Test
    void looksAtAllWhileTheyAreFew() {
        for (int i = 1; i < 10; i++) {
            open(ConnectionState.IDLE, i * SECOND);
            assertEquals(i, census.snapshot(NOW + i * SECOND).looked());
        }
    }

    @Test
    void showsTenOfTheLongestIdleOnes() {
        for (int i = 0; i < 20; i++) {
            open(i % 2 == 0 ? ConnectionState.IDLE : ConnectionState.BUSY, i * SECOND);
        }
        open(ConnectionState.NEW, 100 * SECOND);
        List<Long> idle = census.snapshot(NOW).longestIdle().stream()
                .map(Census.Idle::idle)
                .toList();
        assertEquals(10, idle.size());
        for (int i = 0; i < 10; i++) {
            assertEquals((18 - 2 * i) * SECOND, idle.get(i));
        }
    }

    @Test
    void tellsWhoHoldsTheBusyOnes() throws Exception {
        for (int i = 0; i < 3; i++) {
            open(ConnectionState.BUSY, 0).peer = InetAddress.getByName("192.0.2.7");
        }
        open(ConnectionState.BUSY, 0).peer = 0x20010db8_00010002L;
        open(ConnectionState.IDLE, 0).peer = InetAddress.getByName("192.0.2.8");
        assertEquals(
                "clientBody=0 clientReading=4 application=0 gone=0 addresses=2 most=3 from 192.0.2.7",
                census.snapshot(NOW).holders().toString());
        assertEquals(1, census.snapshot(NOW).holders().byAddress(9).get("2001:db8:1:2::/64"));
    }
}
