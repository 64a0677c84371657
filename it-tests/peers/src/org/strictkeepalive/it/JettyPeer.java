package org.strictkeepalive.it;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Set;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.LowResourceMonitor;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.StrictKeepAlive;

/** Jetty, plain, with the means of its own, or strict. */
final class JettyPeer {
    /** What its modules set. */
    private static final int MODULES_IDLE_MS = 1000;
    /** Connections at which resources are low: what comes in the second until the next look must find room too. */
    private static final int LOW_AT = 250;

    /** Direct: of an answer on the heap the JDK would keep a copy for each thread, and 256 MiB are soon full. */
    private static final ByteBuffer BIG = direct(PeerAnswers.to("/big"));

    private JettyPeer() {}

    private static ByteBuffer direct(byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    public static void main(String[] args) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost(PeerAnswers.HOST);
        connector.setPort(Integer.parseInt(args[0]));
        connector.setAcceptQueueSize(PeerAnswers.BACKLOG);
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws IOException {
                try (InputStream body = Content.Source.asInputStream(request)) {
                    body.skipNBytes(Math.max(0, request.getLength()));
                }
                byte[] answer = PeerAnswers.to(Request.getPathInContext(request));
                response.getHeaders().put(HttpHeader.CONTENT_LENGTH, answer.length);
                response.write(true, answer.length == BIG.capacity() ? BIG.slice() : ByteBuffer.wrap(answer), callback);
                return true;
            }
        });
        switch (args[1]) {
            case "plain" -> {}
            case "strict" -> StrictKeepAlive.install(server);
            case "short" -> connector.setIdleTimeout(MODULES_IDLE_MS);
            case "limit" -> {
                NetworkConnectionLimit limit = new NetworkConnectionLimit(PeerAnswers.MOST_CONNECTIONS, server);
                limit.setEndPointIdleTimeout(MODULES_IDLE_MS);
                server.addBean(limit);
            }
            case "low" -> {
                LowResourceMonitor monitor = new LowResourceMonitor(server);
                monitor.setLowResourcesIdleTimeout(MODULES_IDLE_MS);
                monitor.setAcceptingInLowResources(false);
                monitor.setLowResourceChecks(Set.of(monitor.new MaxConnectionsLowResourceCheck(LOW_AT)));
                server.addBean(monitor);
            }
            default -> throw new IllegalArgumentException(args[1]);
        }
        server.start();
        server.join();
    }
}
