package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.Test;

class LongIdleTest {
    @Test
    void aConnectionThatIsIdleForLongIsNotLookedAtByEachTick() throws Exception {
        FakeScheduler scheduler = new FakeScheduler();
        Server server = new Server();
        DescriptorMonitor monitor =
                new DescriptorMonitor(scheduler, new DescriptorMonitorTest.FakeProbe(), () -> scheduler.now);
        server.addBean(monitor);
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(
                new HttpConfiguration(),
                KeepAlivePolicy.builder()
                        .keepAliveTimeout(Duration.ofMinutes(10))
                        .build());
        FakeConnector connector = new FakeConnector(server, Runnable::run, 0, factory);
        server.setHandler(TestServer.hello());
        server.start();
        try {
            MemoryEndPoint endPoint = new MemoryEndPoint(scheduler);
            Connection connection = factory.newConnection(connector, endPoint);
            endPoint.setConnection(connection);
            endPoint.onOpen();
            connection.onOpen();
            endPoint.addInput(RawClient.GET);
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 200 OK"));
            ConnectionGuard guard = ConnectionGuard.of(connection.getEndPoint());

            for (int minute = 1; minute < 10; minute++) {
                scheduler.advance(TimeUnit.SECONDS.toNanos(59));
                assertEquals(ConnectionState.IDLE, guard.state());
                assertTrue(guard.dueAt > scheduler.now, "due in " + (guard.dueAt - scheduler.now));
            }
            scheduler.advance(TimeUnit.SECONDS.toNanos(80));
            assertFalse(endPoint.isOpen());
        } finally {
            server.stop();
        }
    }
}
