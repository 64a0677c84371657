package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.logging.StdErrAppender;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.GovernorFixture;

/** What a server does about pressure: it looks, evicts and pauses. */
class UnderPressureTest extends GovernorFixture {
    @Test
    void acceptingPausesAtCriticalAndResumesWhenThereIsRoom() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(890);
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertFalse(connector.isAccepting());
        assertEquals(10 * MS, scheduler.pending.get(0).delay());
        opened.forEach(connection -> governor.onClosed(connection, CloseReason.EVICTED));
        probe.used = 100;
        tick();
        assertTrue(connector.isAccepting());
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void whereNothingCanGoVisitorsMayUseTheReserve() throws Exception {
        start(b -> b);
        open(890).forEach(connection -> connection.state = ConnectionState.BUSY);
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(connector.isAccepting());
        // All but the last few.
        open(6).forEach(connection -> connection.state = ConnectionState.BUSY);
        accept();
        assertFalse(connector.isAccepting());
        probe.add(-1);
        tick();
        assertTrue(connector.isAccepting());
        // A silent visitor can go.
        FakeConnection silent = open();
        probe.add(1);
        tick();
        assertEquals(1, silent.evictions);
        assertFalse(connector.isAccepting());
    }

    @Test
    void acceptingDoesNotPauseWhereThatIsOff() throws Exception {
        start(b -> b.pauseAcceptWhenCritical(false));
        open(890);
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(connector.isAccepting());
    }

    @Test
    void withNoConnectionAcceptingDoesNotPauseWhileADescriptorIsFree() throws Exception {
        start(b -> b);
        probe.used = 999;
        scheduler.now += SECOND;
        monitor.sample();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(connector.isAccepting());
        accept();
        // Its endpoint could not be made: nobody else would end a pause.
        endPointOfLastAccept();
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(connector.isAccepting());
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void aPauseThatAStartOrASampleFindsEndsWithoutAnyConnection() throws Exception {
        probe.used = 1000;
        start(b -> b);
        assertFalse(connector.isAccepting());
        probe.used = 100;
        tick();
        assertTrue(connector.isAccepting());
        probe.used = 1000;
        scheduler.now += SECOND;
        monitor.sample();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertFalse(connector.isAccepting());
        probe.used = 100;
        tick();
        assertTrue(connector.isAccepting());
        scheduler.advance(10 * SECOND); // A line about the level is held back for so long.
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void aPauseWithNothingFreeEndsWithoutAnyConnection() throws Exception {
        start(b -> b);
        probe.used = 1000;
        scheduler.now += SECOND;
        accept();
        assertFalse(connector.isAccepting());
        tick();
        tick();
        assertFalse(connector.isAccepting());
        probe.used = 100;
        tick();
        assertTrue(connector.isAccepting());
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void atHighTheOldestNewcomersAreEvictedDownToTheHysteresis() throws Exception {
        probe.used = 1;
        start(b -> b);
        List<FakeConnection> opened = open(850);
        opened.get(7).state = ConnectionState.BUSY;
        scheduler.advance(400 * MS);
        assertEquals(PressureLevel.HIGH, monitor.getLevel());
        assertEquals(101, opened.stream().mapToInt(c -> c.evictions).sum());
        assertEquals(0, opened.get(7).evictions);
        assertFalse(governor.pressure().verdict().newcomersGone());
    }

    @Test
    void atCriticalQuietLingersEnd() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(890);
        opened.forEach(connection -> connection.state = ConnectionState.LINGERING);
        tick();
        assertTrue(opened.stream().allMatch(connection -> connection.lingersEnded > 0));
        assertEquals(0, opened.stream().mapToInt(c -> c.evictions).sum());
        assertFalse(governor.pressure().verdict().newcomersGone(), "the room comes free without those in use");
    }

    @Test
    void connectionsInUseAreToldToCloseWhereNothingElseIsLeft() throws Exception {
        probe.used = 1;
        start(b -> b);
        for (FakeConnection connection : open(850)) {
            connection.reused = true;
        }
        scheduler.advance(400 * MS);
        assertEquals(PressureLevel.HIGH, monitor.getLevel());
        assertTrue(governor.pressure().verdict().newcomersGone());
    }

    @Test
    void fromHighOnAllAreLookedAtAtEachTick() throws Exception {
        probe.used = 1;
        start(b -> b);
        List<FakeConnection> opened = open(850);
        opened.forEach(connection -> connection.state = ConnectionState.BUSY);
        tick();
        tick();
        assertEquals(PressureLevel.HIGH, monitor.getLevel());
        assertTrue(opened.stream().allMatch(connection -> connection.looks == 2));
    }

    @Test
    void atElevatedAllAreLookedAtAsDeadlinesShrinkAndTheBusyAlways() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(680);
        FakeConnection busy = opened.get(7);
        busy.state = ConnectionState.BUSY;
        FakeConnection idle = opened.get(8);
        tick();
        tick();
        assertEquals(PressureLevel.ELEVATED, monitor.getLevel());
        assertEquals(1, idle.looks);
        assertEquals(2, busy.looks);
        probe.add(20);
        tick();
        assertEquals(2, idle.looks);
        assertEquals(3, busy.looks);
        probe.add(-20);
        tick();
        assertEquals(2, idle.looks);
        probe.add(20);
        tick();
        assertEquals(3, idle.looks);
        tick();
        assertEquals(3, idle.looks);
        assertEquals(6, busy.looks);
    }

    @Test
    void aConnectionThatCannotBeEvictedKeepsNoOtherFromItNorResumesAccepting() throws Exception {
        start(b -> b.pauseAcceptWhenCritical(true));
        governor.onOpened(
                new FakeConnection("bad", ConnectionState.IDLE, false, scheduler.now - SECOND) {
                    @Override
                    public boolean evict(long asOf, long now) {
                        throw new IllegalStateException("on purpose");
                    }
                },
                scheduler.now + 60 * SECOND);
        List<FakeConnection> others = open(100);
        probe.used = 999;
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(others.stream().anyMatch(other -> other.evictions > 0));
        assertFalse(connector.isAccepting());
        assertEquals(1, monitor.getProbeFailureCount());
    }

    /** An accept meanwhile finds less pressure than the tick that looks: those that it spares are still spared. */
    @Test
    void whoIsGreedyIsNotForgottenInTheMiddleOfATick() throws Exception {
        start(p -> p.fairShare(0.25));
        double[] share = {0.1};
        monitor.addPressureSource(() -> share[0]);
        List<Boolean> seen = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            FakeConnection connection = new FakeConnection("c" + i, ConnectionState.IDLE, true, scheduler.now) {
                @Override
                public long look(Tick tick) {
                    if (share[0] > 0.85) {
                        seen.add(tick.pressure().spares("somebody"));
                        if (seen.size() > 1) {
                            return super.look(tick);
                        }
                        for (double other : new double[] {0.1, 0.9}) { // falls and rises again
                            share[0] = other;
                            scheduler.now += SECOND;
                            monitor.sample();
                            assertSame(other < 0.5 ? PressureLevel.NORMAL : PressureLevel.HIGH, monitor.getLevel());
                        }
                        scheduler.now = tick.now(); // or the slice would be over
                    }
                    return super.look(tick);
                }
            };
            connection.peer = i < 6 ? "greedy" : "polite" + i;
            governor.onOpened(connection, scheduler.now + 60 * SECOND);
        }
        share[0] = 0.85;
        scheduler.now += SECOND;
        governor.tick(scheduler.now);
        share[0] = 0.9;
        scheduler.now += SECOND;
        governor.tick(scheduler.now);
        assertEquals(Collections.nCopies(10, true), seen);
        share[0] = 0.1;
        scheduler.now += 5 * SECOND;
        governor.tick(scheduler.now);
        assertFalse(governor.pressure().spares("somebody"));
    }

