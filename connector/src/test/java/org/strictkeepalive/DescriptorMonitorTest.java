package org.strictkeepalive;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.logging.StdErrAppender;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class DescriptorMonitorTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;

    private final FakeScheduler scheduler = new FakeScheduler();
    private final FakeProbe probe = new FakeProbe();
    private final Server server = new Server();
    private final DescriptorMonitor monitor;
    private FakeConnector connector;

    DescriptorMonitorTest() {
        scheduler.now = 1_000 * SECOND;
        monitor = new DescriptorMonitor(scheduler, probe, () -> scheduler.now);
        server.addBean(monitor);
    }

    static class FakeProbe implements DescriptorProbe {
        long used = 100;
        long limit = 1000;
        boolean cheap = true;
        boolean failing;
        /** Whether a descriptor can be opened, whatever the count says. */
        boolean room;

        int asked;

        @Override
        public String name() {
            return "fake";
        }

        @Override
        public long used() throws IOException {
            asked++;
            if (failing) {
                throw new IOException("no count");
            }
            return used;
        }

        @Override
        public long limit() {
            if (failing) {
                throw new IllegalStateException("no limit");
            }
            return limit;
        }

        @Override
        public boolean isCheap() {
            return cheap;
        }

        @Override
        public boolean hasRoom() {
            return room || used < limit;
        }
    }

    private StrictKeepAliveConnectionFactory start(UnaryOperator<KeepAlivePolicy.Builder> settings) throws Exception {
        return start(1, settings);
    }

    private StrictKeepAliveConnectionFactory start(int acceptors, UnaryOperator<KeepAlivePolicy.Builder> settings)
            throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(
                new HttpConfiguration(),
                settings.apply(KeepAlivePolicy.builder()).build());
        connector = new FakeConnector(server, acceptors, factory);
        server.start();
        assertSame(monitor, factory.getDescriptorMonitor());
        return factory;
    }

    private FakeConnection open() {
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        monitor.onOpened(connection, scheduler.now + 60 * SECOND);
        return connection;
    }

    private List<FakeConnection> open(int n) {
        List<FakeConnection> opened = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            opened.add(open());
        }
        probe.used += n;
        return opened;
    }

    /** Runs up to the next tick. */
    private void tick() {
        assertEquals(1, scheduler.pending.size(), "one task at a time");
        scheduler.advance(scheduler.pending.get(0).at() - scheduler.now);
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    // ---- Ticking

    @Test
    void withNoConnectionThereIsNoTick() throws Exception {
        start(b -> b);
        assertEquals(List.of(), scheduler.pending);
        monitor.onAccepting(connector);
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void thereIsATickWhileThereAreConnections() throws Exception {
        start(b -> b);
        FakeConnection one = open();
        FakeConnection other = open();
        for (int i = 0; i < 50; i++) {
            assertEquals(100 * MS, scheduler.pending.get(0).delay());
            tick();
        }
        monitor.onClosed(one, CloseReason.CLIENT);
        tick();
        monitor.onClosed(other, CloseReason.CLIENT);
        tick();
        assertEquals(List.of(), scheduler.pending);
        open();
        assertEquals(1, scheduler.pending.size());
    }

    @Test
    void theTickIsThatOfThePolicy() throws Exception {
        StrictKeepAliveConnectionFactory factory = start(b -> b.sampleInterval(java.time.Duration.ofMillis(20)));
        open();
        tick();
        assertEquals(20 * MS, scheduler.pending.get(0).delay());
        factory.setSampleInterval(500);
        tick();
        assertEquals(500 * MS, scheduler.pending.get(0).delay());
    }

    @Test
    void aConnectionIsLookedAtWhenItIsDue() throws Exception {
        start(b -> b);
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        monitor.onOpened(connection, scheduler.now + 5 * SECOND);
        scheduler.advance(5 * SECOND - 200 * MS);
        assertEquals(0, connection.looks);
        scheduler.advance(300 * MS);
        assertEquals(1, connection.looks);
        monitor.due(connection, scheduler.now + SECOND);
        scheduler.advance(SECOND + 100 * MS);
        assertEquals(2, connection.looks);
    }

    @Test
    void aConnectionThatIsDueBetweenTwoSamplesDoesNotWaitForTheNext() throws Exception {
        start(b -> b);
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        monitor.onOpened(connection, scheduler.now + 5 * SECOND + 30 * MS);
        scheduler.advance(5 * SECOND + 10 * MS);
        assertEquals(0, connection.looks);
        scheduler.advance(40 * MS);
        assertEquals(1, connection.looks);
    }

    @Test
    void aNewPolicyLooksAtAllAtOnce() throws Exception {
        StrictKeepAliveConnectionFactory factory = start(b -> b);
        FakeConnection connection = open();
        tick();
        assertEquals(0, connection.looks);
        factory.setMaxRequestsPerConnection(5);
        tick();
        assertEquals(1, connection.looks);
    }

    @Test
    void aConnectionThatCannotBeLookedAtStopsNothing() throws Exception {
        start(b -> b);
        FakeConnection bad = open();
        FakeConnection good = open();
        bad.failure = new IllegalStateException("bad");
        monitor.due(bad, scheduler.now);
        monitor.due(good, scheduler.now);
        tick();
        assertEquals(1, bad.looks);
        assertEquals(1, good.looks);
        assertEquals(1, monitor.getProbeFailureCount());
        tick();
        assertEquals(2, bad.looks);
    }

    @Test
    void numbersAddUp() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(5);
        monitor.onClosed(opened.get(0), CloseReason.CLIENT);
        monitor.onClosed(opened.get(0), CloseReason.CLIENT);
        monitor.onClosed(opened.get(1), CloseReason.UPGRADED);
        KeepAliveStatistics statistics = monitor.getStatistics();
        assertEquals(5, statistics.getOpened());
        assertEquals(3, statistics.getOpen());
        assertEquals(3, monitor.getOpenConnections());
        assertEquals(2, statistics.getClosed());
        assertEquals(1, statistics.getClosed(CloseReason.CLIENT));
        assertEquals(1, statistics.getClosed(CloseReason.UPGRADED));
        server.stop();
        assertEquals(3, statistics.getClosed(CloseReason.STOP));
        assertEquals(0, monitor.getOpenConnections());
    }

    @Test
    void aStopAndARestartLeaveNothingBehind() throws Exception {
        start(b -> b);
        open(990);
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(monitor.isAcceptingPaused());
        server.stop();
        assertFalse(monitor.isAcceptingPaused());
        assertEquals(0, monitor.getOpenConnections());
        probe.used = 100;
        server.start();
        assertTrue(connector.isAccepting());
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        open();
        tick();
        assertEquals(1, scheduler.pending.size());
    }

    // ---- Sampling

    @Test
    void whatOperatorsSeeIsFreshAlsoWhenNothingTicks() throws Exception {
        start(b -> b);
        assertEquals(100, monitor.getUsedDescriptors());
        assertEquals(1000, monitor.getDescriptorLimit());
        probe.used = 200;
        scheduler.now += SECOND;
        assertEquals(200, monitor.getUsedDescriptors());
        assertEquals("fake", monitor.getProbeName());
        assertEquals(16, monitor.getReservedDescriptors());
    }

    @Test
    void aSampleIsTakenAgainAtAcceptWhenTheLastIsOld() throws Exception {
        start(b -> b);
        int before = probe.asked;
        assertTrue(monitor.onAccepting(connector));
        assertTrue(monitor.onAccepting(connector));
        assertEquals(before, probe.asked, "the last one is fresh");
        scheduler.now += 2 * MS;
        probe.used = 500;
        assertTrue(monitor.onAccepting(connector));
        assertEquals(before + 1, probe.asked);
        assertEquals(500, monitor.pressure().used());
    }

    @Test
    void aDearProbeIsNotAskedAtEachAccept() throws Exception {
        probe.cheap = false;
        start(b -> b);
        int before = probe.asked;
        for (int i = 0; i < 50; i++) {
            scheduler.now += MS;
            monitor.onAccepting(connector);
        }
        assertEquals(before, probe.asked);
        scheduler.now += 60 * MS;
        monitor.onAccepting(connector);
        assertEquals(before + 1, probe.asked);
    }

    @Test
    void anAcceptBurstIsSeenWithoutADearCount() throws Exception {
        probe.cheap = false;
        start(b -> b);
        open(800);
        tick();
        assertEquals(PressureLevel.HIGH, monitor.pressure().level());
        int before = probe.asked;
        for (int i = 0; i < 90; i++) {
            monitor.onAccepting(connector);
        }
        assertEquals(before, probe.asked);
        assertEquals(PressureLevel.CRITICAL, monitor.pressure().level());
        assertFalse(connector.isAccepting());
    }

    @Test
    void anAcceptThatFindsTheReserveReachedBringsReliefSoon() throws Exception {
        start(b -> b);
        open(500);
        tick();
        assertTrue(scheduler.pending.get(0).at() - scheduler.now > 50 * MS);
        open(390);
        scheduler.now += 2 * MS;
        monitor.onAccepting(connector);
        assertFalse(connector.isAccepting());
        assertEquals(1, scheduler.pending.size());
        assertTrue(scheduler.pending.get(0).at() - scheduler.now <= 10 * MS);
    }

    @Test
    void aLimitThatIsChangedWhileRunningIsSeen() throws Exception {
        start(b -> b);
        open();
        probe.limit = 5000;
        scheduler.advance(2 * SECOND);
        assertEquals(5000, monitor.getDescriptorLimit());
    }

    @Test
    void aLimitTooLargeToMatterCountsAsAMillion() throws Exception {
        probe.limit = 1L << 30;
        scheduler.now += SECOND; // the limit is read at most once a second
        String log = captured(() -> start(b -> b));
        assertEquals(1L << 20, monitor.getDescriptorLimit());
        assertEquals(1, lines(log, "too large to matter"), log);
    }

    @Test
    void aConfiguredLimitCounts() throws Exception {
        probe.limit = 1L << 30;
        scheduler.now += SECOND; // the limit is read at most once a second
        String log = captured(() -> start(b -> b.descriptorLimit(500)));
        assertEquals(500, monitor.getDescriptorLimit());
        assertEquals(0, lines(log, "too large to matter"), log);
    }

    // ---- Relief

    @Test
    void acceptingPausesAtCriticalAndResumesWhenThereIsRoom() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(890);
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertFalse(connector.isAccepting());
        assertEquals(10 * MS, scheduler.pending.get(0).delay());
        opened.forEach(connection -> monitor.onClosed(connection, CloseReason.EVICTED));
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
        monitor.onAccepting(connector);
        assertFalse(connector.isAccepting());
        probe.used--;
        tick();
        assertTrue(connector.isAccepting());
        // A silent visitor can go.
        FakeConnection silent = open();
        probe.used++;
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
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(connector.isAccepting());
        monitor.onAccepting(connector);
        // Its endpoint could not be made: nobody else would end a pause.
        monitor.onAccepted();
        tick();
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertTrue(connector.isAccepting());
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void maxConnectionsHoldWithinABurstThatIsQuickerThanASample() throws Exception {
        start(b -> b.maxConnections(10));
        open(9);
        scheduler.advance(SECOND);
        assertTrue(connector.isAccepting());
        monitor.onAccepting(connector);
        assertEquals(PressureLevel.CRITICAL, monitor.pressure().level());
        assertFalse(connector.isAccepting());
    }

    @Test
    void whatIsAcceptedCountsBeforeItsEndPointIsMade() throws Exception {
        probe.used = 1;
        start(b -> b);
        for (int i = 0; i < 850; i++) {
            probe.used++;
            monitor.onAccepting(connector);
        }
        scheduler.now += 2 * MS;
        monitor.onAccepting(connector);
        assertEquals(PressureLevel.HIGH, monitor.pressure().level());
    }

    @Test
    void aPauseThatAStartOrALookFindsEndsWithoutAnyConnection() throws Exception {
        probe.used = 1000;
        start(b -> b);
        assertFalse(connector.isAccepting());
        probe.used = 100;
        tick();
        assertTrue(connector.isAccepting());
        probe.used = 1000;
        scheduler.now += SECOND;
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertFalse(connector.isAccepting());
        probe.used = 100;
        tick();
        assertTrue(connector.isAccepting());
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void aPauseWithNothingFreeEndsWithoutAnyConnection() throws Exception {
        start(b -> b);
        probe.used = 1000;
        scheduler.now += SECOND;
        monitor.onAccepting(connector);
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
        assertFalse(monitor.pressure().verdict().newcomersGone());
    }

    @Test
    void atCriticalQuietLingersEnd() throws Exception {
        start(b -> b);
        List<FakeConnection> opened = open(890);
        opened.forEach(connection -> connection.state = ConnectionState.LINGERING);
        tick();
        assertTrue(opened.stream().allMatch(connection -> connection.lingersEnded > 0));
        assertEquals(0, opened.stream().mapToInt(c -> c.evictions).sum());
        assertFalse(monitor.pressure().verdict().newcomersGone(), "the room comes free without those in use");
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
        assertTrue(monitor.pressure().verdict().newcomersGone());
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
        probe.used += 20;
        tick();
        assertEquals(2, idle.looks);
        assertEquals(3, busy.looks);
        probe.used -= 20;
        tick();
        assertEquals(2, idle.looks);
        probe.used += 20;
        tick();
        assertEquals(3, idle.looks);
        tick();
        assertEquals(3, idle.looks);
        assertEquals(6, busy.looks);
    }

    @Test
    void withoutAcceptorsWhatComesWhileNothingIsLeftIsRefused() throws Exception {
        probe.used = 997;
        start(0, b -> b);
        assertFalse(monitor.onAccepting(connector));
        assertEquals(1, monitor.getStatistics().getClosed(CloseReason.REFUSED));
        assertEquals(1, monitor.getStatistics().getOpened());
        assertEquals(0, monitor.getStatistics().getOpen());
    }

    // ---- Failures

    @Test
    void aFailingProbeIsCountedAndLoggedOnceAndServingGoesOn() throws Exception {
        start(b -> b);
        open();
        String log = captured(() -> {
            probe.failing = true;
            scheduler.advance(5 * SECOND);
        });
        assertTrue(monitor.getProbeFailureCount() >= 50, "each");
        assertEquals(1, lines(log, "WARN"), log);
        assertEquals(0, lines(log, "\tat "), log);
        assertTrue(connector.isAccepting());
        assertEquals(1, scheduler.pending.size());
        probe.failing = false;
        probe.used = 321;
        scheduler.advance(SECOND);
        assertEquals(321, monitor.getUsedDescriptors());
    }

    @Test
    void aProbeThatFailsFromTheStartIsNoPressureAndServes() throws Exception {
        probe.failing = true;
        Server other = new Server();
        other.addBean(new DescriptorMonitor(scheduler, probe, () -> scheduler.now));
        FakeConnector its = new FakeConnector(other, 1, new StrictKeepAliveConnectionFactory());
        other.start();
        try {
            DescriptorMonitor failing = DescriptorMonitor.of(other);
            assertTrue(failing.onAccepting(its));
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
        probe.failing = true;
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
        DescriptorMonitor waiting =
                new DescriptorMonitor(scheduler, new DescriptorProbe.TimedProbe(hanging), () -> scheduler.now);
        other.addBean(waiting);
        FakeConnector its = new FakeConnector(other, 1, new StrictKeepAliveConnectionFactory());
        try {
            long before = System.nanoTime();
            String log = captured(() -> {
                other.start();
                waiting.onOpened(new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now), scheduler.now);
                scheduler.advance(30 * SECOND);
            });
            assertTrue(System.nanoTime() - before < 15 * SECOND, "300 ticks did not wait");
            assertTrue(waiting.getProbeFailureCount() >= 300, "each");
            assertEquals(1, lines(log, "Unable to"), log);
            assertTrue(waiting.onAccepting(its));
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
        String log = captured(() -> {
            probe.used = lie;
            probe.room = true;
            scheduler.advance(8 * SECOND);
        });
        assertTrue(monitor.getProbeFailureCount() >= before + 50, "each");
        assertEquals(1, lines(log, "Unable to"), log);
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
        opened.forEach(connection -> monitor.onClosed(connection, CloseReason.PRESSURE));
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
        monitor.onAccepting(connector);
        assertFalse(connector.isAccepting());
        probe.failing = true;
        probe.room = true;
        scheduler.advance(60 * SECOND);
        assertTrue(connector.isAccepting(), "the last count is a minute old");
        assertFalse(monitor.isAcceptingPaused());
    }

    @Test
    void atATickThatFailsAcceptingResumes() throws Exception {
        start(b -> b);
        FakeConnection bad = new FakeConnection("bad") {
            @Override
            ConnectionState state() {
                throw new IllegalStateException("no state");
            }
        };
        monitor.onOpened(bad, scheduler.now + SECOND);
        probe.used = 999;
        tick();
        assertTrue(monitor.getProbeFailureCount() > 0);
        assertTrue(connector.isAccepting());
        assertEquals(1, scheduler.pending.size(), "the next one comes");
    }

    @Test
    void aClockThatJumpsStopsNothing() throws Exception {
        start(b -> b);
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        monitor.onOpened(connection, scheduler.now + 5 * SECOND);
        scheduler.now += 7200 * SECOND;
        scheduler.advance(0);
        assertEquals(1, connection.looks);
        assertEquals(1, scheduler.pending.size());
        assertTrue(connector.isAccepting());
        scheduler.advance(SECOND);
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    @Test
    void aConnectionThatCannotBeEvictedKeepsNoOtherFromItNorResumesAccepting() throws Exception {
        start(b -> b.pauseAcceptWhenCritical(true));
        monitor.onOpened(
                new FakeConnection("bad", ConnectionState.IDLE, false, scheduler.now - SECOND) {
                    @Override
                    boolean evict(long asOf, long now) {
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

    // ---- Further sources

    @Test
    void theHighestSourceCountsUntilItIsRemoved() throws Exception {
        start(b -> b);
        PressureSource source = () -> 0.75;
        monitor.addPressureSource(source);
        monitor.addPressureSource(() -> 0.1);
        monitor.addPressureSource(() -> -3);
        scheduler.now += SECOND;
        assertEquals(PressureLevel.ELEVATED, monitor.getLevel());
        assertEquals(0.75, monitor.getPressure());
        monitor.removePressureSource(source);
        scheduler.now += SECOND;
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    @Test
    void aSourceAboveOneCountsAsOne() throws Exception {
        start(b -> b);
        monitor.addPressureSource(() -> 17);
        scheduler.now += SECOND;
        assertEquals(1, monitor.getPressure());
        assertEquals(PressureLevel.HIGH, monitor.getLevel());
    }

    @Test
    void aFailingSourceCountsAsNothingAndAsAFailure() throws Exception {
        start(b -> b);
        monitor.addPressureSource(() -> {
            throw new IllegalStateException("bad");
        });
        monitor.addPressureSource(() -> Double.NaN);
        long before = monitor.getProbeFailureCount();
        scheduler.now += SECOND;
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        assertEquals(before + 2, monitor.getProbeFailureCount());
    }

    // ---- Connectors of one server

    @Test
    void settingsOfPressureThatContradictThoseOfAnotherConnectorAreRefused() throws Exception {
        start(b -> b);
        FakeConnector other = new FakeConnector(
                server,
                1,
                new StrictKeepAliveConnectionFactory(
                        new HttpConfiguration(),
                        KeepAlivePolicy.builder().highAt(0.9).build()));
        String message = assertThrows(IllegalStateException.class, other::start).getMessage();
        assertTrue(message.contains("highAt") && message.contains("expected"), message);
        assertNotNull(other.getConnectionFactory(StrictKeepAliveConnectionFactory.class));
    }

    @Test
    void settingsOfPressureChangedOnOneFactoryBecomeThoseOfAll() throws Exception {
        StrictKeepAliveConnectionFactory other = new StrictKeepAliveConnectionFactory();
        other.setMaxRequestsPerConnection(7);
        new FakeConnector(server, 1, other);
        StrictKeepAliveConnectionFactory factory = start(b -> b);
        factory.setHighAt(0.95);
        assertEquals(0.95, other.getPolicy().getHighAt());
        assertEquals(7, other.getPolicy().getMaxRequestsPerConnection());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 0})
    void aReserveThatIsNotAboveTheAcceptorsIsRaisedWithAWarning(int reserve) throws Exception {
        String log = captured(() -> start(b -> b.reservedDescriptors(reserve)));
        assertEquals(1, lines(log, "reservedDescriptors: " + reserve), log);
        assertEquals(2, monitor.getReservedDescriptors());
    }

    @Test
    void unknownDescriptorsAndNoAcceptorAreWarnedOf() throws Exception {
        probe.used = -1;
        probe.limit = -1;
        scheduler.now += SECOND; // from which on the limit is read again
        String log = captured(() -> start(0, b -> b));
        assertEquals(1, lines(log, "can't be counted"), log);
        assertEquals(1, lines(log, "no acceptor thread"), log);
        assertTrue(monitor.onAccepting(connector));
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    // ---- Log

    @Test
    void aStormOfLevelChangesIsFewLines() throws Exception {
        start(b -> b);
        open();
        String log = captured(() -> {
            for (int i = 0; i < 300; i++) {
                probe.used = i % 2 == 0 ? 999 : 100;
                scheduler.advance(100 * MS);
            }
        });
        assertTrue(lines(log, "Descriptor pressure") >= 3, log);
        assertTrue(lines(log, "Descriptor pressure") <= 8, log);
        assertTrue(log.contains("used=999 limit=1000 open=1"), log);
    }

    /** What is logged meanwhile. */
    static String captured(Action action) throws Exception {
        JettyLogger logger = (JettyLogger) LoggerFactory.getLogger(DescriptorMonitor.class);
        StdErrAppender appender = (StdErrAppender) logger.getAppender();
        PrintStream before = appender.getStream();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        appender.setStream(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            action.run();
        } finally {
            appender.setStream(before);
        }
        StringBuilder own = new StringBuilder();
        boolean isOwn = false;
        for (String line : bytes.toString(StandardCharsets.UTF_8).split("\n", -1)) {
            // A line that begins a message has a level; what follows belongs to it.
            isOwn = line.contains("DescriptorMonitor") || (isOwn && !line.matches("\\d{4}-.*"));
            if (isOwn) {
                own.append(line).append('\n');
            }
        }
        return own.toString();
    }

    private static long lines(String log, String text) {
        return log.lines().filter(line -> line.contains(text)).count();
    }

    @FunctionalInterface
    interface Action {
        void run() throws Exception;
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
                long look(Tick tick) {
                    if (share[0] > 0.85) {
                        seen.add(tick.pressure().spares("somebody"));
                        for (double other : new double[] {0.1, 0.9}) { // falls and rises again
                            share[0] = other;
                            scheduler.now += SECOND;
                            assertSame(other < 0.5 ? PressureLevel.NORMAL : PressureLevel.HIGH, monitor.getLevel());
                        }
                    }
                    return super.look(tick);
                }
            };
            connection.peer = i < 6 ? "greedy" : "polite" + i;
            monitor.onOpened(connection, scheduler.now + 60 * SECOND);
        }
        share[0] = 0.85;
        scheduler.now += SECOND;
        monitor.tick(scheduler.now);
        share[0] = 0.9;
        scheduler.now += SECOND;
        monitor.tick(scheduler.now);
        assertEquals(Collections.nCopies(10, true), seen);
        share[0] = 0.1;
        scheduler.now += SECOND;
        monitor.tick(scheduler.now);
        assertFalse(monitor.pressure().spares("somebody"));
    }
}
