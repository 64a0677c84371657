package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.eclipse.jetty.server.HttpConfiguration;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.GovernorFixture;

/** Ticks, connectors and numbers. */
class ServerGovernorTest extends GovernorFixture {
    @Test
    void withNoConnectionThereIsNoTick() throws Exception {
        start(b -> b);
        assertEquals(List.of(), scheduler.pending);
        accept();
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
        governor.onClosed(one, CloseReason.CLIENT);
        tick();
        governor.onClosed(other, CloseReason.CLIENT);
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
        governor.onOpened(connection, scheduler.now + 5 * SECOND);
        scheduler.advance(5 * SECOND - 200 * MS);
        assertEquals(0, connection.looks);
        scheduler.advance(300 * MS);
        assertEquals(1, connection.looks);
        governor.due(connection, scheduler.now + SECOND);
        scheduler.advance(SECOND + 100 * MS);
        assertEquals(2, connection.looks);
    }

    @Test
    void aConnectionThatIsDueBetweenTwoSamplesDoesNotWaitForTheNext() throws Exception {
        start(b -> b);
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        governor.onOpened(connection, scheduler.now + 5 * SECOND + 30 * MS);
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
        governor.due(bad, scheduler.now);
        governor.due(good, scheduler.now);
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
        governor.onClosed(opened.get(0), CloseReason.CLIENT);
        governor.onClosed(opened.get(0), CloseReason.CLIENT);
        governor.onClosed(opened.get(1), CloseReason.UPGRADED);
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

    @Test
    void atATickThatFailsAcceptingResumes() throws Exception {
        start(b -> b);
        FakeConnection bad = new FakeConnection("bad") {
            @Override
            public ConnectionState state() {
                throw new IllegalStateException("no state");
            }

            @Override
            protected ConnectionState shownState() {
                return ConnectionState.IDLE;
            }
        };
        governor.onOpened(bad, scheduler.now + SECOND);
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
        governor.onOpened(connection, scheduler.now + 5 * SECOND);
        scheduler.now += 7200 * SECOND;
        scheduler.advance(0);
        assertEquals(1, connection.looks);
        assertEquals(1, scheduler.pending.size());
        assertTrue(connector.isAccepting());
        scheduler.advance(SECOND);
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }

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
        assertEquals(0.95, other.getPolicy().get(KeepAliveSetting.HIGH_AT));
        assertEquals(7, other.getPolicy().get(KeepAliveSetting.MAX_REQUESTS_PER_CONNECTION));
    }
}
