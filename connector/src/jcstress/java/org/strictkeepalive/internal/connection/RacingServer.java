package org.strictkeepalive.internal.connection;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.UpgradedConnection;

/** A server without a thread of its own, whose clock stands still while actors race. */
final class RacingServer {
    static final String GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static final String HOLD = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
    static final String UPGRADE = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

    private final MemoryServer memory;
    final FakeScheduler scheduler;
    final DescriptorMonitor monitor;
    final StrictKeepAliveConnectionFactory factory;

    RacingServer() {
        try {
            memory = new MemoryServer(keepAlive(10), new Application());
        } catch (Exception x) {
            throw new IllegalStateException(x);
        }
        scheduler = memory.scheduler;
        monitor = memory.monitor;
        factory = memory.factory;
    }

    static KeepAlivePolicy keepAlive(int seconds) {
        return KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofSeconds(seconds))
                .build();
    }

    static long seconds(long amount) {
        return TimeUnit.SECONDS.toNanos(amount);
    }

    /** A client that waits, and that has had an answer if it sent a request. */
    MemoryClient connect(String request) {
        MemoryClient client = new MemoryClient(scheduler);
        memory.open(client);
        memory.connector.addManaged(new Closer(client.getConnection()));
        client.addInput(request);
        return client;
    }

    MemoryClient connectAndGet() {
        MemoryClient client = connect(GET);
        client.forget();
        return client;
    }

    void stop() {
        try {
            memory.connector.stop();
        } catch (Exception x) {
            throw new IllegalStateException(x);
        }
    }

    /** Closes a connection while its connector stops, as the selector does. */
    private static final class Closer extends AbstractLifeCycle {
        private final Connection connection;

        private Closer(Connection connection) {
            this.connection = connection;
        }

        @Override
        protected void doStop() {
            connection.close();
        }
    }

    private static final class Application extends Handler.Abstract.NonBlocking {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            EndPoint guard = request.getConnectionMetaData().getConnection().getEndPoint();
            MemoryClient client = (MemoryClient) Sockets.innermost(guard);
            client.executed++;
            switch (Request.getPathInContext(request)) {
                case "/up" -> {
                    UpgradedConnection.switchProtocols(response);
                    UpgradedConnection.read(request, Runnable::run);
                    response.write(true, null, callback);
                }
                case "/hold" -> client.exchange = () -> answer(response, callback);
                default -> answer(response, callback);
            }
            return true;
        }

        private static void answer(Response response, Callback callback) {
            response.write(true, ByteBuffer.wrap(new byte[] {'x'}), callback);
        }
    }
}
