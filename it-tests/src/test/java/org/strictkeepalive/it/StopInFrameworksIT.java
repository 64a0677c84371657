package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
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
    /** Reads the body, answers after the milliseconds of the query, and upgrades to WebSocket. */
    private static final String SERVLET = """
            package app;

            import jakarta.servlet.annotation.WebServlet;
            import jakarta.servlet.http.HttpServlet;
            import jakarta.servlet.http.HttpServletRequest;
            import jakarta.servlet.http.HttpServletResponse;
            import java.io.IOException;
            import org.eclipse.jetty.ee10.websocket.server.JettyWebSocketServerContainer;
            import org.eclipse.jetty.websocket.api.annotations.WebSocket;

            @WebServlet("/*")
            public class Any extends HttpServlet {
                @WebSocket
                public static class Quiet {}

                @Override
                protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                    if (request.getRequestURI().equals("/ws")) {
                        JettyWebSocketServerContainer.getContainer(getServletContext())
                                .upgrade((upgrade, answer) -> new Quiet(), request, response);
                        return;
                    }
                    request.getInputStream().readAllBytes();
                    if (request.getQueryString() != null) {
                        try {
                            Thread.sleep(Long.parseLong(request.getQueryString()));
                        } catch (InterruptedException x) {
                            throw new IOException(x);
                        }
                    }
                    response.getWriter().print("hello");
                }
            }
            """;

    /** Starts and stops again and again, as its input says. */
    private static final String APPLICATION = """
            package app;

            import java.util.Scanner;
            import org.springframework.boot.SpringApplication;
            import org.springframework.boot.autoconfigure.SpringBootApplication;
            import org.springframework.boot.web.servlet.ServletRegistrationBean;
            import org.springframework.context.ConfigurableApplicationContext;
            import org.springframework.context.annotation.Bean;

            @SpringBootApplication
            public class Application {
                public static void main(String[] args) {
                    Scanner in = new Scanner(System.in);
                    for (int i = 1; in.hasNext(); i++) {
                        in.next();
                        ConfigurableApplicationContext context = SpringApplication.run(Application.class, args);
                        System.out.println("start " + i + " port "
                                + context.getEnvironment().getProperty("local.server.port") + " ");
                        in.next();
                        long begin = System.nanoTime();
                        context.close();
                        System.out.println("stop " + i + " took " + (System.nanoTime() - begin) / 1_000_000 + " ms");
                    }
                }

                @Bean
                ServletRegistrationBean<Any> any() {
                    return new ServletRegistrationBean<>(new Any(), "/*");
                }
            }
            """;

    private static final int CLIENTS = 20;

    private static final String GET = "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n";

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Side> sides = new ConcurrentHashMap<>();

    private Path directory;
    private Path keys;

    /** A server that starts and stops as its framework does, many times. */
    private interface Side extends AutoCloseable {
        void start() throws Exception;

        int port() throws IOException;

        /** Where it speaks HTTP/2. */
        URI http2() throws IOException;

        /** Milliseconds. */
        long stop() throws Exception;
    }

    private static final class Boot implements Side {
        private final App app;
        private int runs;
        private int port;

        Boot(String boot, boolean strict, Path directory) throws Exception {
            String servlet = boot.equals("spring-boot-3") ? SERVLET : SERVLET.replace(".ee10.", ".ee11.");
            Map<String, String> sources = new HashMap<>(Map.of("Any.java", servlet, "Application.java", APPLICATION));
            if (strict) {
                sources.put("StrictKeepAliveConfiguration.java", SpringBootIT.configuration(boot, 0));
            }
            String classPath = App.classPath(boot);
            App.compile(Files.createDirectories(directory), classPath, sources);
            app = App.start(
                    directory,
                    classPath,
                    "app.Application",
                    "--server.port=0",
                    "--server.address=127.0.0.1",
                    "--server.http2.enabled=true",
                    "--server.shutdown=graceful");
        }

        private String command(String command, String answer) throws Exception {
            app.process().getOutputStream().write((command + "\n").getBytes(US_ASCII));
            app.process().getOutputStream().flush();
            return app.await(Pattern.compile(command + " " + runs + " " + answer + " (\\d+) "));
        }

        @Override
        public void start() throws Exception {
            runs++;
            port = Integer.parseInt(command("start", "port"));
        }

        @Override
        public int port() {
            return port;
        }

        @Override
        public URI http2() {
            return URI.create("http://localhost:" + port + "/hello");
        }

        @Override
        public long stop() throws Exception {
            return Long.parseLong(command("stop", "took"));
        }

        @Override
        public void close() throws Exception {
            app.close();
        }
    }

    private static final class Home implements Side {
        private final JettyHome jetty;

        Home(String version, boolean strict, Path directory, Path keys) throws Exception {
            jetty = JettyHomeIT.base(version, directory, "http,https,http2,graceful,ee10-deploy,ee10-websocket-jetty");
            Path classes = Files.createDirectories(directory.resolve("webapps/root/WEB-INF/classes"));
            App.compile(classes, App.classPath("spring-boot-3"), Map.of("Any.java", SERVLET));
            Files.writeString(directory.resolve("start.d/stop.ini"), """
                    jetty.server.stopTimeout=20000
                    jetty.ssl.host=127.0.0.1
                    jetty.ssl.port=0
                    jetty.sslContext.keyStorePath=%s
                    jetty.sslContext.keyStorePassword=changeit
                    """.formatted(keys));
            if (strict) {
                JettyHomeIT.addTheModule(jetty);
            }
        }

        @Override
        public void start() throws Exception {
            jetty.serve(JettyHome.START);
        }

        @Override
        public int port() throws IOException {
            return jetty.port("HTTP/1.1");
        }

        @Override
        public URI http2() throws IOException {
            return URI.create("https://localhost:" + jetty.port("SSL") + "/hello");
        }

        @Override
        public long stop() throws Exception {
            long begin = System.nanoTime();
            jetty.process().destroy();
            assertTrue(jetty.process().waitFor(60, TimeUnit.SECONDS), "goes on");
            return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
        }

        @Override
        public void close() {
            jetty.close();
        }
    }

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

    private Side side(String framework, boolean strict) throws Exception {
        String name = framework + (strict ? "-strict" : "-plain");
        Side side = sides.get(name);
        if (side == null) {
            Path own = directory.resolve(name);
            side = framework.startsWith("jetty-home-")
                    ? new Home(framework.substring("jetty-home-".length()), strict, own, keys)
                    : new Boot(framework, strict, own);
            sides.put(name, side);
        }
        return side;
    }

    @AfterAll
    void end() throws Exception {
        for (Side side : sides.values()) {
            side.close();
        }
        threads.shutdownNow();
    }

    private static Socket connect(Side side) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), side.port());
        socket.setSoTimeout(60_000);
        return socket;
    }

    private static Socket sent(Side side, String request) throws IOException {
        Socket socket = connect(side);
        socket.getOutputStream().write(request.getBytes(ISO_8859_1));
        return socket;
    }

    private static Socket answered(Side side, String request, String status) throws IOException {
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

    private long stopTime(Held kind, Side side, List<String> ends) throws Exception {
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
                    Socket socket = answered(side, StopBesidePlainIT.WEB_SOCKET_UPGRADE, "101");
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
        Side plain = side(framework, false);
        Side strict = side(framework, true);
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
    private int requestsLost(Side side) throws Exception {
        side.start();
        return SteadyClients.lost(CLIENTS, "/post?20", () -> connect(side), side::stop, threads);
    }

    @ParameterizedTest
    @ValueSource(strings = {"spring-boot-4", "spring-boot-3", "jetty-home-12.1.12", "jetty-home-12.0.30"})
    void aStopLosesNoMoreRequestsThanPlainJettys(String framework) throws Exception {
        Side plain = side(framework, false);
        Side strict = side(framework, true);
        BesidePlain.assertLosesNoMore(
                CLIENTS + " clients, " + framework, () -> requestsLost(plain), () -> requestsLost(strict));
    }
}
