package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Threads;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.testkit.FakeConnection;

/** Which exchanges end where they hold the threads. */
class ThreadReliefTest extends ReliefFixture {
    private static final long INTERVAL = 100 * MS;

    private final ThreadRelief threads = new ThreadRelief(wheel, new Looks(wheel, meter, failures, slice, now));

    private final Executor pool = Runnable::run;

    private FakeConnection upload(double perSecond, int blocked) {
        FakeConnection connection = open(1, ConnectionState.BUSY, false, 3000).get(0);
        connection.rate = new ClientRate();
        connection.rate.add(3 * SECOND, (long) (3 * perSecond), 1L << 40);
        connection.blocked = blocked;
        connection.executor = pool;
        return connection;
    }

    private void step(PressureLevel level, int excess) {
        Pressure calm = new Pressure(PressureLevel.NORMAL, 0, 0, 100, 20_000, 64, wheel.size(), 0, 0, Verdict.NONE);
        Threads held = new Threads(1, level, 1, excess);
        threads.step(new Tick(now, calm.with(held)), INTERVAL, Map.of(pool, held));
    }

    private int ended() {
        return all.stream().mapToInt(connection -> connection.exchangesEnded).sum();
    }

    @Test
    void theSlowestThatBlockAThreadEndAsManyAsAreNeeded() {
        FakeConnection mobile = upload(4096, 1);
        FakeConnection async = upload(1, 0);
        for (int i = 0; i < 10; i++) {
            upload(300, 1);
        }
        step(PressureLevel.CRITICAL, 4);
        assertEquals(4, ended());
        assertEquals(0, mobile.exchangesEnded);
        assertEquals(0, async.exchangesEnded);
    }

    @Test
    void whoWasEndedCountsAsGoingUntilItsThreadIsFree() {
        for (int i = 0; i < 10; i++) {
            upload(300, 1);
        }
        step(PressureLevel.CRITICAL, 4);
        now += INTERVAL;
        step(PressureLevel.CRITICAL, 4);
        assertEquals(4, ended());
        all.stream().filter(connection -> connection.exchangesEnded > 0).forEach(connection -> connection.blocked = 0);
        now += INTERVAL;
        step(PressureLevel.CRITICAL, 2);
        assertEquals(6, ended());
    }

    @Test
    void whoHoldsThreadsOfAnotherPoolStays() {
        FakeConnection other = upload(1, 1);
        other.executor = task -> task.run();
        FakeConnection slow = upload(300, 1);
        step(PressureLevel.CRITICAL, 2);
        assertEquals(0, other.exchangesEnded);
        assertEquals(1, slow.exchangesEnded);
    }

    @Test
    void nothingEndsWhileTasksFindAThread() {
        upload(300, 1);
        step(PressureLevel.HIGH, 1);
        assertEquals(0, ended());
    }

    @Test
    void aStepIsMadeOnceInAnInterval() {
        upload(300, 1);
        upload(300, 1);
        step(PressureLevel.CRITICAL, 1);
        now += INTERVAL - 1;
        step(PressureLevel.CRITICAL, 2);
        assertEquals(1, ended());
        now += 1;
        step(PressureLevel.CRITICAL, 2);
        assertEquals(2, ended());
    }
}
