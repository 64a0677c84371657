package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeProbe;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.TestServer;

/** Of two connectors of a server with different policies, each connection is treated by its own connector's. */
class OwnPolicyTest {
    private static final String GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private static final long SECOND = 1_000_000_000L;

    private final FakeScheduler scheduler = new FakeScheduler();
    private final FakeProbe probe = new FakeProbe();
    private final Server server = new Server();
    private final DescriptorMonitor monitor = Inside.monitor(scheduler, probe, () -> scheduler.now);
    private MemoryEndPoint kept;
    private MemoryEndPoint given;

    /** A connection that has carried two requests. */
    private MemoryEndPoint open(int minKeepAliveSeconds) throws Exception {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(
                new HttpConfiguration(),
                KeepAlivePolicy.builder()
                        .keepAliveTimeout(Duration.ofSeconds(100))
                        .minKeepAliveTimeout(Duration.ofSeconds(minKeepAliveSeconds))
                        .build());
        FakeConnector connector = new FakeConnector(server, Runnable::run, 0, factory);
        connector.start();
        MemoryEndPoint endPoint = new MemoryEndPoint(scheduler);
        Connection connection = factory.newConnection(connector, endPoint);
        endPoint.setConnection(connection);
        endPoint.onOpen();
        connection.onOpen();
        endPoint.addInput(GET);
        endPoint.addInput(GET);
        return endPoint;
    }

    @BeforeEach
    void start() throws Exception {
        server.addBean(monitor);
        server.setHandler(TestServer.hello());
        server.start();
        kept = open(75);
        given = open(1); // whose policy is adopted last
        scheduler.advance(5 * SECOND);
        assertEquals(2, monitor.getStatistics().getOpen(ConnectionState.IDLE));
    }

    @AfterEach
    void stop() throws Exception {
        server.stop();
    }

    private void assertOnlyTheOneThatMayGoIsShut() {
        assertTrue(given.isOutputShutdown());
        assertFalse(kept.isOutputShutdown());
    }

    @Test
    void anOperatorEvictsThoseWhoseOwnPolicyLetsThemGo() {
        assertEquals(1, monitor.evictIdle());
        assertOnlyTheOneThatMayGoIsShut();
    }

    @Test
    void reliefEvictsThoseWhoseOwnPolicyLetsThemGo() {
        probe.used = 1000;
        scheduler.advance(3 * SECOND);
        assertEquals(PressureLevel.CRITICAL, monitor.getLevel());
        assertOnlyTheOneThatMayGoIsShut();
    }
}
