package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.util.Jetty;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A servlet application is the same on plain Jetty and on strict, but for what the policy states. */
@ParameterizedClass
@ValueSource(strings = {"ee10", "ee11", "ee8"})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ServletIT {
    private static final Path SOURCE = Path.of("src/test/java/org/strictkeepalive/it/ServletApp.java");
    private static final String LAST = request("GET", "echo/last", "Connection: close\r\n", "");

    @Parameter
    private String environment;

    private App app;
    private int plain;
    private int strict;

    @BeforeParameterizedClassInvocation
    void start(String name, @TempDir Path directory) throws Exception {
        assumeFalse(environment.equals("ee11") && Jetty.VERSION.startsWith("12.0."), "no ee11 in " + Jetty.VERSION);
        assumeFalse(
                environment.equals("ee8") && !System.getProperty("jetty.built").equals(Jetty.VERSION),
                "ee8 is run with the version of the build only");
        String classPath =
                environment.equals("ee10") ? System.getProperty("java.class.path") : App.classPath(environment);
        String source = source(environment);
        App.compile(directory, classPath, Map.of("ServletApp.java", source));
        app = App.start(directory, classPath, "org.strictkeepalive.it.ServletApp");
        plain = app.awaitPort("plain on port {}");
        strict = app.awaitPort("strict on port {}");
    }

    /** The application for another version of Jakarta EE. Before ee10 a servlet context is no handler of Jetty's core. */
    private static String source(String environment) throws IOException {
        String source = Files.readString(SOURCE).replace("jetty.ee10", "jetty." + environment);
        if (environment.equals("ee8")) {
            source = source.replace("new ServletContextHandler(", "new ServletContextHandler(null, ")
                    .replace("new GzipHandler(context)", "new GzipHandler(context.get())")
                    .replace("jakarta.servlet", "javax.servlet");
        }
        return source;
    }

    @AfterParameterizedClassInvocation
    void stop() throws InterruptedException {
        if (app != null) {
            app.close();
        }
    }

    private static String request(String method, String path, String fields, String body) {
        return method + " /app/" + path + " HTTP/1.1\r\nHost: app.test\r\n" + fields
                + (body.isEmpty() ? "" : "Content-Length: " + body.length() + "\r\n") + "\r\n" + body;
    }

    /** All that comes back for some bytes, to the end of the connection. */
    private static String exchange(int port, String... requests) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(28_000); // shorter than Jetty's idle timeout
            for (String request : requests) {
                socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            }
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    /** Without what differs from exchange to exchange, and without the fields that the policy adds. */
    private static String comparable(String answers) {
        return answers.replaceAll("((Date|Keep-Alive): .*|Connection: keep-alive)\r\n", "")
                .replaceAll("JSESSIONID=\\w+\\.?\\w*", "JSESSIONID=x");
    }

    /** The answer of both, and that of a request pipelined behind it. */
    private String same(String status, String... requests) throws IOException {
        String[] all = Arrays.copyOf(requests, requests.length + 1);
        all[requests.length] = LAST;
        String expected = exchange(plain, all);
        String actual = exchange(strict, all);
        assertTrue(expected.startsWith("HTTP/1.1 " + status + " "), expected);
        assertEquals(comparable(expected), comparable(actual));
        return actual;
    }

    private static int count(String text, String part) {
        return text.split(Pattern.quote(part), -1).length - 1;
    }

    @ParameterizedTest
    @ValueSource(strings = {"echo/a?b=c", "async/complete", "async/dispatch", "stream", "errors/forward"})
    void anAnswerIsTheSame(String path) throws Exception {
        String answers = same("200", request("GET", path, "", ""));
        assertEquals(2, count(answers, "HTTP/1.1 200 "), answers);
    }

    @ParameterizedTest
    @ValueSource(strings = {"echo/", "stream"})
    void aCompressedAnswerIsTheSame(String path) throws Exception {
        String answers = same("200", request("GET", path, "Accept-Encoding: gzip\r\n", ""));
        assertTrue(answers.contains("Content-Encoding: gzip\r\n"), answers);
    }

    @Test
    void onlyAClientThatAsksIsToldTheTimeout() throws Exception {
        assertFalse(same("200", request("GET", "echo/", "", "")).contains("Keep-Alive:"));
        String answers = same("200", request("GET", "echo/", "Connection: keep-alive\r\n", ""));
        assertTrue(answers.contains("Keep-Alive: timeout=1, max="), answers);
    }

    @Test
    void streamedAnswersKeepTheirChunksAndTrailers() throws Exception {
        String answers = same("200", request("GET", "stream", "", ""));
        assertTrue(answers.length() > 1_048_576);
        assertTrue(answers.contains("\r\n0\r\nSum: 1048576\r\n\r\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"echo/upload", "async/copy"})
    void largeUploadsAreReadWhole(String path) throws Exception {
        String body = "0123456789abcdef".repeat(path.startsWith("echo") ? 524_288 : 4096);
        same("200", request("POST", path, "", body));
        String chunked = "8000\r\n" + body.substring(0, 0x8000) + "\r\n1\r\nx\r\n0\r\n\r\n";
        same("200", request("POST", path, "Transfer-Encoding: chunked\r\n", "") + chunked);
        same("100", request("POST", path, "Expect: 100-continue\r\n", "expected"));
    }

    @ParameterizedTest
    @CsvSource({"500,errors/throw", "410,errors/gone", "404,errors/x", "500,async/timeout"})
    void errorPagesAreTheSame(String status, String path) throws Exception {
        same(status, request("GET", path, "", ""));
        same(status, request("GET", path, "Accept: application/json\r\n", ""));
        same(status, request("HEAD", path, "", ""));
    }

    @Test
    void redirectsResetsAndClosesAreTheApplications() throws Exception {
        same("302", request("GET", "errors/redirect", "", ""));
        String reset = same("200", request("GET", "errors/reset", "", ""));
        assertTrue(reset.contains("X-After: yes") && !reset.contains("X-Before"), reset);
        assertEquals(2, count(reset, "HTTP/1.1 200 "), reset);
        String closed = same("200", request("GET", "errors/close", "", ""));
        assertEquals(1, count(closed, "HTTP/1.1 200 "), closed);
    }

    @Test
    void sessionsGoOnByTheirCookie() throws Exception {
        same("200", request("GET", "session", "", ""));
        Matcher cookie = Pattern.compile("Set-Cookie: (JSESSIONID=[^;]+)")
                .matcher(exchange(strict, request("GET", "session", "", ""), LAST));
        assertTrue(cookie.find());
        String again = request("GET", "session", "Cookie: " + cookie.group(1) + "\r\n", "");
        String answers = exchange(strict, again, again, LAST);
        assertTrue(answers.contains("request 2") && answers.contains("request 3"), answers);
        assertFalse(answers.contains("Set-Cookie"), answers);
    }

    @Test
    void thePolicyEndsAConnectionAfterItsRequests() throws Exception {
        String get = request("GET", "async/dispatch", "", "");
        String answers = exchange(strict, get.repeat(ServletApp.MAX_REQUESTS + 2));
        assertEquals(ServletApp.MAX_REQUESTS, count(answers, "HTTP/1.1 200 "), answers);
        assertEquals(1, count(answers, "Connection: close\r\n"), answers);
        assertTrue(answers.indexOf("Connection: close") > answers.lastIndexOf("HTTP/1.1 200 "), answers);
    }

    @Test
    void thePolicyEndsAnIdleConnection() throws Exception {
        // Without a word about the close, and long before Jetty's own 30 s.
        String answers = exchange(strict, request("GET", "session", "", ""));
        assertFalse(answers.contains("Connection: close"), answers);
    }

    @Test
    void anUploadThatIsRefusedUnreadIsAnsweredWhole() throws Exception {
        String answers = exchange(strict, request("POST", "errors/refuse", "", "x".repeat(16_777_216)));
        assertTrue(answers.startsWith("HTTP/1.1 413 "), answers);
        assertTrue(answers.contains("Connection: close\r\n"), answers);
        Matcher length = Pattern.compile("Content-Length: (\\d+)\r\n").matcher(answers);
        assertTrue(length.find(), answers);
        int body = answers.indexOf("\r\n\r\n") + 4;
        assertEquals(Integer.parseInt(length.group(1)), answers.length() - body, answers);
    }
}
