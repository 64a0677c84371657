package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Applications of Spring Boot with the dependency and the classes of the document, as processes. */
class SpringBootIT {
    private static final Path DOCUMENT = Path.of("../connector/docs/spring-boot.md");
    private static final String PACKAGE = "package app;\n\n";
    static final String APPLICATION = PACKAGE + """
            import org.springframework.boot.SpringApplication;
            import org.springframework.boot.autoconfigure.SpringBootApplication;
            import org.springframework.web.bind.annotation.GetMapping;
            import org.springframework.web.bind.annotation.RestController;

            @SpringBootApplication
            @RestController
            public class Application {
                public static void main(String[] args) {
                    SpringApplication.run(Application.class, args);
                }

                @GetMapping("/hello")
                String hello(jakarta.servlet.http.HttpServletRequest request) {
                    return request.getScheme() + " from " + request.getRemoteAddr();
                }

                @GetMapping("/slow")
                String slow() throws InterruptedException {
                    System.out.println("slow request 1 began");
                    Thread.sleep(2000);
                    return "answered at last";
                }
            }
            """;

    @TempDir
    private Path directory;

    private static String request(String path, String fields) {
        return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
    }

    /** All that comes until the server ends the connection. */
    private static String exchange(Socket socket, String requests) throws IOException {
        try (socket) {
            socket.setSoTimeout(60_000);
            socket.getOutputStream().write(requests.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private static String exchange(int port, String requests) throws IOException {
        return exchange(new Socket(InetAddress.getLoopbackAddress(), port), requests);
    }

    private static int count(String text, String part) {
        return text.split(Pattern.quote(part), -1).length - 1;
    }

    /** A class of the document, by its place there. */
    private static String sample(String boot, int index) throws IOException {
        List<String> blocks = new ArrayList<>();
        Matcher matcher = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(DOCUMENT));
        while (matcher.find()) {
            blocks.add(matcher.group(1));
        }
        String source = blocks.get(index);
        String four = "import org.springframework.boot.jetty.ConfigurableJettyWebServerFactory;\n";
        return PACKAGE + (boot.equals("spring-boot-3") ? source.replace(four, blocks.get(2)) : source);
    }

    private App start(String boot, Map<String, String> sources, Map<String, String> variables, String... properties)
            throws Exception {
        String classPath = App.classPath(boot);
        Map<String, String> all = new HashMap<>(sources);
        all.put("Application.java", APPLICATION);
        App.compile(directory, classPath, all);
        List<String> arguments = new ArrayList<>(List.of("--server.port=0", "--server.address=127.0.0.1"));
        arguments.addAll(Arrays.asList(properties));
        return App.start(directory, classPath, variables, "app.Application", arguments.toArray(String[]::new));
    }

    private App start(String boot, String... properties) throws Exception {
        return start(boot, Map.of(), Map.of(), properties);
    }

    private static int port(App app) throws Exception {
        return app.awaitPort("Jetty started on port {} \\(http/1\\.1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"spring-boot-4", "spring-boot-3"})
    void theDependencyGovernsAndBootGoesOnAsItWas(String boot) throws Exception {
        App app = start(
                boot,
                "--server.jetty.connection-idle-timeout=2500ms",
                "--server.max-http-request-header-size=4KB",
                "--server.forward-headers-strategy=native",
                "--server.shutdown=graceful",
                "--management.server.port=0");
        try (app) {
            int port = port(app);
            // Boot's idle timeout is the keep-alive timeout: it is told, and it acts.
            String answer = exchange(port, request("/hello", "Connection: keep-alive\r\n"));
            assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
            assertTrue(answer.contains("Keep-Alive: timeout=1, max=9999\r\n"), answer);
            assertTrue(answer.contains("http from 127.0.0.1"), answer);
            assertEquals(1, count(app.log(), "Strict keep-alive governs "), app.log());

            String many = exchange(port, request("/hello", "").repeat(1002));
            assertEquals(1002, count(many, "HTTP/1.1 200 OK\r\n"));
            assertEquals(0, count(many, "Connection: close\r\n"), "that many are few");

            // Other properties of Boot.
            String forwarded = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 10.1.2.3\r\nConnection: close\r\n";
            answer = exchange(port, request("/hello", forwarded));
            assertTrue(answer.contains("https from 10.1.2.3"), answer);
            answer = exchange(port, request("/hello", "X-Large: " + "x".repeat(5000) + "\r\n"));
            assertTrue(answer.startsWith("HTTP/1.1 431 "), answer);

            // The management port is plain Jetty.
            int management = managementPort(app, port);
            answer = exchange(
                    management,
                    request("/actuator/health", "Connection: keep-alive\r\n")
                            + request("/actuator/health", "Connection: close\r\n"));
            assertEquals(2, count(answer, "HTTP/1.1 200 OK\r\n"), answer);
            assertFalse(answer.contains("Keep-Alive:"), answer);

            // At a graceful shutdown a request in progress is answered, and its connection ends.
            try (Socket slow = new Socket(InetAddress.getLoopbackAddress(), port)) {
                slow.getOutputStream().write(request("/slow", "").getBytes(StandardCharsets.US_ASCII));
                app.await(Pattern.compile("slow request (\\d) began"));
                app.process().destroy();
                answer = exchange(slow, "");
                assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
                assertTrue(answer.endsWith("answered at last"), answer);
            }
            assertTrue(app.process().waitFor(90, TimeUnit.SECONDS));
            assertTrue(app.log().contains("Graceful shutdown complete"), app.log());
        }
        assertFalse(app.log().contains("Exception"), app.log());
    }

    /** The second port in the log. */
    private static int managementPort(App app, int port) throws Exception {
        Pattern other = Pattern.compile("Jetty started on port (?!" + port + "\\b)(\\d+) ");
        return Integer.parseInt(app.await(other));
    }

    @ParameterizedTest
    @ValueSource(strings = {"spring-boot-4", "spring-boot-3"})
    void settingsArePropertiesAndTlsIsBoots(String boot) throws Exception {
        Path keys = Keys.make(directory.resolve("test.p12"));
        Map<String, String> variables = Map.of("STRICTKEEPALIVE_KEEPALIVETIMEOUT", "75s");
        try (App app = start(
                boot,
                Map.of(),
                variables,
                "--strict-keep-alive.max-requests-per-connection=2",
                "--strict-keep-alive.requestHeaderTimeout=7s",
                "--strict-keep-alive.max-connection-age=1d",
                "--server.http2.enabled=true",
                "--server.jetty.max-connections=50",
                "--server.ssl.key-store=" + keys.toUri(),
                "--server.ssl.key-store-password=" + Keys.PASSWORD)) {
            int port = app.awaitPort("Jetty started on port {} \\(ssl, ");
            Socket tls = Keys.trusting(keys).getSocketFactory().createSocket("localhost", port);
            String answers = exchange(tls, request("/hello", "").repeat(3));
            assertEquals(2, count(answers, "HTTP/1.1 200 OK\r\n"), answers);
            assertEquals(1, count(answers, "Connection: close\r\n"), answers);
            assertEquals(2, count(answers, "https from 127.0.0.1"), answers);
            String log = app.log();
            assertTrue(
                    log.contains(": keepAliveTimeout=75s firstRequestTimeout=30s requestHeaderTimeout=7s"
                            + " maxRequestsPerConnection=2 maxConnectionAge=24h "),
                    log);
            HttpClient client =
                    HttpClient.newBuilder().sslContext(Keys.trusting(keys)).build();
            HttpRequest hello = HttpRequest.newBuilder(URI.create("https://localhost:" + port + "/hello"))
                    .build();
            assertEquals(
                    HttpClient.Version.HTTP_2,
                    client.send(hello, BodyHandlers.ofString()).version());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "spring-boot-4,keep-alive-timeout=soon,keepAliveTimeout: soon (expected: a time such as 500ms",
        "spring-boot-4,keep-alive-timout=75s,\"expected: one of enabled, keep-alive-timeout, \"",
        "spring-boot-3,high-at=2,\"highAt: 2.0 (expected: a number, at most 1\""
    })
    void bootReportsAWrongProperty(String boot, String property, String reason) throws Exception {
        try (App app = start(boot, "--strict-keep-alive." + property)) {
            assertTrue(app.process().waitFor(180, TimeUnit.SECONDS));
            String log = app.log();
            assertTrue(log.contains("APPLICATION FAILED TO START"), log);
            assertTrue(log.contains("strict-keep-alive." + property.split("=", -1)[0]), log);
            assertTrue(log.contains(reason.replace("\"", "")), log);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"spring-boot-4", "spring-boot-3"})
    void metersHealthAndTheMonitorAreThere(String boot) throws Exception {
        try (App app = start(
                boot,
                Map.of("KeepAliveController.java", sample(boot, 0)),
                Map.of(),
                "--management.endpoints.web.exposure.include=health,metrics")) {
            int port = port(app);
            String close = "Connection: close\r\n";
            String answer = exchange(port, request("/actuator/metrics/jetty.keepalive.connections.opened", close));
            assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
            answer = exchange(port, request("/keep-alive", close));
            assertTrue(answer.contains("\"level\" : \"NORMAL\""), answer);
            answer = exchange(port, request("/actuator/health", close));
            assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
            exchange(port, "POST /drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + close + "\r\n");
            answer = exchange(port, request("/actuator/health", close));
            assertTrue(answer.startsWith("HTTP/1.1 503 "), answer);
            assertTrue(answer.contains("OUT_OF_SERVICE"), answer);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"spring-boot-4", "spring-boot-3"})
    void anOwnPolicyComesFirst(String boot) throws Exception {
        try (App app = start(
                boot,
                Map.of(
                        "StrictKeepAliveConfiguration.java", sample(boot, 1),
                        "KeepAliveController.java", sample(boot, 0)),
                Map.of(),
                "--strict-keep-alive.max-requests-per-connection=1")) {
            int port = port(app);
            String answers = exchange(port, request("/hello", "").repeat(3));
            assertEquals(2, count(answers, "HTTP/1.1 200 OK\r\n"), answers);
            answers = exchange(port, request("/keep-alive", "Connection: close\r\n"));
            assertTrue(answers.contains("\"opened\" : 2"), answers);
            assertTrue(app.log().contains("The application has installed a policy of its own"), app.log());
        }
    }

    @Test
    void itCanBeSwitchedOff() throws Exception {
        Map<String, String> controller = Map.of("KeepAliveController.java", sample("spring-boot-4", 0));
        try (App app = start("spring-boot-4", controller, Map.of(), "--strict-keep-alive.enabled=false")) {
            String answer = exchange(port(app), request("/hello", "Connection: close\r\n"));
            assertTrue(answer.startsWith("HTTP/1.1 200 OK\r\n"), answer);
            assertEquals(0, count(app.log(), "Strict keep-alive governs "), app.log());
        }
    }
}
