package org.strictkeepalive;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.thread.ThreadPool;

/** A server without a thread of its own, whose clock stands still while actors race. */
final class RacingServer {
    static final String GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    static final String HOLD = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
    static final String UPGRADE = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";

    final FakeScheduler scheduler = new FakeScheduler();
    final DescriptorMonitor monitor = new DescriptorMonitor(scheduler, new Plenty(), () -> scheduler.now);
    final StrictKeepAliveConnectionFactory factory =
            new StrictKeepAliveConnectionFactory(new HttpConfiguration(), keepAlive(10));
    final FakeConnector connector;

    RacingServer() {
        Server server = new Server(new OneThread(), scheduler, null);
        server.addBean(monitor);
        connector = new FakeConnector(server, Runnable::run, 0, factory);
        server.setHandler(new Application());
        try {
            server.start();
        } catch (Exception x) {
            throw new IllegalStateException(x);
        }
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
        Connection connection = factory.newConnection(connector, client);
        client.setConnection(connection);
        client.onOpen();
        connection.onOpen();
        connector.addManaged(new Closer(connection));
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
            connector.stop();
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
                    response.setStatus(101);
                    response.getHeaders().put(HttpHeader.UPGRADE, "x");
                    response.getHeaders().put(HttpHeader.CONNECTION, "Upgrade");
                    request.setAttribute(HttpStream.UPGRADE_CONNECTION_ATTRIBUTE, new Upgraded(guard));
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

    private static final class Upgraded extends AbstractConnection {
        private Upgraded(EndPoint endPoint) {
            super(endPoint, Runnable::run);
        }

        @Override
        public void onOpen() {
            super.onOpen();
            fillInterested();
        }

        @Override
        public void onFillable() {
            // A wake-up may come for what is read already.
            try {
                if (getEndPoint().fill(BufferUtil.allocate(1024)) < 0) {
                    close();
                } else {
                    fillInterested();
                }
            } catch (IOException x) {
                close();
            }
        }
    }

    private static final class Plenty implements DescriptorProbe {
        @Override
        public String name() {
            return "plenty";
        }

        @Override
        public long used() {
            return 0;
        }

        @Override
        public long limit() {
            return 1_000_000;
        }

        @Override
        public boolean isCheap() {
            return true;
        }
    }

    private static final class OneThread implements ThreadPool {
        @Override
        public void execute(Runnable task) {
            task.run();
        }

        @Override
        public void join() {}

        @Override
        public int getThreads() {
            return 1;
        }

        @Override
        public int getIdleThreads() {
            return 0;
        }

        @Override
        public boolean isLowOnThreads() {
            return false;
        }
    }
}
