package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.GovernorFixture;
import org.strictkeepalive.testkit.OperatorLines;

/** What operators see and do. */
class DescriptorMonitorTest extends GovernorFixture {
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
    void theHighestSourceCountsUntilItIsRemoved() throws Exception {
        start(b -> b);
        PressureSource source = () -> 0.75;
        monitor.addPressureSource(source);
        monitor.addPressureSource(() -> 0.1);
        monitor.addPressureSource(() -> -3);
        scheduler.now += SECOND;
        monitor.sample();
        assertEquals(PressureLevel.ELEVATED, monitor.getLevel());
        assertEquals(0.75, monitor.getPressure());
        monitor.removePressureSource(source);
        scheduler.now += SECOND;
        monitor.sample();
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    @Test
    void aSourceAboveOneCountsAsOne() throws Exception {
        start(b -> b);
        monitor.addPressureSource(() -> 17);
        scheduler.now += SECOND;
        monitor.sample();
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
        monitor.sample();
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        assertEquals(before + 2, monitor.getProbeFailureCount());
    }

    @Test
    void readersChangeNothing() throws Exception {
        List<String> heard = new ArrayList<>();
        monitor.addListener(new KeepAliveListener() {
            @Override
            public void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {
                heard.add(from + " " + to);
            }
        });
        start(b -> b);
        scheduler.now += SECOND;
        probe.used = 1000;
        Pressure before = governor.pressure();
        String log = OperatorLines.captured(() -> {
            assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
            assertEquals(1, monitor.getPressure());
            assertEquals(1000, monitor.getUsedDescriptors());
            assertTrue(monitor.toString().contains("CRITICAL"), monitor::toString);
            assertTrue(monitor.dump().contains("CRITICAL"), monitor::dump);
            probe.failure = new IOException("no count");
            assertEquals(-1, monitor.getUsedDescriptors());
            assertEquals(1000, monitor.getDescriptorLimit());
        });
        assertEquals("", log);
        assertEquals(0, monitor.getProbeFailureCount());
        assertSame(before, governor.pressure());
        assertTrue(connector.isAccepting());
        assertEquals(List.of(), scheduler.pending);
        assertEquals(List.of(), heard);
        probe.failure = null;
        monitor.sample();
        assertFalse(connector.isAccepting());
        assertEquals(List.of("NORMAL CRITICAL"), heard);
    }

    @Test
    void whileConnectionsAreOpenReadersSeeWhatTheServerActsOn() throws Exception {
        start(b -> b);
        open();
        scheduler.now += SECOND; // the timer is late
        int asked = probe.asked;
        probe.used = 999;
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        assertEquals(asked, probe.asked);
    }

    /** Nobody asks it then, so it would be shown as it was when the last connection closed. */
    @Test
    void whileNothingIsOpenAFurtherSourceDoesNotCountForReaders() throws Exception {
        start(b -> b);
        monitor.addPressureSource(() -> 0.9);
        FakeConnection last = open();
        tick();
        assertEquals(PressureLevel.HIGH, monitor.getLevel());
        governor.onClosed(last, CloseReason.CLIENT);
        scheduler.advance(SECOND);
        assertEquals(0, monitor.getPressure());
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

    @Test
    void aSampleThatAnOperatorAsksForBringsNoTickWhereNothingIsPaused() throws Exception {
        start(b -> b);
        probe.used = 500;
        scheduler.now += SECOND;
        monitor.sample();
        assertEquals(500, governor.pressure().used());
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void whoListensHearsOfAStartAfterAStopUnderPressureAsOfARise() throws Exception {
        List<String> heard = new ArrayList<>();
        monitor.addListener(new KeepAliveListener() {
            @Override
            public void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {
                heard.add(from + " " + to);
            }
        });
        start(b -> b);
        List<FakeConnection> opened = open(890);
        tick();
        opened.forEach(connection -> governor.onClosed(connection, CloseReason.CLIENT));
        server.stop();
        assertEquals(List.of("NORMAL CRITICAL"), heard);
        server.start();
        assertEquals(List.of("NORMAL CRITICAL", "NORMAL CRITICAL"), heard);
    }
}
