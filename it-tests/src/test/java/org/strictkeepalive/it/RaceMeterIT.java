package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.StrictKeepAlive;

/** The request that crosses the server's FIN, behind a real nginx whose pool keeps connections for longer. */
@Timeout(300)
class RaceMeterIT {
    private static final Duration TOO_SHORT = Duration.ofSeconds(1);
    private static final Duration LONG_ENOUGH = Duration.ofMinutes(2);
    private static final String POST = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx";
    private static final String NGINX = """
            upstream app { server 127.0.0.1:%d max_fails=0; keepalive 8; keepalive_timeout 60s; }
            server {
              listen unix:%s;
              location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
            }
            """;

    @TempDir
    private Path directory;

    private static Server server() {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server, 1, 1);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                callback.succeeded();
                return true;
            }
        });
        return server;
    }

    @Test
    void theRequestBehindA502IsCountedAndTheRemedyOfTheWarningHelps() throws Exception {
        Server server = server();
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .keepAliveTimeout(TOO_SHORT)
                .lingerTimeout(Duration.ofMinutes(1))
                .build();
        StrictKeepAlive strict = StrictKeepAlive.install(server, policy);
        server.start();
        int port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        KeepAliveStatistics statistics = strict.getDescriptorMonitor().getStatistics();
        try (UnixProxy nginx = UnixProxy.nginx(directory, NGINX.formatted(port, UnixProxy.socket(directory)));
                UnixProxy.Client client = nginx.connect()) {
            assertEquals(200, client.send(POST).read());
            // nginx finds the request before the FIN, both having come while it was busy elsewhere.
            nginx.pause();
            client.send(POST);
            await().atMost(60, TimeUnit.SECONDS).until(() -> statistics.getOpen(ConnectionState.LINGERING) == 1);
            nginx.resume();
            assertEquals(502, client.read());
            await().atMost(60, TimeUnit.SECONDS).until(() -> statistics.getRaces() == 1);
            assertEquals(Map.of("KEEP_ALIVE_TIMEOUT", 1L), statistics.getRacesByReason());
            assertEquals(Map.of("127.0.0.1", 1L), statistics.getRacesByPeer());

            strict.setPolicy(policy.toBuilder().keepAliveTimeout(LONG_ENOUGH).build());
            assertEquals(200, client.send(POST).read());
            nginx.pause();
            client.send(POST);
            TimeUnit.NANOSECONDS.sleep(TOO_SHORT.toNanos() * 2);
            nginx.resume();
            assertEquals(200, client.read());
            assertEquals(1, statistics.getRaces());
        } finally {
            server.stop();
        }
    }
}
