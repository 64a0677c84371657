package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** The policy changes all the time: in the middle of exchanges that nobody watches, at their begin and at their end. */
class WatchRaceTest {
    private static final int CLIENTS = 4;
    private static final int REQUESTS = 1_500;

    @Test
    void everyRequestHasItsAnswerAndEveryCloseIsSaid() throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS + 1);
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxRequestsPerConnection(0))) {
            KeepAlivePolicy endless = server.factory().getPolicy();
            KeepAlivePolicy once =
                    endless.toBuilder().maxRequestsPerConnection(1).build();
            Future<?> changes = threads.submit(() -> {
                while (!over.get()) {
                    server.factory().setPolicy(once);
                    LockSupport.parkNanos(20_000);
                    server.factory().setPolicy(endless);
                }
            });
            List<Future<Integer>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(threads.submit(() -> visit(server)));
            }
            int closes = 0;
            for (Future<Integer> client : clients) {
                closes += client.get(60, TimeUnit.SECONDS);
            }
            over.set(true);
            changes.get(10, TimeUnit.SECONDS);
            server.awaitOpen(0);
            assertTrue(closes > 0);
            assertEquals(
                    closes, server.statistics().getClosed(CloseReason.MAX_REQUESTS), () -> "" + server.statistics());
            assertEquals(CLIENTS * REQUESTS, server.handled.get());
            server.assertNumbersAddUp();
        } finally {
            over.set(true);
            threads.shutdownNow();
        }
    }

    /** Sends requests one after the other, and returns how many responses said close. */
    private static int visit(TestServer server) throws IOException {
        int closes = 0;
        RawClient client = server.connect();
        for (int i = 0; i < REQUESTS; i++) {
            if (client.get().saysClose()) {
                closes++;
                client.awaitEnd();
                client.close();
                client = server.connect();
            }
        }
        client.close();
        return closes;
    }
}
