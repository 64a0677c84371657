package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.StringTokenizer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Applications on the module path and on the class path, with the jars of HTTP/2 and without. */
class ModulePathIT {
    private static final Pattern JARS =
            Pattern.compile("(slf4j-api|jetty-(http|io|server|strict-keepalive|util))-\\d.*(?<!-tests)\\.jar");
    private static final Pattern JAR_OF_THE_LOG = Pattern.compile("jetty-slf4j-impl-\\d.*(?<!-tests)\\.jar");
    private static final Pattern JARS_OF_HTTP2 = Pattern.compile("jetty-http2-(common|hpack|server)-\\d.*\\.jar");
    private static final String MODULE_INFO = "module app { requires org.strictkeepalive; }";
    private static final String MODULE_INFO_OF_HTTP2 =
            "module app { requires org.strictkeepalive; requires org.eclipse.jetty.http2.server;"
                    + " requires java.net.http; }";
    private static final String MAIN = """
            package app;

            import java.net.URI;
            import org.eclipse.jetty.server.Server;
            import org.eclipse.jetty.server.ServerConnector;
            import org.strictkeepalive.DescriptorMonitor;
            import org.strictkeepalive.StrictKeepAlive;

            public class Main {
                public static void main(String[] args) throws Exception {
                    Server server = new Server();
                    ServerConnector connector = new ServerConnector(server);
                    server.addConnector(connector);
                    StrictKeepAlive strict = StrictKeepAlive.install(server);
                    server.start();
                    URI uri = URI.create("http://127.0.0.1:" + connector.getLocalPort() + "/");
                    int status = ((java.net.HttpURLConnection) uri.toURL().openConnection()).getResponseCode();
                    DescriptorMonitor monitor = strict.getDescriptorMonitor();
                    boolean limited = monitor.getDescriptorLimit() > 0 && monitor.getUsedDescriptors() > 0;
                    System.out.println(StrictKeepAlive.class.getModule() + " " + status + " " + limited);
                    server.stop();
                }
            }
            """;

    private static final String MAIN_OF_HTTP2 = """
            package app;

            import java.net.URI;
            import java.net.http.HttpClient;
            import java.net.http.HttpRequest;
            import java.net.http.HttpResponse;
            import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
            import org.eclipse.jetty.server.HttpConfiguration;
            import org.eclipse.jetty.server.HttpConnectionFactory;
            import org.eclipse.jetty.server.Server;
            import org.eclipse.jetty.server.ServerConnector;
            import org.strictkeepalive.StrictKeepAlive;

            public class Main {
                public static void main(String[] args) throws Exception {
                    Server server = new Server();
                    HttpConfiguration config = new HttpConfiguration();
                    ServerConnector connector = new ServerConnector(
                            server, new HttpConnectionFactory(config), new HTTP2CServerConnectionFactory(config));
                    server.addConnector(connector);
                    StrictKeepAlive strict = StrictKeepAlive.install(server);
                    server.start();
                    URI uri = URI.create("http://127.0.0.1:" + connector.getLocalPort() + "/");
                    HttpResponse<Void> response = HttpClient.newHttpClient()
                            .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
                    System.out.println(response.version() + " " + response.statusCode() + " "
                            + strict.getDescriptorMonitor().getStatistics().getConnectionsByProtocol());
                    server.stop();
                }
            }
            """;

    private static final String NOT_GOVERNED = "speaks HTTP/2, whose connections are not governed";

    /** HTTP/2 of somebody else, who doesn't need Jetty's. */
    private static final String MAIN_OF_OTHER_HTTP2 = """
            package app;

            import org.eclipse.jetty.io.Connection;
            import org.eclipse.jetty.io.EndPoint;
            import org.eclipse.jetty.server.AbstractConnectionFactory;
            import org.eclipse.jetty.server.Connector;
            import org.eclipse.jetty.server.HttpConnectionFactory;
            import org.eclipse.jetty.server.Server;
            import org.eclipse.jetty.server.ServerConnector;
            import org.strictkeepalive.StrictKeepAlive;

            public class Main {
                public static void main(String[] args) throws Exception {
                    Server server = new Server();
                    server.addConnector(new ServerConnector(
                            server, new HttpConnectionFactory(), new AbstractConnectionFactory("h2c") {
                                @Override
                                public Connection newConnection(Connector connector, EndPoint endPoint) {
                                    throw new UnsupportedOperationException();
                                }
                            }));
                    StrictKeepAlive.install(server);
                    server.start();
                    System.out.println(server.getState());
                    server.stop();
                }
            }
            """;

