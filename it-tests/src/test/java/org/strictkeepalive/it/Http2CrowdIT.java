package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A crowd of clients that each keep an HTTP/2 connection and never close it, more than there are descriptors, plain
 * Jetty beside a server with the policy. Each is a process under {@code ulimit -n 256}.
 */
@Isolated("it counts who is served under load")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class Http2CrowdIT {
    private static final int DESCRIPTORS = 256;
    private static final int CROWD = 400;
    private static final int PATIENCE_MS = 5_000;
    /** The handshakes of the crowd take all of a small machine's CPU, so visitors wait, whoever serves them. */
    private static final int PATIENCE_TLS_MS = 20_000;

    private static final int VISITORS = 100;
    private static final boolean ALL = Boolean.getBoolean("storms.all");
    private static final int POLITE = 3;

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private Keys keys;

    @TempDir
    private Path directory;

    @BeforeAll
    void makeKeys(@TempDir Path kept) throws Exception {
        keys = new Keys(kept);
    }

    @AfterAll
    void end() {
        threads.shutdownNow();
    }

    /**
     * What was seen.
     *
     * @param served1 how many of the visitors with HTTP/1.1 were served
     * @param served2 how many of those with HTTP/2
     * @param polite how many requests the polite clients sent
     * @param lost how many of these got no answer, although they were not refused
     */
    private record Seen(int served1, int served2, int polite, int lost, String monitor) {}

    /** Keeps a connection, and opens another one whenever the server has closed it. */
    private static void stay(Http http, Http2Attack attack, int number, AtomicBoolean over, Set<Socket> open) {
        while (!over.get()) {
            try {
                attack.run(http, number, open, over);
            } catch (IOException x) {
                // It was refused.
            }
            Http.pause(200);
        }
    }

    private static boolean isServed(Http http, InetAddress from, boolean http2) {
        int patience = http.tls() == null ? PATIENCE_MS : PATIENCE_TLS_MS;
        try {
            if (!http2) {
                try (Socket socket = http.connect(from, patience)) {
                    Http.exchange(socket, "/", patience);
                    return true;
                }
            }
            try (Http2Wire wire = new Http2Wire(http, from, patience)) {
                wire.get();
                return true;
            }
        } catch (IOException x) {
            System.out.println("A visitor was not served: " + x);
            return false;
        }
    }

    /** A request each 250 ms on a kept connection. What a GOAWAY refuses is sent again. */
    private static void useForLong(Http http, AtomicBoolean over, AtomicInteger sent, AtomicInteger lost) {
        Http2Wire wire = null;
        while (!over.get()) {
            sent.incrementAndGet();
            while (true) {
                try {
                    if (wire == null || wire.isGoingAway()) {
                        wire = new Http2Wire(http, 30_000);
                    }
                    wire.get();
                    break;
                } catch (Http2Wire.RefusedException x) {
                    wire = null;
                } catch (IOException x) {
                    wire = null;
                    lost.incrementAndGet();
                    break;
                }
            }
            Http.pause(250);
        }
    }

    private Seen crowd(String kind, boolean tls, Http2Attack attack, int visitors) throws Exception {
        List<String> arguments = new ArrayList<>(List.of(kind, "300000", "0"));
        if (tls) {
            arguments.add(keys.file().toString());
        }
        AtomicBoolean over = new AtomicBoolean();
        Set<Socket> open = ConcurrentHashMap.newKeySet();
        try (Serve serve =
                Serve.start(directory, DESCRIPTORS, Http2CrowdServer.class, arguments.toArray(String[]::new))) {
            Http http = serve.http();
            AtomicInteger sent = new AtomicInteger();
            AtomicInteger lost = new AtomicInteger();
            for (int i = 0; i < POLITE; i++) {
                threads.execute(() -> useForLong(http, over, sent, lost));
            }
            Http.pause(2_000);
            for (int i = 0; i < CROWD; i++) {
                int number = i;
                threads.execute(() -> stay(http, attack, number, over, open));
                Http.pause(5);
            }
            List<Future<Boolean>> visits = new ArrayList<>();
            for (int i = 0; i < visitors; i++) {
                boolean http2 = i % 2 == 1;
                InetAddress from = InetAddress.getByName("127.0." + (2 + i / 250) + "." + (1 + i % 250));
                visits.add(threads.submit(() -> isServed(http, from, http2)));
                Http.pause(100);
            }
            int[] served = new int[2];
            for (int i = 0; i < visitors; i++) {
                served[i % 2] += visits.get(i).get(60, TimeUnit.SECONDS) ? 1 : 0;
            }
            String monitor =
                    kind.equals("plain") ? "" : http.get("/monitor", 30_000).body();
            over.set(true);
            return new Seen(served[0], served[1], sent.get(), lost.get(), monitor);
        } finally {
            over.set(true);
            for (Socket socket : open) {
                socket.close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void visitorsAreServedWhateverTheCrowdKeeps(boolean tls) throws Exception {
        Seen strict = crowd("strict", tls, Http2Attack.IDLE, VISITORS);
        System.out.println("tls=" + tls + " strict=" + strict);
        assertServed(strict, VISITORS, tls);
    }

    @Test
    void plainJettyServesNearlyNobody() throws Exception {
        Seen plain = crowd("plain", false, Http2Attack.IDLE, VISITORS);
        System.out.println("plain=" + plain);
        assertTrue(plain.served1() + plain.served2() < VISITORS / 4, plain::toString);
    }

    static List<Arguments> attacks() {
        return ALL
                ? Stream.of(Http2Attack.values())
                        .flatMap(attack -> Stream.of(false, true).map(tls -> Arguments.of(attack, tls)))
                        .toList()
                : List.of(Arguments.of(Http2Attack.NEVER_READS, false), Arguments.of(Http2Attack.PINGS, false));
    }

    /** All of them with {@code -Pstorms}. */
    @ParameterizedTest
    @MethodSource("attacks")
    void visitorsAreServedWhateverTheCrowdDoes(Http2Attack attack, boolean tls) throws Exception {
        int visitors = ALL ? 300 : VISITORS;
        Seen strict = crowd("strict", tls, attack, visitors);
        System.out.println(attack + " tls=" + tls + " strict=" + strict);
        assertServed(strict, visitors, tls);
    }

    /** The crowd's handshakes take all CPUs. If the machine has other work, one may outlast a visitor's patience. */
    private static void assertServed(Seen strict, int visitors, boolean tls) {
        int least = tls ? visitors * 19 / 20 : visitors;
        assertTrue(strict.served1() + strict.served2() >= least, strict::toString);
        assertEquals(0, strict.lost(), strict::toString);
    }
}
