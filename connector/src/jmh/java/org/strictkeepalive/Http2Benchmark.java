package org.strictkeepalive;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.strictkeepalive.testkit.FakeConnector;

/** A GET over HTTP/2 through Jetty's own connection: strict against plain. One stream at a time. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Http2Benchmark {
    private static final String HELLO = "Hello, world!";

    @Param({"plain", "strict"})
    public String policy;

    private Server server;
    private FakeConnector connector;
    private HTTP2CServerConnectionFactory http2;

    @Setup
    public void start() throws Exception {
        server = new Server();
        HttpConfiguration config = new HttpConfiguration();
        // The limit on requests is asked each time, and never reached, so that no connection has to be opened anew.
        HttpConnectionFactory http = policy.equals("plain")
                ? new HttpConnectionFactory(config)
                : new StrictKeepAliveConnectionFactory(
                        config,
                        KeepAlivePolicy.builder()
                                .maxRequestsPerConnection(Integer.MAX_VALUE)
                                .build());
        connector = new FakeConnector(server, 1, http);
        http2 = new HTTP2CServerConnectionFactory(config);
        connector.addConnectionFactory(http2);
        server.setHandler(new Handler.Abstract.NonBlocking() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/plain");
                response.write(true, BufferUtil.toBuffer(HELLO, StandardCharsets.US_ASCII), callback);
                return true;
            }
        });
        server.start();
    }

    @TearDown
    public void stop() throws Exception {
        server.stop();
    }

    /** A connection, one a thread. */
    @State(Scope.Thread)
    public static class Client {
        private Http2BenchEndPoint endPoint;

        @Setup(Level.Trial)
        public void connect(Http2Benchmark bench) {
            endPoint = new Http2BenchEndPoint(bench.connector.getScheduler());
            endPoint.setIdleTimeout(bench.connector.getIdleTimeout());
            Connection connection = bench.http2.newConnection(bench.connector, endPoint);
            endPoint.setConnection(connection);
            connection.onOpen();
            endPoint.greet();
            if (endPoint.request() < HELLO.length()) {
                throw new IllegalStateException("no response");
            }
        }
    }

    @Benchmark
    public long request(Client client, Cpu cpu) {
        cpu.operations++;
        return client.endPoint.request();
    }
}
