package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/** The server of the document on embedding, compiled as it stands there but for its ports and path. */
final class DocumentedServer {
    private static final Path DOCUMENT = Path.of("../connector/docs/embedded.md");

    private DocumentedServer() {}

    /** The method that starts it, given what it needs for TLS and its handler; it returns the server's parts by name. */
    static Method compile(Path directory) throws Exception {
        Matcher sample = Pattern.compile("```java\n((?:import [^\n]+\n)+)\n(Server server .*?)```", Pattern.DOTALL)
                .matcher(Files.readString(DOCUMENT));
        assertTrue(sample.find());
        String code = sample.group(2)
                .replaceAll("setPort\\(\\d+\\);", "setPort(0);")
                .replace("/run/app.sock", directory.resolve("app.sock").toString());
        String source = sample.group(1) + """
                import java.util.Map;
                import org.eclipse.jetty.server.Handler;
                import org.eclipse.jetty.util.ssl.SslContextFactory;

                public class Embedded {
                    public static Map<String, Object> run(SslContextFactory.Server sslContextFactory, Handler handler)
                            throws Exception {
                """ + code + """
                        return Map.of("server", server, "strict", strict, "clear", clear, "tls", tls, "negotiating",
                                negotiating, "proxied", proxied, "unix", unix, "admin", admin);
                    }
                }
                """;
        App.compile(directory, System.getProperty("java.class.path"), Map.of("Embedded.java", source));
        try (URLClassLoader loader =
                new URLClassLoader(new URL[] {directory.toUri().toURL()})) {
            return loader.loadClass("Embedded").getMethod("run", SslContextFactory.Server.class, Handler.class);
        }
    }
}
