package org.strictkeepalive.testkit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.ProxyConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/** A server with few threads and with handlers that block; plain where the policy is null. */
public final class SmallServer extends Handler.Abstract implements AutoCloseable {
    public static final int THREADS = 8;

    /** A pool that rejects what it is given while a test wants that. */
    public static final class RejectingPool extends QueuedThreadPool {
        public volatile boolean rejecting;
        public final AtomicLong executed = new AtomicLong();

        private RejectingPool() {
            super(THREADS, THREADS);
        }

        @Override
        public void execute(Runnable job) {
            executed.incrementAndGet();
            if (rejecting) {
                throw new RejectedExecutionException("on purpose");
            }
            super.execute(job);
        }
    }

    public final RejectingPool pool = new RejectingPool();
    public final Server server = new Server(pool);
    final ServerConnector connector;
    final Transport transport;
    final CountDownLatch hold = new CountDownLatch(1);
    public final AtomicInteger blocked = new AtomicInteger();
    public final AtomicInteger large = new AtomicInteger();
    public final List<RawClient> clients = new ArrayList<>();

    public SmallServer(Transport transport, KeepAlivePolicy policy, boolean proxied) throws Exception {
        this.transport = transport;
        HttpConfiguration config = new HttpConfiguration();
        HttpConnectionFactory http = policy == null
                ? new HttpConnectionFactory(config)
                : new StrictKeepAliveConnectionFactory(config, policy);
        List<ConnectionFactory> factories = new ArrayList<>();
        if (proxied) {
            factories.add(new ProxyConnectionFactory(http.getProtocol()));
        }
        if (transport == Transport.TLS) {
            config.addCustomizer(new SecureRequestCustomizer(false));
            factories.add(new SslConnectionFactory(Transport.serverContext(), http.getProtocol()));
        }
        factories.add(http);
        connector = new ServerConnector(server, 1, 1, factories.toArray(new ConnectionFactory[0]));
        connector.setHost("127.0.0.1");
        connector.setIdleTimeout(120_000);
        server.addConnector(connector);
        server.setHandler(this);
        server.start();
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        switch (request.getHttpURI().getPath()) {
            case "/block" -> {
                blocked.incrementAndGet();
                hold.await();
            }
            case "/large" -> {
                large.incrementAndGet();
                response.write(true, ByteBuffer.allocate(16 << 20), callback);
                return true;
            }
            case "/upload" -> {
                blocked.incrementAndGet();
                try (InputStream in = Content.Source.asInputStream(request)) {
                    in.readAllBytes();
                } catch (IOException x) {
                    Response.writeError(request, response, callback, x);
                    return true;
                } finally {
                    blocked.decrementAndGet();
                }
            }
            case "/async" -> {
                for (Content.Chunk chunk = request.read(); chunk != null; chunk = request.read()) {
                    chunk.release();
                }
                request.demand(() -> {
                    blocked.incrementAndGet();
                    try {
                        hold.await();
                    } catch (InterruptedException x) {
                        Thread.currentThread().interrupt();
                    }
                    callback.failed(new IOException("enough"));
                });
                return true;
            }
            default -> {}
        }
        response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
        return true;
    }

    public RawClient connect() throws IOException {
        RawClient client = new RawClient(transport.connect(connector.getLocalPort()));
        clients.add(client);
        return client;
    }

    public RawClient connectSocket() throws IOException {
        RawClient client = new RawClient(Transport.CLEAR.connect(connector.getLocalPort()));
        clients.add(client);
        return client;
    }

    public DescriptorMonitor monitor() {
        return Inside.monitor(server);
    }

    /** Lets handlers that block take all threads of the pool. */
    public void fillPool() throws Exception {
        // All handshakes before, since they would wait for the threads that these are to take.
        List<RawClient> blockers = new ArrayList<>();
        for (int i = 0; i < 2 * THREADS; i++) {
            blockers.add(connect());
        }
        for (RawClient blocker : blockers) {
            blocker.send("GET /block HTTP/1.1\r\nHost: test\r\n\r\n");
        }
        int before;
        do {
            before = blocked.get();
            Thread.sleep(500);
        } while (blocked.get() < THREADS - 4 || blocked.get() > before);
        assertTrue(before < blockers.size(), "a thread is left");
    }

    public long open() {
        return connector.getConnectedEndPoints().stream()
                .filter(EndPoint::isOpen)
                .count();
    }

    @Override
    public void close() throws Exception {
        hold.countDown();
        pool.rejecting = false;
        for (RawClient client : clients) {
            client.close();
        }
        server.stop();
    }
}
