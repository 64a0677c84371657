package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The dependency in a project that has a Jetty of its own, 12.0.30: no version of it moves. */
class DependencyIT {
    private static final String SOURCE = """
            import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
            import org.eclipse.jetty.server.Server;
            import org.eclipse.jetty.server.ServerConnector;
            import org.eclipse.jetty.util.Jetty;
            import org.strictkeepalive.StrictKeepAlive;

            public class Application {
                public static void main(String[] args) throws Exception {
                    Server server = new Server();
                    ServerConnector connector = new ServerConnector(server);
                    connector.setHost("127.0.0.1");
                    server.addConnector(connector);
                    server.setHandler(new ServletContextHandler());
                    StrictKeepAlive.install(server);
                    server.start();
                    System.out.println("Jetty " + Jetty.VERSION + ", " + server.isRunning());
                    server.stop();
                }
            }
            """;

    @Test
    void noVersionOfTheApplicationsJettyMoves(@TempDir Path directory) throws Exception {
        String classPath = App.classPath("jetty-12.0");
        List<String> jetty = Arrays.stream(classPath.split(File.pathSeparator, -1))
                .map(jar -> Path.of(jar).getFileName().toString())
                .filter(jar -> jar.matches("jetty-(?!strict|servlet-api|jakarta).*"))
                .toList();
        assertFalse(jetty.isEmpty(), classPath);
        assertEquals(
                List.of(),
                jetty.stream().filter(jar -> !jar.endsWith("-12.0.30.jar")).toList());

        App.compile(directory, classPath, Map.of("Application.java", SOURCE));
        String output = Serve.run(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                directory + File.pathSeparator + classPath,
                "Application");
        assertEquals(
                "Jetty 12.0.30, true",
                output.lines()
                        .filter(line -> line.startsWith("Jetty "))
                        .findFirst()
                        .orElse(output));
    }
}
