package org.strictkeepalive.it;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.Content;
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
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/**
 * A server that speaks HTTP/1.1 and HTTP/2, for a process of its own: plain or strict, its idle timeout in milliseconds,
 * the keep-alive timeout in milliseconds, and a key file for TLS. At the end of its input it stops.
 */
final class Http2CrowdServer extends Handler.Abstract {
    public static void main(String[] arguments) throws Exception {
        List<String> list = List.of(arguments);
        Server server = new Server();
        HttpConfiguration config = new HttpConfiguration();
        config.addCustomizer(new SecureRequestCustomizer(false));
        boolean tls = list.size() > 3;
        ServerConnector connector = new ServerConnector(server, 1, 1, factories(config, tls ? list.get(3) : null));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        connector.setIdleTimeout(Long.parseLong(list.get(1)));
        server.addConnector(connector);
        server.setStopTimeout(20_000);
        server.setHandler(new Http2CrowdServer());
        if (list.get(0).equals("strict")) {
            long keepAlive = Long.parseLong(list.get(2));
            KeepAlivePolicy.Builder builder = KeepAlivePolicy.builder();
            StrictKeepAlive.install(
                    server,
                    keepAlive > 0
                            ? builder.keepAliveTimeout(Duration.ofMillis(keepAlive))
                                    .build()
                            : builder.build());
        }
        server.start();
        System.out.println(
                "Listening on " + (tls ? "https" : "http") + "://127.0.0.1:" + connector.getLocalPort() + "/");
        server.join();
    }

    private static ConnectionFactory[] factories(HttpConfiguration config, String keys) {
        HttpConnectionFactory http = new HttpConnectionFactory(config);
        if (keys == null) {
            return new ConnectionFactory[] {http, new HTTP2CServerConnectionFactory(config)};
        }
        ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
        alpn.setDefaultProtocol("http/1.1");
        return new ConnectionFactory[] {
            new SslConnectionFactory(Keys.server(Path.of(keys)), "alpn"),
            alpn,
            new HTTP2ServerConnectionFactory(config),
            http
        };
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        if (Request.getPathInContext(request).equals("/read")) {
            Content.Source.consumeAll(request, callback);
            return true;
        }
        String text = "hello";
        if (Request.getPathInContext(request).equals("/monitor")) {
            DescriptorMonitor monitor = getServer().getBean(DescriptorMonitor.class);
            text = monitor == null ? "none" : monitor.getLevel() + " " + monitor.getStatistics();
        }
        response.getHeaders().put("Content-Length", text.length());
        response.write(true, BufferUtil.toBuffer(text, StandardCharsets.US_ASCII), callback);
        return true;
    }
}
