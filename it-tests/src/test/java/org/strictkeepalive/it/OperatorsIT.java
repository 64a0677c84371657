package org.strictkeepalive.it;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What operators look at, with their own tools: a browser, Prometheus, and {@code inspect}. */
class OperatorsIT {
    private static final Path MONITORING = Path.of(System.getProperty("monitoring.directory"));

    private final HttpClient client = HttpClient.newHttpClient();

    @TempDir
    private Path directory;

    private String run(int exitValue, List<String> command) throws IOException, InterruptedException {
        return Programs.run(directory, exitValue, command);
    }

    private String get(String address) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address))
                .timeout(Duration.ofSeconds(60))
                .build();
        return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    private static String url(Serve serve, String path) {
        return "http://127.0.0.1:" + serve.address().getPort() + path;
    }

    private static int opened(Serve serve) throws IOException {
        return serve.status().get("connections").get("opened").asInt();
    }

    // ---- The page, in a browser

    @Test
    void theLivePageShowsTheStatusInABrowser() throws Exception {
        Programs.require("chromium");
        try (Serve serve = Serve.start(directory, 512);
                Attack ignored = new Attack(serve, List.of(Attackers.Kind.LEAKY), 300, 0)) {
            await().atMost(Duration.ofSeconds(60)).until(() -> opened(serve) >= 300);
            assertTrue(serve.log().contains("Live page: " + url(serve, "/live")), serve.log());
            String page = Browser.open(directory, url(serve, "/live"), "--dump-dom");
            assertTrue(page.contains("of 512 descriptors are open, counted by"), page);
            assertTrue(page.contains("<canvas"), page);
            assertTrue(page.contains("connections open"), page);
            assertFalse(page.contains(":CONSOLE"), page);

            Browser.assertLooksRight(directory, url(serve, "/live"), "live-light.png", "1000,1400", "1");
            Browser.assertLooksRight(directory, url(serve, "/live"), "live-phone-dark.png", "400,1700", "0");
        }
    }

    // ---- Prometheus

    @Test
    void promtoolAcceptsTheAlertRules() throws Exception {
        Programs.require("promtool");
        run(
                0,
                List.of(
                        "promtool",
                        "check",
                        "rules",
                        MONITORING.resolve("alerts.yml").toString()));
        run(
                0,
                List.of(
                        "promtool",
                        "test",
                        "rules",
                        MONITORING.resolve("alerts.test.yml").toString()));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void awaitAnswer(String address, String part) {
        await().atMost(Duration.ofMinutes(3))
                .pollInterval(Duration.ofMillis(500))
                .ignoreExceptions()
                .until(() -> get(address).contains(part));
    }

    @Test
    void prometheusScrapesServeAndFiresInAStorm() throws Exception {
        Programs.require("prometheus");
        try (Serve serve = Serve.start(directory, 256)) {
            Path config = directory.resolve("prometheus.yml");
            Files.writeString(config, """
                    global: {scrape_interval: 1s, evaluation_interval: 1s}
                    rule_files: ["%s"]
                    scrape_configs:
                      - job_name: serve
                        static_configs: [{targets: ["127.0.0.1:%d"]}]
                    """.formatted(
                            MONITORING.resolve("alerts.yml"), serve.address().getPort()));
            int port = freePort();
            Path log = directory.resolve("prometheus.log");
            Process prometheus = new ProcessBuilder(
                            "prometheus",
                            "--config.file=" + config,
                            "--storage.tsdb.path=" + directory.resolve("data"),
                            "--web.listen-address=127.0.0.1:" + port)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            String api = "http://127.0.0.1:" + port + "/api/v1/";
            try {
                awaitAnswer(api + "query?query=jetty_keepalive_requests_total", "\"job\":\"serve\"");
                try (Attack ignored = new Attack(serve, List.of(Attackers.Kind.LEAKY), 600, 0)) {
                    awaitAnswer(api + "alerts", "\"alertname\":\"KeepAliveAcceptingPaused\"");
                }
            } finally {
                prometheus.destroy();
                if (!prometheus.waitFor(20, TimeUnit.SECONDS)) {
                    prometheus.destroyForcibly();
                }
            }
        }
    }

    // ---- inspect

    @Test
    void inspectTellsWhoHoldsTheDescriptors() throws Exception {
        try (Serve serve = Serve.start(directory, 512, "--allow-leak", "--keep-alive-timeout", "1m");
                Attack ignored = new Attack(serve, List.of(Attackers.Kind.LEAKY), 100, 0)) {
            await().atMost(Duration.ofSeconds(60)).until(() -> opened(serve) >= 100);
            get(url(serve, "/leak?n=40"));
            String report = run(
                    0,
                    Serve.command(4096, "inspect", Long.toString(serve.process().pid())));
            assertTrue(report.contains(" descriptors open, limit 512"), report);
            assertTrue(report.matches("(?s).*\nTCP socket ESTABLISHED +10\\d\n.*"), report);
            assertTrue(report.matches("(?s).*\ndevice +4\\d\n.*"), report);
            assertTrue(report.matches("(?s).*\n127\\.0\\.0\\.1 +10\\d .*"), report);
            assertTrue(report.contains("By default the policy would be at NORMAL: clients hold 10"), report);
            assertTrue(run(0, Serve.command(4096, "inspect", url(serve, "/")))
                    .startsWith("Process " + serve.process().pid() + ": "));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "999999999,999999999 (expected: the id of a running process)",
        "java,'java (expected: a process id, or a URL such as http://127.0.0.1:8080/)'",
        "ftp://127.0.0.1/,ftp://127.0.0.1/ (expected: the scheme http or https)",
        "http://192.0.2.1/,'http://192.0.2.1/ (expected: an address of this machine, whose processes alone can be looked at)'",
        "http://127.0.0.1:1/,port 1 (expected: one that a process listens at which may be looked at)"
    })
    void inspectSaysWhatIsWrong(String process, String message) throws Exception {
        String output = run(2, Serve.command(4096, "inspect", process));
        assertTrue(output.startsWith(message), output);
    }
}
