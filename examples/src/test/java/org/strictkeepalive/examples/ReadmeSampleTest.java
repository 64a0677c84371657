package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/** The samples of the documents compile with the imports that they show. Those of frameworks have tests of their own. */
class ReadmeSampleTest {
    private static String imports(String sample) {
        return sample.lines().filter(line -> line.startsWith("import ")).collect(Collectors.joining("\n"));
    }

    private static String statements(String sample) {
        return sample.lines().filter(line -> !line.startsWith("import ")).collect(Collectors.joining("\n"));
    }

    private static void compile(Path directory, String name, String code) throws IOException {
        Path source = directory.resolve(name + ".java");
        Files.writeString(source, code);
        StringWriter errors = new StringWriter();
        boolean compiled = ToolProvider.getSystemJavaCompiler()
                .getTask(
                        errors,
                        null,
                        null,
                        List.of("-proc:none", "-d", directory.toString(), "-cp", System.getProperty("java.class.path")),
                        null,
                        ToolProvider.getSystemJavaCompiler()
                                .getStandardFileManager(null, null, null)
                                .getJavaFileObjects(source))
                .call();
        assertTrue(compiled, () -> errors + code);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "README.md",
                "connector/docs/embedded.md",
                "connector/docs/operations.md",
                "connector/docs/proxies.md"
            })
    void everySampleCompilesWithItsImports(String document, @TempDir Path directory) throws Exception {
        Matcher samples = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("..").resolve(document)));
        int count = 0;
        while (samples.find()) {
            String sample = samples.group(1);
            assertTrue(sample.startsWith("import "), sample);
            if (sample.contains("Server server =")) {
                continue; // The tests that run these compile them.
            }
            String name = "Sample" + count++;
            String given =
                    sample.contains("StrictKeepAlive strict") ? "" : ", org.strictkeepalive.StrictKeepAlive strict";
            compile(directory, name, imports(sample) + """

                    public class %s {
                        interface Alerts { void send(String what); }
                        void run(org.eclipse.jetty.server.Server server%s, Alerts alerts,
                                org.eclipse.jetty.server.Handler application,
                                org.eclipse.jetty.server.HttpConfiguration config,
                                io.micrometer.core.instrument.MeterRegistry registry) throws Exception {
                    """.formatted(name, given) + statements(sample) + "\n} }");
        }
        assertTrue(count > 0);
    }

    @Test
    void embeddedSampleOfTheReadmeCompilesAndServes(@TempDir Path directory) throws Exception {
        String readme = Files.readString(Path.of("..", "README.md"));
        int from = readme.indexOf("```java\n") + "```java\n".length();
        String sample = readme.substring(from, readme.indexOf("```", from));
        String lines = statements(sample);
        assertTrue(lines.contains("new Server(8080)") && lines.contains("StrictKeepAlive.install(server);"), sample);
        compile(directory, "Sample", imports(sample) + """

                public class Sample implements java.util.concurrent.Callable<Server> {
                    public Server call() throws Exception {
                """ + lines.replace("8080", "0") + "\nreturn server; } }");
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {directory.toUri().toURL()})) {
            Object instance = loader.loadClass("Sample").getConstructor().newInstance();
            Server server = (Server) ((java.util.concurrent.Callable<?>) instance).call();
            try {
                ServerConnector connector = (ServerConnector) server.getConnectors()[0];
                assertTrue(connector.getDefaultConnectionFactory() instanceof StrictKeepAliveConnectionFactory);
                HttpURLConnection connection =
                        (HttpURLConnection) URI.create("http://localhost:" + connector.getLocalPort() + "/")
                                .toURL()
                                .openConnection();
                assertEquals(404, connection.getResponseCode());
            } finally {
                server.stop();
            }
        }
    }
}
