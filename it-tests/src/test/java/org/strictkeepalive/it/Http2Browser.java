package org.strictkeepalive.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/** A browser whose page sends requests to a server. The page comes from another server, which gets the result. */
final class Http2Browser implements AutoCloseable {
    private static final String PAGE = """
            <!doctype html><title>requests</title><script>
            const failures = [];
            let answered = 0;
            const sleep = millis => new Promise(done => setTimeout(done, millis));
            async function use(user) {
                const end = performance.now() + %1$d;
                for (let i = 0; performance.now() < end; i++) {
                    const path = '%2$s' + user + '/' + i;
                    try {
                        const response = await fetch('https://localhost:%3$d' + path, {method: 'POST', body: 'x'});
                        if (await response.text() === 'hello') {
                            answered++;
                        } else {
                            failures.push(path + ' ' + response.status);
                        }
                    } catch (x) {
                        failures.push(path + ' ' + x);
                    }
                    await sleep(%4$d - 60 + Math.random() * 120);
                }
            }
            Promise.all([...Array(%5$d).keys()].map(use)).then(() =>
                fetch('/result', {method: 'POST', body: [answered, ...failures].join('\\n')}));
            </script>
            """;

    private final Server reports = new Server();
    private final CountDownLatch reported = new CountDownLatch(1);
    private final Http2Traffic traffic;
    private final Process process;

    Http2Browser(Http2Traffic traffic, Path directory) throws Exception {
        this.traffic = traffic;
        ServerConnector connector = new ServerConnector(reports);
        connector.setHost("127.0.0.1");
        reports.addConnector(connector);
        reports.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) throws Exception {
                if (Request.getPathInContext(request).equals("/result")) {
                    report(Content.Source.asString(request));
                    callback.succeeded();
                } else {
                    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/html;charset=utf-8");
                    response.write(true, BufferUtil.toBuffer(page(), StandardCharsets.UTF_8), callback);
                }
                return true;
            }
        });
        reports.start();
        ProcessBuilder builder = new ProcessBuilder(List.of(
                        "chromium",
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-quic",
                        "--no-first-run",
                        "--disable-background-networking",
                        "--disable-component-update",
                        "--disable-sync",
                        "--ignore-certificate-errors",
                        "--remote-debugging-port=0",
                        "--user-data-dir=" + Files.createTempDirectory(directory, "browser"),
                        "http://127.0.0.1:" + connector.getLocalPort() + "/"))
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("browser-log").toFile());
        builder.environment().put("TMPDIR", directory.toString());
        process = builder.start();
    }

    private String page() {
        return PAGE.formatted(
                traffic.leftMs(), traffic.prefix(), traffic.securePort(), traffic.pauseMs(), Http2Traffic.USERS);
    }

    private void report(String result) {
        String[] lines = result.split("\n", -1);
        traffic.answered(Integer.parseInt(lines[0]));
        for (int i = 1; i < lines.length; i++) {
            traffic.failed(lines[i].substring(0, lines[i].indexOf(' ')), lines[i]);
        }
        reported.countDown();
    }

    /** Waits for the result of the page. */
    void await() throws IOException, InterruptedException {
        if (!reported.await(traffic.leftMs() + 60_000, TimeUnit.MILLISECONDS)) {
            throw new IOException("no result from the browser");
        }
    }

    @Override
    public void close() throws Exception {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().waitFor();
        reports.stop();
    }
}