    @TempDir
    private Path directory;

    private static String jars() {
        return jars(JARS.asMatchPredicate());
    }

    private static String jarsAndHttp2() {
        return jars(JARS.asMatchPredicate().or(JARS_OF_HTTP2.asMatchPredicate()));
    }

    private static String jars(Predicate<String> wanted) {
        StringJoiner modules = new StringJoiner(File.pathSeparator);
        StringTokenizer paths = new StringTokenizer(System.getProperty("java.class.path"), File.pathSeparator);
        while (paths.hasMoreTokens()) {
            String path = paths.nextToken();
            if (wanted.test(Path.of(path).getFileName().toString())) {
                modules.add(path);
            }
        }
        return modules.toString();
    }

    private String run(String tool, String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", tool).toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectError(directory.resolve("errors").toFile())
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> output + errors());
        return output;
    }

    private String errors() {
        try {
            return Files.readString(directory.resolve("errors"));
        } catch (IOException x) {
            return x.toString();
        }
    }

    private void write(String moduleInfo, String main) throws IOException {
        Files.writeString(directory.resolve("module-info.java"), moduleInfo);
        Files.writeString(directory.resolve("Main.java"), main);
    }

    @Test
    void aModularApplicationServesAndKnowsItsDescriptors() throws Exception {
        write(MODULE_INFO, MAIN);
        run("javac", "-p", jars(), "-d", "app", "module-info.java", "Main.java");
        String output = run("java", "-p", jars() + File.pathSeparator + "app", "-m", "app/app.Main");
        assertEquals("module org.strictkeepalive 404 true", output.trim());
    }

    @Test
    void noJarOfHttp2IsNeededOnTheClassPath() throws Exception {
        write(MODULE_INFO, MAIN);
        run("javac", "-cp", jars(), "-d", "app", "Main.java");
        String output = run("java", "-cp", jars() + File.pathSeparator + "app", "app.Main");
        assertTrue(output.startsWith("unnamed module"), output);
        assertTrue(output.trim().endsWith(" 404 true"), output);
    }

    @Test
    void aModularApplicationHasItsHttp2Governed() throws Exception {
        write(MODULE_INFO_OF_HTTP2, MAIN_OF_HTTP2);
        run("javac", "-p", jarsAndHttp2(), "-d", "app", "module-info.java", "Main.java");
        String output = run("java", "-p", jarsAndHttp2() + File.pathSeparator + "app", "-m", "app/app.Main");
        assertEquals("HTTP_2 404 {HTTP/1.1=0, HTTP/2=1, none=0}", output.trim());
    }

    @Test
    void http2ThatCannotBeGovernedIsWarnedOfAtStart() throws Exception {
        write(MODULE_INFO, MAIN_OF_OTHER_HTTP2);
        run("javac", "-cp", jars(), "-d", "app", "Main.java");
        String path = jars(JARS.asMatchPredicate().or(JAR_OF_THE_LOG.asMatchPredicate())) + File.pathSeparator + "app";
        assertEquals("STARTED", run("java", "-cp", path, "app.Main").trim());
        assertTrue(errors().contains(NOT_GOVERNED), errors());
    }

    @Test
    void http2ThatIsGovernedIsNotWarnedOf() throws Exception {
        write(MODULE_INFO_OF_HTTP2, MAIN_OF_HTTP2);
        run("javac", "-cp", jarsAndHttp2(), "-d", "app", "Main.java");
        String path = jars(JARS.asMatchPredicate()
                        .or(JARS_OF_HTTP2.asMatchPredicate())
                        .or(JAR_OF_THE_LOG.asMatchPredicate()))
                + File.pathSeparator + "app";
        String output = run("java", "-cp", path, "app.Main");
        assertEquals("HTTP_2 404 {HTTP/1.1=0, HTTP/2=1, none=0}", output.trim());
        assertFalse(errors().contains(NOT_GOVERNED), errors());
        assertTrue(errors().contains("Started"), errors());
    }
}
