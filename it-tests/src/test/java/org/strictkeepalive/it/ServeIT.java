package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands of the examples, as processes. */
class ServeIT {
    private static final int LIMIT = 512;
    private static final int SIGTERM = 15;

    private final HttpClient client = HttpClient.newHttpClient();

    @TempDir
    private Path directory;

    private static HttpRequest.Builder request(Serve serve, String path) {
        return HttpRequest.newBuilder(URI.create("http://" + serve.address().getHostString() + ":"
                        + serve.address().getPort() + path))
                .timeout(Duration.ofSeconds(90));
    }

    private HttpResponse<byte[]> get(Serve serve, String path) throws IOException, InterruptedException {
        return client.send(request(serve, path).build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private static int used(Serve serve) throws IOException {
        return serve.status().get("descriptors").get("used").asInt();
    }

    @Test
    void servePathsAnswerAsDocumented() throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT, "--allow-leak")) {
            HttpResponse<byte[]> hello = get(serve, "/");
            assertEquals("Hello, world!", new String(hello.body(), StandardCharsets.US_ASCII));
            assertEquals(
                    "text/plain", hello.headers().firstValue("Content-Type").orElse(""));
            assertEquals(8 << 20, get(serve, "/big").body().length);
            assertEquals(3 << 20, get(serve, "/big?mib=3").body().length);
            assertEquals(200, get(serve, "/slow?ms=10").statusCode());
            byte[] body = new byte[300_000];
            assertArrayEquals(
                    body,
                    client.send(
                                    request(serve, "/echo")
                                            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                                            .build(),
                                    HttpResponse.BodyHandlers.ofByteArray())
                            .body());
            assertEquals(404, get(serve, "/nothing").statusCode());
            HttpResponse<byte[]> bad = get(serve, "/slow?ms=long");
            assertEquals(400, bad.statusCode());
            assertTrue(new String(bad.body(), StandardCharsets.UTF_8).contains("ms: long (expected: 0 to"));

            JsonNode status = serve.status();
            assertEquals("NORMAL", status.get("level").asText());
            assertEquals(LIMIT, status.get("descriptors").get("limit").asInt());
            assertTrue(status.get("requests").asInt() >= 8, status::toString);
            assertTrue(status.get("connections").get("byState").has("LINGERING"), status::toString);
            assertTrue(status.get("closed").get("byReason").has("KEEP_ALIVE_TIMEOUT"), status::toString);

            int before = status.get("descriptors").get("used").asInt();
            assertEquals(200, get(serve, "/leak?n=100").statusCode());
            await().until(() -> used(serve) >= before + 95);
            get(serve, "/leak?n=-100");
            await().until(() -> used(serve) < before + 10);
        }
    }

    @Test
    void plainServesTheSamePathsAndLeakNeedsItsFlag() throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT, "--plain")) {
            assertEquals("Hello, world!", new String(get(serve, "/").body(), StandardCharsets.US_ASCII));
            assertTrue(serve.status().get("descriptors").get("used").asInt() > 0);
            assertEquals(403, get(serve, "/leak?n=1").statusCode());
        }
    }

    @Test
    void sigtermFinishesRequestsInProgress() throws Exception {
        try (Serve serve = Serve.start(directory, LIMIT)) {
            CompletableFuture<HttpResponse<String>> slow =
                    client.sendAsync(request(serve, "/slow?ms=3000").build(), HttpResponse.BodyHandlers.ofString());
            while (serve.status().get("connections").get("byState").get("BUSY").asInt() < 2) {
                TimeUnit.MILLISECONDS.sleep(20);
            }
            serve.process().destroy(); // SIGTERM
            HttpResponse<String> answer = slow.get(90, TimeUnit.SECONDS);
            assertEquals(200, answer.statusCode());
            assertEquals("Waited 3000 ms\n", answer.body());
            assertTrue(serve.process().waitFor(90, TimeUnit.SECONDS));
            assertEquals(128 + SIGTERM, serve.process().exitValue());
            assertFalse(serve.log().contains("\tat "), serve.log());
        }
    }

    private int run(Path output, String... arguments) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Serve.command(4096, arguments))
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        assertTrue(process.waitFor(300, TimeUnit.SECONDS));
        return process.exitValue();
    }

    @ParameterizedTest
    @CsvSource({
        "--high-at,1.5,highAt,'a number, at most 1'",
        "--keep-alive-timeout,soon,keepAliveTimeout,'a time such as 500ms, 75s, 2m or 1h'",
        "--port,70000,--port,0 to 65535"
    })
    void wrongFlagExitsWithTwoAndSaysWhatIsAllowed(String flag, String value, String name, String allowed)
            throws Exception {
        Path output = directory.resolve("output");
        assertEquals(2, run(output, "serve", flag, value));
        String text = Files.readString(output);
        assertTrue(text.contains(name) && text.contains(value) && text.contains("(expected: " + allowed), text);
        assertFalse(text.contains("\tat "), text);
    }

    /** A visitor of the demo who waits for two seconds has gone, so on a slow machine strict may lose one, too. */
    @Test
    void leakDemoTellsItsStory() throws Exception {
        Path output = directory.resolve("output");
        Path report = directory.resolve("report.html");
        int code =
                run(output, "leak-demo", "--seconds", "12", "--leaky-per-second", "60", "--report", report.toString());
        String text = Files.readString(output);
        System.out.println(text);
        Matcher visitors = Pattern.compile(
                        "visitors served +[0-9.]+ % \\((\\d+) of (\\d+)\\) +[0-9.]+ % \\((\\d+) of (\\d+)\\)")
                .matcher(text);
        assertTrue(visitors.find(), text);
        int plain = Integer.parseInt(visitors.group(2)) - Integer.parseInt(visitors.group(1));
        int strict = Integer.parseInt(visitors.group(4)) - Integer.parseInt(visitors.group(3));
        assertTrue(plain > 10 && plain > 10 * strict, text);
        assertTrue(text.matches("(?s).*\"Too many open files\" in the log +[1-9]\\d* +0\n.*"), text);
        boolean everybody = text.contains("The strict server served everybody.");
        assertTrue(everybody || text.contains("The strict server did NOT serve everybody."), text);
        assertEquals(everybody ? 0 : 1, code, text);
        assertTrue(text.contains("Report: " + report), text);
        assertTrue(Files.readString(report).contains("\"turnedAway\""));
        Programs.require("chromium");
        // The picture of the README.
        Browser.assertLooksRight(directory, report.toUri().toString(), "leak-demo.png", "960,710", "1");
        Browser.assertLooksRight(directory, report.toUri().toString(), "leak-demo-phone-dark.png", "400,1700", "0");
    }
}
