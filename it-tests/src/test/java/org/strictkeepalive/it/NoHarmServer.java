package org.strictkeepalive.it;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/**
 * A server for a process of its own: plain or strict, how many threads, its idle timeout in milliseconds, and a key
 * file for TLS. {@code /slow} answers after the milliseconds of the query, {@code /blocking} reads as a servlet does,
 * {@code /queue} tells how many tasks have waited for a thread at most.
 */
final class NoHarmServer extends Handler.Abstract {
    private final AtomicInteger longestQueue = new AtomicInteger();

    private NoHarmServer(QueuedThreadPool pool) {
        Thread watch = new Thread(() -> {
            while (true) {
                longestQueue.accumulateAndGet(pool.getQueueSize(), Math::max);
                Http.pause(5);
            }
        });
        watch.setDaemon(true);
        watch.start();
    }

    public static void main(String[] arguments) throws Exception {
        List<String> list = List.of(arguments);
        QueuedThreadPool pool = new QueuedThreadPool(Integer.parseInt(list.get(1)));
        Server server = new Server(pool);
        HttpConfiguration config = new HttpConfiguration();
        config.addCustomizer(new SecureRequestCustomizer(false));
        HttpConnectionFactory http = new HttpConnectionFactory(config);
        boolean tls = list.size() > 3;
        ServerConnector connector = tls
                ? new ServerConnector(
                        server, 1, 1, new SslConnectionFactory(Keys.server(Path.of(list.get(3))), "http/1.1"), http)
                : new ServerConnector(server, 1, 1, http);
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        connector.setIdleTimeout(Long.parseLong(list.get(2)));
        server.addConnector(connector);
        server.setHandler(new NoHarmServer(pool));
        if (list.get(0).equals("strict")) {
            StrictKeepAlive.install(server, KeepAlivePolicy.defaults());
        }
        server.start();
        System.out.println(
                "Listening on " + (tls ? "https" : "http") + "://127.0.0.1:" + connector.getLocalPort() + "/");
        server.join();
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        switch (Request.getPathInContext(request)) {
            case "/slow" ->
                request.getComponents()
                        .getScheduler()
                        .schedule(
                                () -> answer(response, "late", callback),
                                Long.parseLong(request.getHttpURI().getQuery()),
                                TimeUnit.MILLISECONDS);
            case "/blocking" -> {
                try (InputStream in = Content.Source.asInputStream(request)) {
                    answer(response, "read " + in.readAllBytes().length, callback);
                }
            }
            case "/queue" -> answer(response, longestQueue.toString(), callback);
            case "/level" -> {
                DescriptorMonitor monitor = getServer().getBean(DescriptorMonitor.class);
                answer(response, monitor == null ? "none" : monitor.getLevel().toString(), callback);
            }
            default -> answer(response, "hello", callback);
        }
        return true;
    }

    private static void answer(Response response, String text, Callback callback) {
        response.getHeaders().put("Content-Length", text.length());
        response.write(true, BufferUtil.toBuffer(text, StandardCharsets.US_ASCII), callback);
    }
}
