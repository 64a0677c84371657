package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.StringTokenizer;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A modular application that requires nothing but the connector's module. */
class ModulePathIT {
    private static final Pattern MODULES =
            Pattern.compile("(slf4j-api|jetty-(http|io|server|strict-keepalive|util))-\\d.*(?<!-tests)\\.jar");
    private static final String MODULE_INFO = "module app { requires org.strictkeepalive; }";
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

    @TempDir
    private Path directory;

    private static String modulePath() {
        StringJoiner modules = new StringJoiner(File.pathSeparator);
        StringTokenizer paths = new StringTokenizer(System.getProperty("java.class.path"), File.pathSeparator);
        while (paths.hasMoreTokens()) {
            String path = paths.nextToken();
            if (MODULES.matcher(Path.of(path).getFileName().toString()).matches()) {
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

    @Test
    void aModularApplicationServesAndKnowsItsDescriptors() throws Exception {
        Files.writeString(directory.resolve("module-info.java"), MODULE_INFO);
        Files.writeString(directory.resolve("Main.java"), MAIN);
        run("javac", "-p", modulePath(), "-d", "app", "module-info.java", "Main.java");
        String output = run("java", "-p", modulePath() + File.pathSeparator + "app", "-m", "app/app.Main");
        assertEquals("module org.strictkeepalive 404 true", output.trim());
    }
}
