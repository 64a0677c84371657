package org.strictkeepalive.internal.server;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeProbe;
import org.strictkeepalive.testkit.GovernorFixture;
import org.strictkeepalive.testkit.OperatorLines;

/** Counts that fail, lie or hang. */
class DescriptorCounterTest extends GovernorFixture {
    @Test
    void aLimitThatIsChangedWhileRunningIsSeen() throws Exception {
        start(b -> b);
        open();
        probe.limit = 5000;
        scheduler.advance(2 * SECOND);
        assertEquals(5000, monitor.getDescriptorLimit());
    }

    @Test
    void aFailingProbeIsCountedAndLoggedOnceAndServingGoesOn() throws Exception {
        start(b -> b);
        open();
        String log = OperatorLines.captured(() -> {
            probe.failure = new IOException("no count");
            scheduler.advance(5 * SECOND);
        });
        assertTrue(monitor.getProbeFailureCount() >= 50, "each");
        assertEquals(1, OperatorLines.count(log, "WARN"), log);
        assertEquals(0, OperatorLines.count(log, "\tat "), log);
        assertTrue(connector.isAccepting());
        assertEquals(1, scheduler.pending.size());
        probe.failure = null;
        probe.used = 321;
        scheduler.advance(SECOND);
        assertEquals(321, monitor.getUsedDescriptors());
    }

    @Test
    void aProbeThatFailsFromTheStartIsNoPressureAndServes() throws Exception {
        probe.failure = new IOException("no count");
        Server other = new Server();
        other.addBean(Inside.monitor(scheduler, probe, () -> scheduler.now));
        FakeConnector its = new FakeConnector(other, 1, new StrictKeepAliveConnectionFactory());
        other.start();
        try {
            DescriptorMonitor failing = Inside.monitor(other);
            assertTrue(Inside.governor(failing).onAccepting(its, "channel"));
            assertEquals(PressureLevel.NORMAL, failing.getLevel());
            assertEquals(-1, failing.getUsedDescriptors());
            assertTrue(failing.getProbeFailureCount() > 0);
            assertTrue(its.isAccepting());
        } finally {
            other.stop();
        }
    }

    @Test
    void whereCountingFailsAsNothingIsFreeAcceptingPausesUntilSomethingIs() throws Exception {
        start(b -> b);
        open();
        scheduler.advance(SECOND);
        probe.used = 1000;
        probe.failure = new IOException("no count");
        scheduler.advance(5 * SECOND);
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertFalse(connector.isAccepting());
        probe.room = true;
        scheduler.advance(20 * MS);
        assertTrue(connector.isAccepting());
    }

    @Test
    void aProbeThatHangsIsWaitedForOnceAndServingGoesOn() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        FakeProbe hanging = new FakeProbe() {
            @Override
            public long used() throws IOException {
                try {
                    answer.await();
                } catch (InterruptedException x) {
                    throw new IOException(x);
                }
                return super.used();
            }
        };
        Server other = new Server();
        DescriptorMonitor waiting = Inside.monitor(scheduler, new TimedProbe(hanging), () -> scheduler.now);
        other.addBean(waiting);
        FakeConnector its = new FakeConnector(other, 1, new StrictKeepAliveConnectionFactory());
        try {
            long before = System.nanoTime();
            String log = OperatorLines.captured(() -> {
                other.start();
                Inside.governor(waiting)
                        .onOpened(new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now), scheduler.now);
                scheduler.advance(30 * SECOND);
            });
            assertTrue(System.nanoTime() - before < 15 * SECOND, "300 ticks did not wait");
            assertTrue(waiting.getProbeFailureCount() >= 300, "each");
            assertEquals(1, OperatorLines.count(log, "Unable to"), log);
            assertTrue(Inside.governor(waiting).onAccepting(its, "channel"));
            assertTrue(its.isAccepting());
            answer.countDown();
            await().until(() -> {
                scheduler.advance(100 * MS);
                return waiting.getUsedDescriptors() == hanging.used;
            });
        } finally {
            answer.countDown();
            other.stop();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, -17, Long.MIN_VALUE, 1001, Long.MAX_VALUE})
    void aCountThatCanNotBeTrueIsCountedAndLoggedOnceAndServingGoesOn(long lie) throws Exception {
        start(b -> b);
        open();
        scheduler.advance(SECOND);
        long before = monitor.getProbeFailureCount();
        String log = OperatorLines.captured(() -> {
            probe.used = lie;
            probe.room = true;
            scheduler.advance(8 * SECOND);
        });
        assertTrue(monitor.getProbeFailureCount() >= before + 50, "each");
        assertEquals(1, OperatorLines.count(log, "Unable to"), log);
        assertTrue(connector.isAccepting());
        probe.used = 100;
        scheduler.advance(SECOND);
        assertEquals(100, monitor.getUsedDescriptors());
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -17})
    void aLimitThatCanNotBeTrueLeavesTheLastOne(long lie) throws Exception {
        start(b -> b);
        probe.limit = lie;
        scheduler.advance(2 * SECOND);
        monitor.sample();
        assertEquals(1000, monitor.getDescriptorLimit());
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        assertTrue(monitor.getProbeFailureCount() > 0);
    }

    @Test
    void aLimitBelowWhatIsOpenEvictsAndServingGoesOn() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(500);
        scheduler.advance(2 * SECOND);
        probe.limit = 300;
        scheduler.advance(2 * SECOND);
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(opened.stream().mapToInt(c -> c.evictions).sum() > 0);
        opened.forEach(connection -> governor.onClosed(connection, CloseReason.PRESSURE));
        probe.used = 100;
        scheduler.advance(SECOND);
        assertTrue(connector.isAccepting());
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    /** The number of connections that are there all the time. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aProbeThatFailsForEverLeavesNoConnectorPaused(int connections) throws Exception {
        start(b -> b);
        open(connections);
        probe.used = 1000;
        scheduler.now += 2 * MS;
        accept();
        assertFalse(connector.isAccepting());
        probe.failure = new IOException("no count");
        probe.room = true;
        scheduler.advance(60 * SECOND);
        assertTrue(connector.isAccepting(), "the last count is a minute old");
        assertFalse(monitor.isAcceptingPaused());
    }
}
