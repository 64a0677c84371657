package org.strictkeepalive.it;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.io.Content;
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
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/**
 * A server for a process of its own: plain, strict or refusing, a key file for TLS or {@code -}, and its threads. It reads as a
 * servlet does ({@code /blocking}), copies ({@code /echo}) or asks for the whole body ({@code /core}), answers with a
 * large response ({@code /big}) or after the milliseconds of the query ({@code /slow}).
 */
final class SlowestServer extends Handler.Abstract {
    private static final int BIG = 64 * 1024 * 1024;
    private static final int PART = 64 * 1024;

    private final ByteBuffer part = ByteBuffer.allocateDirect(PART);

    public static void main(String[] arguments) throws Exception {
        List<String> list = List.of(arguments);
        Server server = new Server(new QueuedThreadPool(Integer.parseInt(list.get(2))));
        HttpConfiguration config = new HttpConfiguration();
        config.addCustomizer(new SecureRequestCustomizer(false));
        HttpConnectionFactory http = new HttpConnectionFactory(config);
        boolean tls = !list.get(1).equals("-");
        ServerConnector connector = tls
                ? new ServerConnector(
                        server, 1, 1, new SslConnectionFactory(Keys.server(Path.of(list.get(1))), "http/1.1"), http)
                : new ServerConnector(server, 1, 1, http, new HTTP2CServerConnectionFactory(config));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(new SlowestServer());
        if (!list.get(0).equals("plain")) {
            StrictKeepAlive.install(
                    server,
                    KeepAlivePolicy.builder()
                            .refuseWhenFull(list.get(0).equals("refuse"))
                            .build());
        }
        server.start();
        System.out.println(
                "Listening on " + (tls ? "https" : "http") + "://127.0.0.1:" + connector.getLocalPort() + "/");
        server.join();
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        switch (Request.getPathInContext(request)) {
            case "/blocking" -> {
                try (InputStream in = Content.Source.asInputStream(request)) {
                    answer(response, "read " + in.readAllBytes().length, callback);
                }
            }
            case "/echo" -> Content.copy(request, response, callback);
            case "/core" ->
                Content.Source.asString(
                        request,
                        StandardCharsets.US_ASCII,
                        Promise.from(body -> answer(response, "read " + body.length(), callback), callback::failed));
            case "/big" -> {
                response.getHeaders().put("Content-Length", BIG);
                write(response, BIG, callback);
            }
            case "/slow" ->
                request.getComponents()
                        .getScheduler()
                        .schedule(
                                () -> answer(response, "late", callback),
                                Long.parseLong(request.getHttpURI().getQuery()),
                                TimeUnit.MILLISECONDS);
            case "/closed" -> {
                DescriptorMonitor monitor = getServer().getBean(DescriptorMonitor.class);
                answer(response, monitor == null ? "none" : monitor + " " + monitor.getStatistics(), callback);
            }
            default -> answer(response, "hello", callback);
        }
        return true;
    }

    private void write(Response response, int left, Callback callback) {
        boolean last = left <= PART;
        response.write(
                last,
                part.slice(),
                last
                        ? callback
                        : Callback.from(
                                callback.getInvocationType(),
                                () -> write(response, left - PART, callback),
                                callback::failed));
    }

    private static void answer(Response response, String text, Callback callback) {
        response.getHeaders().put("Content-Length", text.length());
        response.write(true, BufferUtil.toBuffer(text, StandardCharsets.US_ASCII), callback);
    }
}
