package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringWriter;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

class ReadmeSampleTest {
    @Test
    void embeddedSampleOfTheReadmeCompilesAndServes(@TempDir Path directory) throws Exception {
        String readme = Files.readString(Path.of("..", "README.md"));
        int from = readme.indexOf("```java\n") + "```java\n".length();
        String sample = readme.substring(from, readme.indexOf("```", from));
        String imports =
                sample.lines().filter(line -> line.startsWith("import ")).collect(Collectors.joining("\n"));
        String lines =
                sample.lines().filter(line -> !line.startsWith("import ")).collect(Collectors.joining("\n"));
        assertTrue(lines.contains("new Server(8080)") && lines.contains("StrictKeepAlive.install(server);"), sample);
        Path source = directory.resolve("Sample.java");
        Files.writeString(source, imports + """

                public class Sample implements java.util.concurrent.Callable<Server> {
                    public Server call() throws Exception {
                """ + lines.replace("8080", "0") + "\nreturn server; } }");
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
        assertTrue(compiled, errors::toString);

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
