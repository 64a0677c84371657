package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The module of {@code jetty-home}, by the commands of its document. */
class JettyHomeIT {
    private static final Path DOCUMENT = Path.of("../connector/docs/jetty-home.md");
    private static final Path ARCHIVE = Path.of(System.getProperty("jetty-home.archive"));
    private static final String PREFIX = "jetty.strictKeepAlive.";

    @TempDir
    private Path directory;

    /** The blocks of the document that are commands. */
    private static List<String> commands() throws IOException {
        List<String> commands = new ArrayList<>();
        Matcher matcher = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(DOCUMENT));
        while (matcher.find()) {
            commands.add(matcher.group(1));
        }
        assertEquals(2, commands.size());
        return commands;
    }

    private JettyHome base(String version, String modules) throws Exception {
        return base(version, directory.resolve("base"), modules);
    }

    /** A base with a web application, as it was before. */
    static JettyHome base(String version, Path base, String modules) throws Exception {
        JettyHome jetty = new JettyHome(version, base);
        succeed(jetty.start("--add-modules=" + modules));
        Path webapp = Files.createDirectories(jetty.base().resolve("webapps/site"));
        Files.writeString(webapp.resolve("hello.txt"), "Hello, world!");
        Path start = jetty.base().resolve("start.d");
        Files.writeString(
                start.resolve("http.ini"),
                "\njetty.http.host=127.0.0.1\njetty.http.port=0\n",
                StandardOpenOption.APPEND);
        return jetty;
    }

    private static final String LATE_CONNECTOR = """
            <?xml version="1.0"?>
            <!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "https://jetty.org/configure_10_0.dtd">
            <Configure id="Server" class="org.eclipse.jetty.server.Server">
              <Call name="addConnector">
                <Arg>
                  <New class="org.eclipse.jetty.server.ServerConnector">
                    <Arg name="server"><Ref refid="Server"/></Arg>
                    <Set name="host">127.0.0.1</Set>
                    <Set name="acceptQueueSize">1024</Set>
                  </New>
                </Arg>
              </Call>
            </Configure>
            """;

    private static JettyHome.Result succeed(JettyHome.Result result) {
        assertEquals(0, result.exitValue(), result.output());
        return result;
    }

    static void addTheModule(JettyHome jetty, String... settings) throws Exception {
        Files.copy(ARCHIVE, jetty.base().resolve(ARCHIVE.getFileName()));
        JettyHome.Result added = succeed(jetty.run(commands().get(0)));
        assertTrue(added.output().contains("strict-keepalive"), added.output());
        Path ini = jetty.base().resolve("start.d/strict-keepalive.ini");
        Files.writeString(ini, "\n" + String.join("\n", settings) + "\n", StandardOpenOption.APPEND);
    }

    /** Two answers and the end of a connection whose maximum is two requests. */
    private static void assertGoverned(Socket socket) throws IOException {
        try (socket) {
            socket.setSoTimeout(28_000);
            String first = get(socket);
            assertTrue(first.startsWith("HTTP/1.1 200 "), first);
            assertFalse(first.contains("Connection: close"), first);
            String second = get(socket);
            assertTrue(second.contains("Connection: close"), second);
            assertEquals(-1, socket.getInputStream().read());
        }
    }

    private static String get(Socket socket) throws IOException {
        socket.getOutputStream()
                .write("GET /site/hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        InputStream in = socket.getInputStream();
        StringBuilder answer = new StringBuilder();
        while (answer.indexOf("Hello, world!") < 0) {
            int read = in.read();
            if (read < 0) {
                throw new IOException("ended after: " + answer);
            }
            answer.append((char) read);
        }
        return answer.toString();
    }

    private static Socket connect(int port) throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), port);
    }

    private static Socket handshake(Path keys, int port) throws Exception {
        SSLContext context = Keys.trusting(keys);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(connect(port), "localhost", port, true);
        socket.startHandshake();
        return socket;
    }

    @ParameterizedTest
    @CsvSource({"12.1.12,ee10", "12.1.12,ee11", "12.0.30,ee10"})
    void theCommandsOfTheDocumentGovernHttpAndHttps(String version, String environment) throws Exception {
        try (JettyHome jetty = base(version, "http,https,http2,http2c," + environment + "-deploy")) {
            Path keys = Keys.make(
                    Files.createDirectories(jetty.base().resolve("etc")).resolve("test.p12"));
            Files.writeString(jetty.base().resolve("start.d/keys.ini"), """
                    jetty.ssl.host=127.0.0.1
                    jetty.ssl.port=0
                    jetty.sslContext.keyStorePath=etc/test.p12
                    jetty.sslContext.keyStorePassword=changeit
                    """);
            // A connector that comes behind the module's file.
            Files.writeString(jetty.base().resolve("etc/late.xml"), LATE_CONNECTOR);
            Files.writeString(jetty.base().resolve("start.d/late.ini"), "etc/late.xml\n");
            addTheModule(jetty, PREFIX + "maxRequestsPerConnection=2", PREFIX + "keepAliveTimeout=500");

            String config = succeed(jetty.start("--list-config")).output();
            assertTrue(config.contains("lib/strict-keepalive/jetty-strict-keepalive-"), config);
            assertTrue(config.contains("etc/jetty-strict-keepalive.xml"), config);
            assertTrue(config.contains(PREFIX + "maxRequestsPerConnection = 2"), config);
            String dryRun = succeed(jetty.start("--dry-run")).output();
            assertTrue(dryRun.contains("etc/jetty-strict-keepalive.xml"), dryRun);

            jetty.serve(commands().get(1));
            assertGoverned(connect(jetty.port("HTTP/1.1")));
            assertGoverned(handshake(keys, jetty.port("SSL")));
            // The keep-alive timeout acts, although the connector's own is 30 s.
            try (Socket idle = connect(jetty.port("HTTP/1.1"))) {
                idle.setSoTimeout(28_000);
                get(idle);
                assertEquals(-1, idle.getInputStream().read());
            }
            String governs = jetty.log()
                    .lines()
                    .filter(line -> line.contains("Strict keep-alive governs "))
                    .reduce((one, other) -> one + "\n" + other)
                    .orElse("");
            assertEquals(4, governs.split("ServerConnector@", -1).length, governs);
            assertTrue(governs.contains("h2c") && governs.contains("alpn, h2"), governs);
            assertFalse(jetty.log().contains("WARN :os."), jetty.log());
            assertFalse(jetty.log().contains("Exception"), jetty.log());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"12.1.12", "12.0.30"})
    void itRunsOnTheModulePath(String version) throws Exception {
        try (JettyHome jetty = base(version, "http,ee10-deploy")) {
            addTheModule(jetty, PREFIX + "maxRequestsPerConnection=2");
            jetty.serve(JettyHome.START + " --jpms");
            assertGoverned(connect(jetty.port("HTTP/1.1")));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "12.1.12,keepAliveTimeout=75x,'keepAliveTimeout: 75x (expected: a time such as 500ms, 75s, 2m or 1h, at most'",
        "12.0.30,keepAliveTimeout=75x,'keepAliveTimeout: 75x (expected: a time such as 500ms, 75s, 2m or 1h, at most'",
        "12.1.12,highAt=0.6,'highAt: 0.6 (expected: more than elevatedAt, which is 0.7)'",
        "12.0.30,pauseAcceptWhenCritical=yes,pauseAcceptWhenCritical: yes (expected: true or false)"
    })
    void aWrongValueStopsTheStart(String version, String setting, String message) throws Exception {
        JettyHome jetty = base(version, "http,ee10-deploy");
        addTheModule(jetty, PREFIX + setting);
        JettyHome.Result result = jetty.start("");
        assertNotEquals(0, result.exitValue(), result.output());
        assertTrue(result.output().contains("IllegalArgumentException: " + message), result.output());
    }
}
