package org.strictkeepalive.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterEach;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.server.ServerGovernor;

/** A server in virtual time, with a connector that nobody can connect to and connections that a test makes up. */
public abstract class GovernorFixture {
    public static final long MS = 1_000_000L;
    public static final long SECOND = 1_000 * MS;

    public final FakeScheduler scheduler = new FakeScheduler();
    public final FakeProbe probe = new FakeProbe();
    public final Server server = new Server();
    public final DescriptorMonitor monitor;
    public final ServerGovernor governor;
    public FakeConnector connector;
    private Object channel;

    public GovernorFixture() {
        scheduler.now = 1_000 * SECOND;
        monitor = Inside.monitor(scheduler, probe, () -> scheduler.now);
        governor = Inside.governor(monitor);
        server.addBean(monitor);
    }

    public StrictKeepAliveConnectionFactory start(UnaryOperator<KeepAlivePolicy.Builder> settings) throws Exception {
        return start(1, settings);
    }

    public StrictKeepAliveConnectionFactory start(int acceptors, UnaryOperator<KeepAlivePolicy.Builder> settings)
            throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(
                new HttpConfiguration(),
                settings.apply(KeepAlivePolicy.builder()).build());
        connector = new FakeConnector(server, acceptors, factory);
        server.start();
        assertSame(monitor, factory.getDescriptorMonitor());
        return factory;
    }

    public boolean accept() {
        channel = new Object();
        return governor.onAccepting(connector, channel);
    }

    /** The endpoint of what was accepted last is made, or can't be made. */
    public void endPointOfLastAccept() {
        governor.onAccepted(channel);
    }

    public FakeConnection open() {
        FakeConnection connection = new FakeConnection("c", ConnectionState.IDLE, false, scheduler.now);
        connection.counters = governor.counters();
        governor.onOpened(connection, scheduler.now + 60 * SECOND);
        return connection;
    }

    public List<FakeConnection> open(int n) {
        List<FakeConnection> opened = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            opened.add(open());
        }
        probe.add(n);
        return opened;
    }

    /** Runs up to the next tick. */
    public void tick() {
        assertEquals(1, scheduler.pending.size(), "one task at a time");
        scheduler.advance(scheduler.pending.get(0).at() - scheduler.now);
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }
}
