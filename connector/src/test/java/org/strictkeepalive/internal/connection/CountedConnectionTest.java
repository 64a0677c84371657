package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.StateCounts;
import org.strictkeepalive.testkit.FakeConnection;

/** A connection is counted once, in the state that it is in. */
class CountedConnectionTest {
    private static final ConnectionState[] STATES = ConnectionState.values();

    private final Counters counters = new Counters();
    private final StateCounts counts = counters.states();

    private static final class Changing extends FakeConnection {
        private volatile ConnectionState now;

        Changing(ConnectionState state, Counters in) {
            super("changing");
            now = state;
            counters = in;
        }

        @Override
        public ConnectionState state() {
            return now;
        }

        void become(ConnectionState state) {
            now = state;
            recount();
        }
    }

    private int sum() {
        int sum = 0;
        for (ConnectionState state : STATES) {
            sum += counts.count(state);
        }
        return sum;
    }

    @Test
    void fromItsOpeningToItsClose() {
        Changing one = new Changing(ConnectionState.NEW, counters);
        one.become(ConnectionState.IDLE);
        assertEquals(0, sum(), "not before it is opened");
        one.countIn();
        one.countIn();
        assertEquals(1, counts.count(ConnectionState.IDLE));
        assertEquals(1, sum());
        one.become(ConnectionState.READING);
        assertEquals(1, counts.count(ConnectionState.READING));
        assertEquals(1, sum());
        one.countOut();
        one.countOut();
        one.become(ConnectionState.IDLE);
        assertEquals(0, sum(), "not after it is closed");
    }

    @Test
    @Timeout(120)
    void whateverChangesAtOnce() throws Exception {
        for (int i = 0; i < 300; i++) {
            Changing one = new Changing(ConnectionState.NEW, counters);
            one.countIn();
            CountDownLatch go = new CountDownLatch(1);
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 3; t++) {
                Thread thread = new Thread(() -> {
                    try {
                        go.await();
                    } catch (InterruptedException x) {
                        throw new IllegalStateException(x);
                    }
                    for (int k = 0; k < 300; k++) {
                        one.become(STATES[ThreadLocalRandom.current().nextInt(STATES.length)]);
                    }
                });
                thread.start();
                threads.add(thread);
            }
            boolean closesMeanwhile = i % 3 == 0;
            go.countDown();
            if (closesMeanwhile) {
                one.countOut();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            if (!closesMeanwhile) {
                assertEquals(1, sum());
                assertEquals(1, counts.count(one.state()), one.state()::toString);
                one.countOut();
            }
            assertEquals(0, sum());
        }
    }

    /** One of HTTP/1.1 is closed while bytes come. */
    @Test
    @Timeout(120)
    void aCloseIsCountedOnceWhateverComesMeanwhile() throws Exception {
        for (int i = 0; i < 2_000; i++) {
            BareLife life = new BareLife();
            life.countIn();
            Thread jetty = new Thread(() -> {
                for (int k = 0; k < 200; k++) {
                    life.waits();
                    life.bytesCame();
                }
            });
            jetty.start();
            life.countOut();
            jetty.join();
            for (ConnectionState state : STATES) {
                assertEquals(0, life.counters.states().count(state), state::toString);
            }
            life.countIn();
            assertEquals(1, life.counters.states().count(ConnectionState.BUSY));
        }
    }
}
