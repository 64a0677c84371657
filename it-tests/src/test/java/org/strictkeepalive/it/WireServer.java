package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.it.WireAnswer.End;

/** A server with {@link WireApplication} and {@link WireServlet}, plain where the policy is null. */
final class WireServer implements AutoCloseable {
    /** The idle timeout in ms of the connector on which clients fall silent. */
    static final int SHORT_IDLE = 1000;

    private static final int LONGEST = 60_000;

    final Server server;
    private final ServerConnector connector;
    private final ServerConnector shortIdle;
    /** Which requests of each case have been executed. */
    private final Map<String, Set<String>> executed = new ConcurrentHashMap<>();

    WireServer(KeepAlivePolicy policy) throws Exception {
        QueuedThreadPool threads = new QueuedThreadPool(500);
        server = new Server(threads);
        connector = connector(policy);
        shortIdle = connector(policy);
        shortIdle.setIdleTimeout(SHORT_IDLE);
        server.setHandler(new Handler.Wrapper(new Handler.Sequence(WireServlet.context(), new WireApplication())) {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                String id = request.getHttpURI().getQuery();
                if (id != null) {
                    executed.computeIfAbsent(id.replaceAll("\\..*", ""), one -> ConcurrentHashMap.newKeySet())
                            .add(id);
                }
                return super.handle(request, response, callback);
            }
        });
        server.start();
    }

    private ServerConnector connector(KeepAlivePolicy policy) {
        HttpConfiguration config = new HttpConfiguration();
        ServerConnector added = new ServerConnector(
                server,
                1,
                1,
                policy == null
                        ? new HttpConnectionFactory(config)
                        : new StrictKeepAliveConnectionFactory(config, policy));
        added.setHost("127.0.0.1");
        added.setAcceptQueueSize(1024);
        server.addConnector(added);
        return added;
    }

    int port() {
        return connector.getLocalPort();
    }

    int shortIdlePort() {
        return shortIdle.getLocalPort();
    }

    /** The requests of a case that were executed. */
    Set<String> executed(String id) {
        return new TreeSet<>(executed.getOrDefault(id, Set.of()));
    }

    /**
     * Sends a request, with a number for each path, and reads until the connection ends, or nothing has come for so
     * long.
     */
    WireAnswer exchange(WireRequest request, String path, String id, int silence, boolean idle) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), idle ? shortIdle.getLocalPort() : port())) {
            socket.setTcpNoDelay(true);
            Reading reading = new Reading(socket, request, silence);
            int number = 0;
            for (String step : request.steps()) {
                if (step.equals(WireRequest.ANSWER) || step.equals(WireRequest.SILENCE)) {
                    reading.read(step.equals(WireRequest.ANSWER));
                    continue;
                }
                try {
                    if (step.equals(WireRequest.FIN)) {
                        socket.shutdownOutput();
                    } else {
                        String text = step.replace("{}", "/" + path + "?" + id + "." + number)
                                .replace("/ok HTTP", "/ok?" + id + ".more HTTP");
                        number++;
                        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
                    }
                } catch (SocketException x) {
                    break; // The server has closed.
                }
            }
            return reading.read(false);
        }
    }

    /** What has come so far. */
    private static final class Reading {
        private final StringBuilder bytes = new StringBuilder();
        private final InputStream in;
        private final WireRequest request;
        private End end = End.OPEN;

        private Reading(Socket socket, WireRequest request, int silence) throws IOException {
            socket.setSoTimeout(Math.min(silence, LONGEST));
            in = socket.getInputStream();
            this.request = request;
        }

        private WireAnswer read(boolean one) throws IOException {
            byte[] buffer = new byte[65_536];
            int seen = answers();
            while (end == End.OPEN) {
                try {
                    int read = in.read(buffer);
                    if (read < 0) {
                        end = End.FIN;
                    } else {
                        bytes.append(new String(buffer, 0, read, ISO_8859_1));
                        if (one && answers() > seen) {
                            break;
                        }
                    }
                } catch (SocketTimeoutException x) {
                    break;
                } catch (SocketException x) {
                    end = End.RESET;
                }
            }
            return WireAnswer.of(bytes.toString(), end);
        }

        /** How many whole answers have come, interim ones too. */
        private int answers() {
            return (int) new WireAnswer(bytes.toString(), end)
                    .responses(request.methods()).stream()
                            .filter(response -> response.state() == WireAnswer.State.COMPLETE)
                            .count();
        }
    }

    @Override
    public void close() throws Exception {
        server.stop();
    }
}
