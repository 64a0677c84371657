package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;

/** A server in memory, in virtual time, without threads of its own. */
final class MemoryServer implements AutoCloseable {
    private static final long TICK = 100_000_000L;

    final FakeScheduler scheduler = new FakeScheduler();
    final DirectPool pool = new DirectPool();
    final DescriptorMonitor monitor = Inside.monitor(scheduler, new FakeProbe(), () -> scheduler.now);
    private final Server server = new Server(pool, scheduler, null);
    final StrictKeepAliveConnectionFactory factory;
    final FakeConnector connector;

    /** One that says hello. */
    MemoryServer(KeepAlivePolicy policy) throws Exception {
        this(policy, TestServer.hello());
    }

    MemoryServer(KeepAlivePolicy policy, Handler handler) throws Exception {
        factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
        server.addBean(monitor);
        connector = new FakeConnector(server, 0, factory);
        server.setHandler(handler);
        server.start();
    }

    /** Opens a connection on this endpoint. */
    ConnectionGuard open(MemoryEndPoint endPoint) {
        Connection connection = factory.newConnection(connector, endPoint);
        endPoint.setConnection(connection);
        endPoint.onOpen();
        connection.onOpen();
        return ConnectionGuard.of(connection.getEndPoint());
    }

    /** The guard of a request's connection: requests themselves show the endpoint without it. */
    static ConnectionGuard guardOf(Request request) {
        EndPoint shown = request.getConnectionMetaData().getConnection().getEndPoint();
        return ConnectionGuard.of(shown.getConnection().getEndPoint());
    }

    /** Lets so many milliseconds pass, in steps of 100. */
    void pass(long ms) {
        for (long passed = 0; passed < ms; passed += 100) {
            scheduler.advance(TICK);
        }
    }

    void assertNothingIsOpen() {
        assertEquals(0, monitor.getStatistics().getOpen());
        assertEquals(
                monitor.getStatistics().getOpened(), monitor.getStatistics().getClosed());
    }

    @Override
    public void close() throws Exception {
        server.stop();
    }
}
