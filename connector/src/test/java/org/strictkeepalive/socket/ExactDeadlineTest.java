package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.testkit.Heartbeat;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/**
 * 200 idle connections: FIN between 2.0 s and 2.25 s after the response, whatever comes in meanwhile; on a machine that
 * is late itself as much later as {@link Heartbeat} was.
 */
class ExactDeadlineTest {
    private static final int CONNECTIONS = 200;
    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    private static final long WITHIN_MS = 250;
    private static final int TRIES = 3;

    /** How much later than its deadline each connection ended, at least and at most, in nanoseconds. */
    private record Late(long least, long most) {}

    private static List<Late> lateness(TestServer server, boolean trickle) throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(CONNECTIONS);
        try {
            List<Callable<Late>> all = new ArrayList<>();
            for (int i = 0; i < CONNECTIONS; i++) {
                // Connected before, so that handshakes don't take the time of the others.
                RawClient client = server.connect();
                all.add(() -> lateness(client, trickle));
            }
            List<Late> result = new ArrayList<>();
            for (Future<Late> future : clients.invokeAll(all)) {
                result.add(future.get());
            }
            return result;
        } finally {
            clients.shutdownNow();
        }
    }

    private static Late lateness(RawClient client, boolean trickle) throws IOException {
        try (client) {
            // The time begins at the server, after the request was sent and before the answer was read.
            long before = System.nanoTime();
            long after = client.get().at();
            if (trickle) {
                before = System.nanoTime();
                client.send("GET");
                after = System.nanoTime();
                AtomicBoolean stop = new AtomicBoolean();
                Thread sender = new Thread(() -> {
                    try {
                        while (!stop.get()) {
                            client.send("T");
                            TimeUnit.MILLISECONDS.sleep(100);
                        }
                    } catch (IOException | InterruptedException x) {
                        // The server has closed.
                    }
                });
                sender.setDaemon(true);
                sender.start();
                assertEquals(408, client.read().status());
                stop.set(true);
            }
            long late = client.awaitEnd() - TIMEOUT.toNanos();
            return new Late(late - after, late - before);
        }
    }

    /** A machine that is busy gets another try; none is ever too early. */
    private static void assertOnTime(TestServer server, boolean trickle) throws Exception {
        List<String> tries = new ArrayList<>();
        for (int i = 0; i < TRIES; i++) {
            long from = System.nanoTime();
            List<Late> late = lateness(server, trickle);
            late.forEach(one -> assertTrue(one.most >= 0, "too early by " + one));
            long most = late.stream().mapToLong(Late::least).max().orElseThrow();
            if (isOnTime(TimeUnit.NANOSECONDS.toMillis(most), from, tries)) {
                return;
            }
        }
        throw new AssertionError(tries);
    }

    private static boolean isOnTime(long lateMs, long from, List<String> tries) {
        long allowance = Heartbeat.allowanceSince(from);
        tries.add(lateMs + " ms late, the machine's own " + allowance);
        return lateMs <= WITHIN_MS + allowance;
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void idleConnectionsGetTheirFinOnTime(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p.keepAliveTimeout(TIMEOUT))) {
            assertOnTime(server, false);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void headersThatTrickleGetTheir408OnTime() throws Exception {
        try (TestServer server = TestServer.strict(
                Transport.CLEAR,
                p -> p.keepAliveTimeout(TIMEOUT.multipliedBy(4)).requestHeaderTimeout(TIMEOUT))) {
            assertOnTime(server, true);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void descriptorsAreFreeAfterTheLingerThoughClientsStay() throws Exception {
        Duration linger = Duration.ofMillis(500);
        try (TestServer server = TestServer.strict(
                Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofMillis(500)).lingerTimeout(linger))) {
            List<String> tries = new ArrayList<>();
            boolean onTime = false;
            for (int i = 0; i < TRIES && !onTime; i++) {
                long from = System.nanoTime();
                List<RawClient> clients = new ArrayList<>();
                for (int j = 0; j < CONNECTIONS; j++) {
                    clients.add(server.connect());
                    clients.get(j).get();
                }
                long lastFin = 0;
                for (RawClient client : clients) {
                    lastFin = client.awaitEnd();
                }
                server.awaitOpen(0);
                // Polled every 100 ms, which counts as ours.
                onTime = isOnTime(
                        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - lastFin) - linger.toMillis(), from, tries);
                for (RawClient client : clients) {
                    client.close();
                }
            }
            assertTrue(onTime, tries::toString);
        }
    }
}
