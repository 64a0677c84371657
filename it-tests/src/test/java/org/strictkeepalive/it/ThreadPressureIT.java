package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAlive;

/** More slow uploads than threads, on a server with plenty of descriptors whose application blocks in its reads. */
@Timeout(300)
class ThreadPressureIT {
    private static final int THREADS = 40;
    private static final int SLOW = 60;
    private static final int VISITORS = 20;
    private static final int PATIENCE_MS = 2_000;
    private static final String UPLOAD = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nabc";
    /** A client that sends 300 bytes a second is quicker than {@code minDataRate}. */
    private static final byte[] BEAT = new byte[30];

    private static final int BEAT_MS = 100;
    private static final String MOBILE = UPLOAD.replace("100000", "100000000");
    /** Of twenty visitors. */
    private static final int SERVED = 19;
    /** A busy machine gets further tries. */
    private static final int TRIES = 5;

    private final AtomicInteger reading = new AtomicInteger();
    private final List<Socket> sockets = new ArrayList<>();
    private ServerConnector connector;

    private final class Uploads extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            reading.incrementAndGet();
            try (InputStream in = Content.Source.asInputStream(request)) {
                in.readAllBytes();
            } finally {
                reading.decrementAndGet();
            }
            response.write(true, BufferUtil.toBuffer("hello"), callback);
            return true;
        }
    }

    private Server server() {
        Server server = new Server(new QueuedThreadPool(THREADS));
        connector = new ServerConnector(server, 1, 1);
        connector.setHost("127.0.0.1");
        connector.setIdleTimeout(120_000);
        server.addConnector(connector);
        server.setHandler(new Uploads());
        return server;
    }

    private Socket send(String request) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort());
        sockets.add(socket);
        socket.setSoTimeout(PATIENCE_MS);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private void slow() throws IOException {
        for (int i = 0; i < SLOW; i++) {
            send(UPLOAD);
        }
        await().atMost(Duration.ofSeconds(60)).until(() -> reading.get() >= THREADS / 2);
    }

    /** Goes on sending, and comes back whenever it is closed. */
    private void trickle(AtomicBoolean over) {
        while (!over.get()) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
                socket.getOutputStream().write(UPLOAD.getBytes(StandardCharsets.US_ASCII));
                while (!over.get()) {
                    Http.pause(BEAT_MS);
                    socket.getOutputStream().write(BEAT);
                }
            } catch (IOException x) {
                Http.pause(BEAT_MS);
            }
        }
    }

    /** How many of the visitors who come at once are served in time. */
    private int served() throws IOException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        List<Socket> visitors = new ArrayList<>();
        for (int i = 0; i < VISITORS; i++) {
            visitors.add(send("GET / HTTP/1.1\r\nHost: test\r\n\r\n"));
        }
        int served = 0;
        for (Socket visitor : visitors) {
            try {
                visitor.setSoTimeout((int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())));
                served += visitor.getInputStream().read() > 0 ? 1 : 0;
            } catch (IOException x) {
                // Too late.
            }
        }
        return served;
    }

    private void close() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    @Test
    void plainJettyServesNoVisitor() throws Exception {
        Server server = server();
        server.start();
        try {
            slow();
            assertEquals(0, served());
        } finally {
            close();
            server.stop();
        }
    }

    @Test
    void thePolicyFreesTheThreads() throws Exception {
        Server server = server();
        StrictKeepAlive strict = StrictKeepAlive.install(server);
        server.start();
        DescriptorMonitor monitor = strict.getDescriptorMonitor();
        try {
            slow();
            await().atMost(Duration.ofSeconds(60)).until(() -> monitor.getThreadPressure() > 0.8);
            await().atMost(Duration.ofSeconds(60)).until(() -> monitor.getLevel() == PressureLevel.NORMAL);
            assertEquals(VISITORS, served());
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> monitor.getStatistics().getClosed(CloseReason.DATA_RATE) > 0);
            assertEquals(0, monitor.getStatistics().getClosed(CloseReason.EVICTED));
        } finally {
            close();
            server.stop();
        }
    }

    /** Each client moves more than {@code minDataRate}. One that is quicker than the others goes on. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theSlowestOfThoseThatHoldTheThreadsEnd(boolean strict) throws Exception {
        Server server = server();
        DescriptorMonitor monitor = strict ? StrictKeepAlive.install(server).getDescriptorMonitor() : null;
        server.start();
        AtomicBoolean over = new AtomicBoolean();
        ExecutorService clients = Executors.newCachedThreadPool();
        try (Socket mobile = send(MOBILE)) {
            Future<Integer> sent = clients.submit(() -> upload(mobile, over));
            await().atMost(Duration.ofSeconds(60)).until(() -> reading.get() == 1);
            for (int i = 0; i < SLOW; i++) {
                clients.execute(() -> trickle(over));
            }
            await().atMost(Duration.ofSeconds(60)).until(() -> reading.get() >= THREADS / 2);
            if (strict) {
                await().atMost(Duration.ofSeconds(60))
                        .until(() -> monitor.getStatistics().getClosed(CloseReason.SLOWEST) > 0);
            } else {
                assertEquals(0, served());
                return;
            }
            int seen = 0;
            for (int i = 0; i < TRIES && seen < SERVED; i++) {
                seen = served();
            }
            assertTrue(seen >= SERVED, seen + " " + monitor.getStatistics());
            assertEquals(0, monitor.getStatistics().getClosed(CloseReason.EVICTED));
            over.set(true);
            assertTrue(sent.get() > 0);
            mobile.shutdownOutput();
        } finally {
            over.set(true);
            close();
            server.stop();
            clients.shutdownNow();
        }
    }

    /** Sends 4 KiB a second. Returns how many bytes were sent; fails if the server closes. */
    private static int upload(Socket socket, AtomicBoolean over) throws IOException {
        int sent = 0;
        while (!over.get()) {
            Http.pause(BEAT_MS);
            socket.getOutputStream().write(new byte[410]);
            sent += 410;
        }
        return sent;
    }
}
