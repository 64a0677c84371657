package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A stop as frameworks do it takes no longer than with plain Jetty, and loses no more requests: Spring Boot's graceful
 * shutdown, and {@code jetty-home} at a SIGTERM.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StopInFrameworksIT {
    private static final boolean ALL = Boolean.getBoolean("stops.all");
    /** Their starts take a minute and a half, and they stop as the newer ones do. */
    private static final Set<String> OLDER = Set.of("spring-boot-3", "jetty-home-12.0.30");

    private static final int CLIENTS = 20;

    private static final String GET = "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n";

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, FrameworkServers.Side> sides = new ConcurrentHashMap<>();

    private Path directory;
    private Path keys;

    /** What is connected when the server stops. */
    private enum Held {
        IDLE,
        HALF_A_POST,
        WEB_SOCKET,
        WEB_SOCKET_BESIDE_A_REQUEST,
        HTTP_2
    }

    @BeforeAll
    void makeKeys(@TempDir Path kept) throws Exception {
        directory = kept;
        keys = Keys.make(kept.resolve("test.p12"));
    }

    private FrameworkServers.Side side(String framework, boolean strict) throws Exception {
        String name = framework + (strict ? "-strict" : "-plain");
        FrameworkServers.Side side = sides.get(name);
        if (side == null) {
            Path own = directory.resolve(name);
            side = framework.startsWith("jetty-home-")
                    ? new FrameworkServers.Home(framework.substring("jetty-home-".length()), strict, own, keys)
                    : new FrameworkServers.Boot(framework, strict, own);
            sides.put(name, side);
        }
        return side;
    }

    @AfterAll
    void end() throws Exception {
        for (FrameworkServers.Side side : sides.values()) {
            side.close();
        }
        threads.shutdownNow();
    }

    private static Socket connect(FrameworkServers.Side side) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), side.port());
        socket.setSoTimeout(60_000);
        return socket;
    }

    private static Socket sent(FrameworkServers.Side side, String request) throws IOException {
        Socket socket = connect(side);
        socket.getOutputStream().write(request.getBytes(ISO_8859_1));
        return socket;
    }

    private static Socket answered(FrameworkServers.Side side, String request, String status) throws IOException {
        Socket socket = sent(side, request);
        byte[] answer = new byte[4096];
        int read = socket.getInputStream().read(answer);
        String text = new String(answer, 0, Math.max(read, 0), ISO_8859_1);
        assertTrue(text.startsWith("HTTP/1.1 " + status + " "), text);
        return socket;
    }

    /** All that comes until the connection ends, in hexadecimal. */
    private static String rest(Socket socket) {
        StringBuilder result = new StringBuilder();
        try {
            InputStream in = socket.getInputStream();
            for (int read = in.read(); read >= 0; read = in.read()) {
                result.append(HexFormat.of().toHexDigits((byte) read));
            }
        } catch (IOException x) {
            result.append(x);
        }
        return result.toString();
    }

    private static void closeAtFin(Socket socket) {
        try (socket) {
            rest(socket);
        } catch (IOException x) {
            // Closed.
        }
    }

    private long stopTime(Held kind, FrameworkServers.Side side, List<String> ends) throws Exception {
        List<AutoCloseable> held = new ArrayList<>();
        side.start();
        try {
            answered(side, GET, "200").close(); // the servlet is loaded
            Future<String> end = null;
            switch (kind) {
                case IDLE -> held.add(answered(side, GET, "200"));
                case HALF_A_POST ->
                    held.add(sent(side, "POST /post HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc"));
                case WEB_SOCKET, WEB_SOCKET_BESIDE_A_REQUEST -> {
                    Socket socket = answered(side, BesideServer.WEB_SOCKET, "101");
                    held.add(socket);
                    end = threads.submit(() -> rest(socket));
                    if (kind == Held.WEB_SOCKET_BESIDE_A_REQUEST) {
                        Socket slow = sent(side, GET.replace("/hello", "/hello?1500"));
                        threads.execute(() -> closeAtFin(slow));
                    }
                }
                case HTTP_2 -> {
                    SSLContext tls = Keys.trusting(keys);
                    HttpClient client = HttpClient.newBuilder().sslContext(tls).build();
                    held.add(client::version); // The connection lives as long as its client.
                    HttpRequest request = HttpRequest.newBuilder(side.http2()).build();
                    assertEquals(
                            HttpClient.Version.HTTP_2,
                            client.send(request, BodyHandlers.ofString()).version());
                }
            }
            Http.pause(300); // until the request is in progress
            long millis = side.stop();
            if (end != null) {
                ends.add(end.get());
            }
            return millis;
        } finally {
            for (AutoCloseable closeable : held) {
                closeable.close();
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "spring-boot-4,IDLE",
        "spring-boot-4,HALF_A_POST",
        "spring-boot-4,WEB_SOCKET",
        "spring-boot-4,WEB_SOCKET_BESIDE_A_REQUEST",
        "spring-boot-4,HTTP_2",
        "spring-boot-3,IDLE",
        "spring-boot-3,HALF_A_POST",
        "spring-boot-3,WEB_SOCKET",
        "spring-boot-3,WEB_SOCKET_BESIDE_A_REQUEST",
        "spring-boot-3,HTTP_2",
        "jetty-home-12.1.12,IDLE",
        "jetty-home-12.1.12,HALF_A_POST",
        "jetty-home-12.1.12,WEB_SOCKET",
        "jetty-home-12.1.12,WEB_SOCKET_BESIDE_A_REQUEST",
        "jetty-home-12.1.12,HTTP_2",
        "jetty-home-12.0.30,HALF_A_POST",
        "jetty-home-12.0.30,WEB_SOCKET",
        "jetty-home-12.0.30,HTTP_2"
    })
    void aStopTakesNoLongerThanPlainJettys(String framework, Held kind) throws Exception {
        assumeTrue(ALL || !OLDER.contains(framework), "-Dstops.all=true");
        FrameworkServers.Side plain = side(framework, false);
        FrameworkServers.Side strict = side(framework, true);
        List<String> plainEnds = new ArrayList<>();
        List<String> strictEnds = new ArrayList<>();
        BesidePlain.assertNoLonger(
                framework + " and " + kind,
                threads,
                () -> stopTime(kind, plain, plainEnds),
                () -> stopTime(kind, strict, strictEnds));
        System.out.println("Ends: plain " + plainEnds + ", strict " + strictEnds);
        if (isClosedAsGoingAway(plainEnds)) {
            assertTrue(isClosedAsGoingAway(strictEnds), () -> "plain " + plainEnds + ", strict " + strictEnds);
        }
        boolean boots = framework.startsWith("spring-boot-") && kind == Held.WEB_SOCKET_BESIDE_A_REQUEST;
        assertTrue(!boots || isClosedAsGoingAway(strictEnds), () -> "" + strictEnds);
    }

    /** Whether each of them got a close frame with the code 1001. */
    private static boolean isClosedAsGoingAway(List<String> ends) {
        return !ends.isEmpty() && ends.stream().allMatch(end -> end.matches("88..03e9.*"));
    }

    /**
     * The requests take 20 ms, so that one is in progress whenever Spring Boot looks: where none is, it closes all
     * connections at once.
     */
    private int requestsLost(FrameworkServers.Side side) throws Exception {
        side.start();
        return SteadyClients.lost(CLIENTS, "/post?20", () -> connect(side), side::stop, threads);
    }

    @ParameterizedTest
    @ValueSource(strings = {"spring-boot-4", "spring-boot-3", "jetty-home-12.1.12", "jetty-home-12.0.30"})
    void aStopLosesNoMoreRequestsThanPlainJettys(String framework) throws Exception {
        assumeTrue(ALL || !OLDER.contains(framework), "-Dstops.all=true");
        FrameworkServers.Side plain = side(framework, false);
        FrameworkServers.Side strict = side(framework, true);
        BesidePlain.assertLosesNoMore(
                CLIENTS + " clients, " + framework, () -> requestsLost(plain), () -> requestsLost(strict));
    }
}
