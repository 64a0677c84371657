package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Clients in steady use, a few milliseconds away: each posts on one connection until it is told to close. */
final class SteadyClients {
    private SteadyClients() {}

    /** Opens connections to the server. */
    interface Source {
        Socket connect() throws IOException;
    }

    /** Stops the server. */
    interface Stop {
        void stop() throws Exception;
    }

    /** How many of the clients lose a request when the server stops. */
    static int lost(int clients, String path, Source source, Stop server, ExecutorService threads) throws Exception {
        AtomicInteger lost = new AtomicInteger();
        AtomicInteger ready = new AtomicInteger();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            all.add(CompletableFuture.runAsync(() -> postUntilToldToClose(path, source, ready, lost), threads));
        }
        while (ready.get() < clients) {
            Http.pause(10);
        }
        Http.pause(500);
        server.stop();
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
        return lost.get();
    }

    private static void postUntilToldToClose(String path, Source source, AtomicInteger ready, AtomicInteger lost) {
        byte[] post = ("POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n").getBytes(ISO_8859_1);
        boolean begun = false;
        try (Socket socket = source.connect()) {
            byte[] buffer = new byte[4096];
            while (true) {
                if (socket.getInputStream().available() == 0) {
                    Http.pause(5); // the way there
                    socket.getOutputStream().write(post);
                }
                int read = socket.getInputStream().read(buffer);
                Http.pause(5); // and back
                if (read < 0) {
                    lost.incrementAndGet();
                    return;
                }
                if (!begun) {
                    begun = true;
                    ready.incrementAndGet();
                }
                if (new String(buffer, 0, read, ISO_8859_1).contains("Connection: close")) {
                    return;
                }
                Http.pause(ThreadLocalRandom.current().nextInt(20, 60)); // so that they don't all pause at once
            }
        } catch (IOException x) {
            lost.incrementAndGet();
        }
    }
}