    /** A logger may wait for a disk that is full: meanwhile accepting, reading and looking at connections go on. */
    @Test
    void aLoggerThatBlocksHoldsUpNobodyElse() throws Exception {
        start(b -> b);
        open(500);
        CountDownLatch logging = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        JettyLogger logger = (JettyLogger) LoggerFactory.getLogger(OperatorLog.LOGGER);
        StdErrAppender appender = (StdErrAppender) logger.getAppender();
        PrintStream before = appender.getStream();
        OutputStream blocking = new OutputStream() {
            @Override
            public void write(int b) {
                logging.countDown();
                try {
                    go.await();
                } catch (InterruptedException x) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        appender.setStream(new PrintStream(blocking, true, StandardCharsets.UTF_8));
        Thread logs = new Thread(() -> {
            probe.used = 990;
            scheduler.now += SECOND;
            monitor.sample();
        });
        try {
            logs.start();
            assertTrue(logging.await(60, TimeUnit.SECONDS));
            CompletableFuture<?> others = CompletableFuture.runAsync(() -> {
                assertFalse(connector.isAccepting(), "paused first");
                probe.used = 100;
                scheduler.now += SECOND;
                accept();
                assertTrue(connector.isAccepting());
                monitor.dump();
                governor.tick(scheduler.now);
                assertEquals(PressureLevel.NORMAL, monitor.getLevel());
            });
            others.get(60, TimeUnit.SECONDS);
        } finally {
            go.countDown();
            logs.join();
            appender.setStream(before);
        }
    }
}
