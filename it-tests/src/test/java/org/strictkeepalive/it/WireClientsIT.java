package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.strictkeepalive.KeepAlivePolicy;

/** What real clients make of an answer: the same from strict as from plain, whole or cut. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WireClientsIT {
    private static final int CURL_PARTIAL_FILE = 18;

    /** Sends the head of a POST without its body, or a GET, and tells what it reads. */
    private static final String PYTHON = """
            import http.client, sys
            connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
            connection.putrequest(sys.argv[3], "/" + sys.argv[2])
            if sys.argv[3] == "POST":
                connection.putheader("Content-Length", "5")
            connection.endheaders()
            try:
                response = connection.getresponse()
                print(response.status, response.read())
            except Exception as x:
                print(type(x).__name__)
            """;

    private WireServer plain;
    private WireServer strict;
    private WireServer last;

    @TempDir
    private Path directory;

    @BeforeAll
    void start() throws Exception {
        plain = new WireServer(null);
        strict = new WireServer(KeepAlivePolicy.defaults());
        last = new WireServer(
                KeepAlivePolicy.builder().maxRequestsPerConnection(1).build());
    }

    @AfterAll
    void stop() throws Exception {
        for (WireServer server : new WireServer[] {plain, strict, last}) {
            if (server != null) {
                server.close();
            }
        }
    }

    static Stream<String> paths() {
        return Stream.of(
                "cut-throw",
                "cut-fail",
                "cut-length",
                "cut-empty",
                "chunks",
                "flush",
                "length",
                "servlet/flush-throw",
                "servlet/length-throw");
    }

    private static void assumeProgram(String name) {
        assumeTrue(
                Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .anyMatch(directory -> Files.isExecutable(Path.of(directory, name))),
                () -> "no " + name);
    }

    /** The exit code of a program, and its output. */
    private String run(String... command) throws Exception {
        Path output = Files.createTempFile(directory, "output", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("hangs: " + String.join(" ", command));
        }
        return process.exitValue() + " " + Files.readString(output, StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest
    @MethodSource("paths")
    void pythonReadsTheSame(String path) throws Exception {
        assumeProgram("python3");
        Path script = Files.writeString(directory.resolve("client.py"), PYTHON);
        for (String method : List.of("GET", "POST")) {
            List<String> seen = new ArrayList<>();
            for (WireServer server : List.of(plain, strict, last)) {
                seen.add(run("python3", script.toString(), "" + server.port(), path, method));
            }
            // What plain does with an unread body behind the last byte is its own: see WireDifference.
            assertEquals(seen.get(0), seen.get(1), method);
            assertEquals(seen.get(0), seen.get(2), method);
            assertEquals(
                    path.contains("cut") || path.contains("throw"), seen.get(0).contains("IncompleteRead"));
        }
    }

    @ParameterizedTest
    @MethodSource("paths")
    void curlEndsTheSame(String path) throws Exception {
        assumeProgram("curl");
        List<String> seen = new ArrayList<>();
        for (WireServer server : List.of(plain, strict, last)) {
            seen.add(run("curl", "-s", "--http1.1", "http://127.0.0.1:" + server.port() + "/" + path));
        }
        assertEquals(seen.get(0), seen.get(1));
        assertEquals(seen.get(0), seen.get(2));
        if (path.contains("cut") || path.contains("throw")) {
            assertTrue(seen.get(0).startsWith(CURL_PARTIAL_FILE + " "), seen.get(0));
        }
    }

    /** A benchmark of HTTP/1.0: a response that ends with the close is no response that keeps the connection. */
    @Test
    void apacheBenchFailsNoMoreOftenThanWithPlain() throws Exception {
        assumeProgram("ab");
        for (String path : List.of("ok", "chunks", "length", "own-keep-alive-chunks", "lower-idle")) {
            assertEquals("0", failures(plain, path), path);
            assertEquals("0", failures(strict, path), path);
        }
    }

    private String failures(WireServer server, String path) throws Exception {
        String report = run("ab", "-k", "-n", "100", "-c", "1", "http://127.0.0.1:" + server.port() + "/" + path);
        Matcher failed = Pattern.compile("Failed requests: +(\\d+)").matcher(report);
        assertTrue(failed.find(), report);
        return failed.group(1);
    }
}
