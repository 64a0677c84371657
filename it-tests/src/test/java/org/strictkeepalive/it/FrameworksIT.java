package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The programs of the page on frameworks, each beside itself without the policy. */
@Isolated // It measures.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FrameworksIT {
    private static final boolean ALL = System.getProperty("frameworks.all") != null;

    /** Has loaders of its own for all but the JDK, and no connector. */
    private static final String LAUNCHER = """
            import java.io.File;
            import java.net.URL;
            import java.net.URLClassLoader;
            import java.util.ArrayList;
            import java.util.List;

            public class Application {
                public static void main(String[] args) throws Exception {
                    List<URL> urls = new ArrayList<>();
                    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                        if (!new File(entry).getName().startsWith("jetty-strict-keepalive")) {
                            urls.add(new File(entry).toURI().toURL());
                        }
                    }
                    ClassLoader loader =
                            new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
                    Thread.currentThread().setContextClassLoader(loader);
                    loader.loadClass("Launched").getMethod("main", String[].class).invoke(null, (Object) args);
                }
            }
            """;

    private static final int LEAKY = 400;
    private static final int LEAKY_A_SECOND = 40;
    private static final int VISITORS = 150;
    private static final long VISIT_EVERY_MS = 100;
    private static final long DEADLINE_MS = 2000;
    private static final double LEAST_SERVED = 0.95;
    private static final int IDLE = 20;

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @TempDir
    private static Path directory;

    private KafkaBroker broker;

    @AfterAll
    void end() throws Exception {
        threads.shutdownNow();
        if (broker != null) {
            broker.close();
        }
    }

    private static Path fresh() throws IOException {
        return Files.createTempDirectory(directory, "app");
    }

    private FrameworkApp start(Framework framework, boolean strict) throws Exception {
        int port = FrameworkApp.freePort();
        return start(framework, port, strict, framework.sources(port, strict));
    }

    private FrameworkApp start(Framework framework, int port, boolean strict, Map<String, String> sources)
            throws Exception {
        Path own = fresh();
        String agent = strict && framework.takesTheAgent() ? "maxRequestsPerConnection=1000" : null;
        FrameworkApp app =
                FrameworkApp.start(framework, own, port, sources, agent, arguments(framework, own, port, strict));
        assertEquals(strict, app.isGoverned(), app.log());
        return app;
    }

    private synchronized String[] arguments(Framework framework, Path own, int port, boolean strict) throws Exception {
        return switch (framework) {
            case DROPWIZARD -> new String[] {"server", dropwizard(own, port).toString()};
            case SPRING_BOOT_4, SPRING_BOOT_3 ->
                new String[] {
                    "--server.port=" + port,
                    "--server.address=127.0.0.1",
                    "--server.shutdown=graceful",
                    "--strict-keep-alive.enabled=" + strict
                };
            case FUSEKI_SERVER -> new String[] {"--port", Integer.toString(port), "--mem", "/data"};
            case KAFKA_CONNECT -> {
                if (broker == null) {
                    broker = new KafkaBroker(fresh());
                }
                yield new String[] {broker.connect(own, port).toString()};
            }
            default -> new String[0];
        };
    }

    private static Path dropwizard(Path own, int port) throws IOException {
        return Files.writeString(own.resolve("config.yml"), """
                server:
                  type: simple
                  applicationContextPath: /
                  adminContextPath: /admin
                  connector:
                    type: h2c
                    port: %d
                """.formatted(port));
    }

    /** How many of the visitors are served while clients come that never close. */
    private int served(FrameworkApp app) throws Exception {
        List<Future<Boolean>> visits = new ArrayList<>();
        try (Attack attack = new Attack(app.http(), List.of(Attackers.Kind.LEAKY), LEAKY, LEAKY_A_SECOND)) {
            long next = System.nanoTime();
            for (int i = 0; i < VISITORS; i++) {
                visits.add(threads.submit(() -> app.answers(DEADLINE_MS)));
                next += TimeUnit.MILLISECONDS.toNanos(VISIT_EVERY_MS);
                Http.pause(Math.max(0, TimeUnit.NANOSECONDS.toMillis(next - System.nanoTime())));
            }
            int served = 0;
            for (Future<Boolean> visit : visits) {
                served += visit.get() ? 1 : 0;
            }
            return served;
        }
    }

    private static void assumeRuns(Framework framework) throws IOException {
        assumeTrue(ALL || framework.isInDefaultBuild(), "-Dframeworks.all=true");
        FrameworkApp.jdk(framework.java());
    }

    @ParameterizedTest
    @EnumSource
    void visitorsAreServedWhereClientsLeaveConnectionsOpen(Framework framework) throws Exception {
        assumeRuns(framework);
        Future<FrameworkApp> starting = threads.submit(() -> start(framework, false));
        try (FrameworkApp strict = start(framework, true);
                FrameworkApp plain = starting.get()) {
            Future<Integer> beside = threads.submit(() -> served(plain));
            int strictServed = served(strict);
            int plainServed = beside.get();
            String figures = framework + ": of " + VISITORS + " visitors, plain served " + plainServed + ", strict "
                    + strictServed;
            System.out.println(figures);
            assertTrue(strictServed >= LEAST_SERVED * VISITORS, figures);
            assertTrue(strictServed >= plainServed, figures);
        }
    }

    private long stopTime(Framework framework, boolean strict) throws Exception {
        List<Socket> idle = new ArrayList<>();
        try (FrameworkApp app = start(framework, strict)) {
            for (int i = 0; i < IDLE; i++) {
                idle.add(app.idle());
            }
            return app.stop();
        } finally {
            for (Socket socket : idle) {
                socket.close();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aStopWithIdleConnectionsTakesNoLonger(Framework framework) throws Exception {
        assumeRuns(framework);
        BesidePlain.assertNoLonger(
                IDLE + " idle connections, " + framework,
                threads,
                () -> stopTime(framework, false),
                () -> stopTime(framework, true));
    }

    /** The program of the page with a line more. */
    private FrameworkApp startJavalin(String line) throws Exception {
        int port = FrameworkApp.freePort();
        Map<String, String> sources = new HashMap<>(Framework.JAVALIN.sources(port, true));
        String before = "config.routes.get(\"/\",";
        sources.computeIfPresent(
                "Application.java",
                (name, source) -> source.replace(before, line.replace("8080", "" + port) + "\n            " + before));
        return start(Framework.JAVALIN, port, true, sources);
    }

    @Test
    void anIdleWebSocketSurvivesPressure() throws Exception {
        try (FrameworkApp app = startJavalin("config.routes.ws(\"/ws\", socket -> {});");
                Socket socket = app.http().connect(DEADLINE_MS)) {
            socket.getOutputStream().write(BesideServer.WEB_SOCKET.getBytes(ISO_8859_1));
            String answer = new String(socket.getInputStream().readNBytes(12), ISO_8859_1);
            assertEquals("HTTP/1.1 101", answer);
            assertTrue(served(app) >= LEAST_SERVED * VISITORS);

            // A ping, masked with zeros, and its pong.
            socket.getOutputStream().write(new byte[] {(byte) 0x89, (byte) 0x80, 0, 0, 0, 0});
            socket.setSoTimeout((int) TimeUnit.SECONDS.toMillis(60));
            InputStream in = socket.getInputStream();
            int last = 0;
            for (int read = in.read(); !(last == 0x8a && read == 0); read = in.read()) {
                assertTrue(read >= 0, "closed");
                last = read;
            }
        }
    }

    @Test
    void aRouteShowsTheState() throws Exception {
        int port = FrameworkApp.freePort();
        Map<String, String> sources = Map.of(
                "Application.java",
                Framework.JAVALIN
                        .sources(port, true)
                        .get("StatusApplication.java")
                        .replace("StatusApplication", "Application"));
        try (FrameworkApp app = start(Framework.JAVALIN, port, true, sources)) {
            String status =
                    app.http().get("/status", TimeUnit.SECONDS.toMillis(60)).body();
            assertTrue(status.contains("\"level\" : \"NORMAL\""), status);
        }
    }

    private static void assertHttp2(FrameworkApp app) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + app.http().address().getPort() + "/"))
                .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
        assertEquals(HttpClient.Version.HTTP_2, answer.version());
        assertEquals(200, answer.statusCode());
    }

    @Test
    void http2WorksInJavalin() throws Exception {
        try (FrameworkApp app = startJavalin("""
                config.jetty.addConnector((server, http) -> {
                    var connector = new org.eclipse.jetty.server.ServerConnector(
                            server,
                            new org.eclipse.jetty.server.HttpConnectionFactory(http),
                            new org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory(http));
                    connector.setPort(8080);
                    return connector;
                });
                """)) {
            assertHttp2(app);
        }
    }

    @Test
    void http2WorksInDropwizard() throws Exception {
        try (FrameworkApp app = start(Framework.DROPWIZARD, true)) {
            assertHttp2(app);
        }
    }

    /** By the factory that it puts around Jetty's. */
    @Test
    void dropwizardGoesOnCountingConnections() throws Exception {
        try (FrameworkApp app = start(Framework.DROPWIZARD, true)) {
            URI metrics = URI.create("http://localhost:" + app.http().address().getPort() + "/admin/metrics");
            HttpClient client =
                    HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
            HttpRequest request = HttpRequest.newBuilder(metrics).build();
            Pattern counted = Pattern.compile("HttpConnectionFactory\\.\\d+\\.connections\":\\{\"count\":[1-9]");
            await().until(() -> counted.matcher(
                            client.send(request, BodyHandlers.ofString()).body())
                    .find());
        }
    }

    @Test
    void theAgentGovernsAProgramThatDoesNotKnowIt() throws Exception {
        int port = FrameworkApp.freePort();
        Map<String, String> plain = Framework.JAVALIN.sources(port, false);
        String options = "keepAliveTimeout=75s,maxRequestsPerConnection=1000";
        try (FrameworkApp app = FrameworkApp.start(Framework.JAVALIN, fresh(), port, plain, options);
                Socket socket = app.http().connect(DEADLINE_MS)) {
            String head = app.head(socket, "Connection: keep-alive");
            assertTrue(head.contains("\r\nKeep-Alive: timeout=74, max=999\r\n"), head);
            assertTrue(app.log().contains("Strict keep-alive governs "), app.log());
        }
    }

    /** As in a program that loads its libraries itself, such as the jar of Spring Boot. */
    @Test
    void theAgentGovernsAJettyThatTheClassPathOfTheJvmDoesNotHave() throws Exception {
        int port = FrameworkApp.freePort();
        String application = Framework.JAVALIN.sources(port, false).get("Application.java");
        Map<String, String> sources = Map.of(
                "Application.java",
                LAUNCHER,
                "Launched.java",
                application.replace("class Application", "class Launched"));
        String options = "maxRequestsPerConnection=1000";
        try (FrameworkApp app = FrameworkApp.start(Framework.JAVALIN, fresh(), port, sources, options);
                Socket socket = app.http().connect(DEADLINE_MS)) {
            String head = app.head(socket, "Connection: keep-alive");
            assertTrue(head.contains("\r\nKeep-Alive: timeout=29, max=999\r\n"), head);
        }
    }

    @Test
    void aWrongOptionOfTheAgentStopsTheStart() throws Exception {
        int port = FrameworkApp.freePort();
        Map<String, String> plain = Framework.JAVALIN.sources(port, false);
        try (FrameworkApp app =
                FrameworkApp.launch(Framework.JAVALIN, fresh(), port, plain, "highAt=0.8,keepAliveTimeout=soon")) {
            assertTrue(app.process().waitFor(60, TimeUnit.SECONDS));
            assertEquals(1, app.process().exitValue());
            assertTrue(app.log().startsWith("strict-keepalive agent: keepAliveTimeout: soon (expected: "), app.log());
            assertFalse(app.log().contains("\tat "), app.log());
        }
    }
}
