package org.strictkeepalive.testkit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/** A real server on a port of its own, strict or plain. */
public final class TestServer implements AutoCloseable {
    public static final String HELLO = "Hello, world!";

    /** A policy without any limit. */
    public static final KeepAlivePolicy OFF = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ZERO)
            .requestHeaderTimeout(Duration.ZERO)
            .firstRequestTimeout(Duration.ZERO)
            .maxRequestsPerConnection(0)
            .maxConnectionAge(Duration.ZERO)
            .minDataRate(0)
            .advertiseKeepAlive(false)
            .elevatedAt(0)
            .highAt(0)
            .hysteresis(0)
            .build();

    public final Server server;
    public final ServerConnector connector;
    public final HttpConfiguration config = new HttpConfiguration();
    public final AtomicInteger handled = new AtomicInteger();
    private final Transport transport;

    private TestServer(Transport transport, KeepAlivePolicy policy, Handler handler, boolean http2) {
        this.transport = transport;
        QueuedThreadPool threads = new QueuedThreadPool(64);
        threads.setName("server");
        server = new Server(threads);
        HttpConnectionFactory http = policy == null
                ? new HttpConnectionFactory(config)
                : new StrictKeepAliveConnectionFactory(config, policy);
        List<ConnectionFactory> factories = new ArrayList<>();
        if (transport == Transport.TLS) {
            config.addCustomizer(new SecureRequestCustomizer(false));
            factories.add(new SslConnectionFactory(Transport.serverContext(), http2 ? "alpn" : http.getProtocol()));
            if (http2) {
                ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
                alpn.setDefaultProtocol(http.getProtocol());
                factories.add(alpn);
                factories.add(new HTTP2ServerConnectionFactory(config));
            }
            factories.add(http);
        } else {
            factories.add(http);
            if (http2) {
                factories.add(new HTTP2CServerConnectionFactory(config));
            }
        }
        connector = new ServerConnector(server, 1, 1, factories.toArray(ConnectionFactory[]::new));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(new Handler.Wrapper(handler) {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                handled.incrementAndGet();
                return super.handle(request, response, callback);
            }
        });
    }

    public static TestServer strict(Transport transport, UnaryOperator<KeepAlivePolicy.Builder> settings)
            throws Exception {
        return strict(transport, settings, hello());
    }

    public static TestServer strict(
            Transport transport, UnaryOperator<KeepAlivePolicy.Builder> settings, Handler handler) throws Exception {
        return of(transport, settings.apply(KeepAlivePolicy.builder()).build(), handler)
                .start();
    }

    public static TestServer plain(Transport transport, Handler handler) throws Exception {
        return of(transport, null, handler).start();
    }

    /** A server that is not started; plain where the policy is null. */
    public static TestServer of(Transport transport, KeepAlivePolicy policy, Handler handler) {
        return new TestServer(transport, policy, handler, false);
    }

    /** A server that also speaks HTTP/2 and is not started; plain where the policy is null. */
    public static TestServer http2(Transport transport, KeepAlivePolicy policy, Handler handler) {
        return new TestServer(transport, policy, handler, true);
    }

    public TestServer start() throws Exception {
        server.start();
        return this;
    }

    /** A handler that does something with a request that it answers itself. */
    @FunctionalInterface
    public interface Answering {
        void answer(Request request, Response response, Callback callback) throws Exception;
    }

    public static Handler handler(Answering answering) {
        return new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                answering.answer(request, response, callback);
                return true;
            }
        };
    }

    public static Handler hello() {
        return handler((request, response, callback) ->
                response.write(true, BufferUtil.toBuffer(HELLO, StandardCharsets.US_ASCII), callback));
    }

    /** Reads the body without blocking, then answers with its length. */
    public static void readAll(Request request, Response response, Callback callback) {
        Content.Source.asString(
                request,
                StandardCharsets.UTF_8,
                Promise.from(
                        body -> response.write(true, BufferUtil.toBuffer("read " + body.length()), callback),
                        callback::failed));
    }

    public int port() {
        return connector.getLocalPort();
    }

    public FrameClient connectHttp2() throws IOException {
        return new FrameClient(transport.connectHttp2(port()));
    }

    public RawClient connect() throws IOException {
        return new RawClient(transport.connect(port()));
    }

    /** Connects with a receive buffer of so many bytes, so that the server soon sees how the client reads. */
    public RawClient connect(int receiveBuffer) throws IOException {
        return new RawClient(transport.connect(port(), receiveBuffer));
    }

    /** Connects the socket only: over TLS the handshake is not begun. */
    public RawClient connectSocket() throws IOException {
        Socket socket = Transport.CLEAR.connect(port());
        return new RawClient(socket);
    }

    public DescriptorMonitor monitor() {
        return Inside.monitor(server);
    }

    public KeepAliveStatistics statistics() {
        return monitor().getStatistics();
    }

    public StrictKeepAliveConnectionFactory factory() {
        return connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class);
    }

    public void awaitClosed(CloseReason reason, long count) {
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertEquals(count, statistics().getClosed(reason), () -> "" + statistics()));
    }

    public void awaitOpen(int count) {
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() ->
                        assertEquals(count, connector.getConnectedEndPoints().size(), () -> "" + statistics()));
    }

    public void awaitLevel(PressureLevel level) {
        await().atMost(Duration.ofSeconds(60))
                .untilAsserted(() -> assertEquals(level, monitor().getLevel(), () -> "" + monitor()));
    }

    /** Waits until no connection is left, and checks that every one was counted once. */
    public void assertNumbersAddUp() {
        awaitOpen(0);
        await().atMost(Duration.ofSeconds(60)).untilAsserted(() -> {
            assertEquals(0, statistics().getOpen(), () -> "" + statistics());
            assertEquals(statistics().getOpened(), statistics().getClosed(), () -> "" + statistics());
            StatesWalk.assertCounted(monitor());
        });
    }

    EndPoint endPoint() {
        return connector.getConnectedEndPoints().iterator().next();
    }

    @Override
    public void close() throws Exception {
        server.stop();
    }
}
