package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterEach;

/** A server in virtual time, with a connector that nobody can connect to and connections that a test makes up. */
abstract class GovernorFixture {
    static final long MS = 1_000_000L;
    static final long SECOND = 1_000 * MS;

    final FakeScheduler scheduler = new FakeScheduler();
    final FakeProbe probe = new FakeProbe();
    final Server server = new Server();
    final DescriptorMonitor monitor;
    final ServerGovernor governor;
    FakeConnector connector;
    private Object channel;

    GovernorFixture() {
        scheduler.now = 1_000 * SECOND;
        monitor = Inside.monitor(scheduler, probe, () -> scheduler.now);
        governor = Inside.governor(monitor);
        server.addBean(monitor);
    }

    StrictKeepAliveConnectionFactory start(UnaryOperator<KeepAlivePolicy.Builder> settings) throws Exception {
        return start(1, settings);
    }

    StrictKeepAliveConnectionFactory start(int acceptors, UnaryOperator<KeepAlivePolicy.Builder> settings)
            throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(
                new HttpConfiguration(),
                settings.apply(KeepAlivePolicy.builder()).build());
        connector = new FakeConnector(server, acceptors, factory);
        server.start();
        assertSame(monitor, factory.getDescriptorMonitor());
        return factory;
    }

    boolean accept() {
        channel = new Object();
        return governor.onAccepting(connector, channel);
    }

    /** The endpoint of what was accepted last is made, or can't be made. */
    void endPointOfLastAccept() {
        governor.onAccepted(channel);
    }

    FakeConnection open() {
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        governor.onOpened(connection, scheduler.now + 60 * SECOND);
        return connection;
    }

    List<FakeConnection> open(int n) {
        List<FakeConnection> opened = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            opened.add(open());
        }
        probe.used += n;
        return opened;
    }

    /** Runs up to the next tick. */
    void tick() {
        assertEquals(1, scheduler.pending.size(), "one task at a time");
        scheduler.advance(scheduler.pending.get(0).at() - scheduler.now);
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }
}
