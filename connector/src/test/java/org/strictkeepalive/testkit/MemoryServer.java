package org.strictkeepalive.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.connection.ConnectionGuard;

/** A server in memory, in virtual time, without threads of its own. */
public final class MemoryServer implements AutoCloseable {
    private static final long TICK = 100_000_000L;

    public final FakeScheduler scheduler = new FakeScheduler();
    public final DirectPool pool = new DirectPool();
    public final DescriptorMonitor monitor = Inside.monitor(scheduler, new FakeProbe(), () -> scheduler.now);
    private final Server server = new Server(pool, scheduler, null);
    public final StrictKeepAliveConnectionFactory factory;
    public final FakeConnector connector;

    /** One that says hello. */
    public MemoryServer(KeepAlivePolicy policy) throws Exception {
        this(policy, TestServer.hello());
    }

    public MemoryServer(KeepAlivePolicy policy, Handler handler) throws Exception {
        factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
        server.addBean(monitor);
        connector = new FakeConnector(server, 0, factory);
        server.setHandler(handler);
        server.start();
    }

    /** Opens a connection on this endpoint. */
    public ConnectionGuard open(MemoryEndPoint endPoint) {
        Connection connection = factory.newConnection(connector, endPoint);
        endPoint.setConnection(connection);
        endPoint.onOpen();
        connection.onOpen();
        return ConnectionGuard.of(connection.getEndPoint());
    }

    /** The guard of a request's connection: requests themselves show the endpoint without it. */
    public static ConnectionGuard guardOf(Request request) {
        EndPoint shown = request.getConnectionMetaData().getConnection().getEndPoint();
        return ConnectionGuard.of(shown.getConnection().getEndPoint());
    }

    /** Lets so many milliseconds pass, in steps of 100. */
    public void pass(long ms) {
        for (long passed = 0; passed < ms; passed += 100) {
            scheduler.advance(TICK);
        }
    }

    public void assertNothingIsOpen() {
        assertEquals(0, monitor.getStatistics().getOpen());
        assertEquals(
                monitor.getStatistics().getOpened(), monitor.getStatistics().getClosed());
    }

    @Override
    public void close() throws Exception {
        server.stop();
    }
}
