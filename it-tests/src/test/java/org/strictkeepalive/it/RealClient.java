package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import okhttp3.ConnectionPool;
import okhttp3.OkHttpClient;
import okhttp3.RequestBody;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.StringRequestContent;

/** The clients, with the settings that they come with but for the one that a name tells. */
enum RealClient {
    APACHE("Apache HttpClient 5", Honours.FIELD, inThisJvm(RealClient::apache)),
    URL_CONNECTION("HttpURLConnection", Honours.FIELD, inThisJvm(() -> RealClient::urlConnection)),
    NODE("Node fetch", Honours.FIELD, process("node", "--input-type=module", "--eval", script())),
    OKHTTP("OkHttp", Honours.NOTHING, inThisJvm(() -> okHttp(300))),
    OKHTTP_SET("OkHttp, keepAliveDuration 3 s", Honours.SETTING, inThisJvm(() -> okHttp(RealClient.LESS))),
    JETTY("jetty-client", Honours.NOTHING, inThisJvm(() -> jetty(0))),
    JETTY_SET("jetty-client, idleTimeout 3 s", Honours.SETTING, inThisJvm(() -> jetty(RealClient.LESS))),
    JDK("JDK HttpClient", Honours.NOTHING, inThisJvm(RealClient::jdk)),
    JDK_SET(
            "JDK HttpClient, jdk.httpclient.keepalive.timeout=3",
            Honours.SETTING,
            process(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx128m",
                    "-Djdk.httpclient.keepalive.timeout=" + RealClient.LESS,
                    "-cp",
                    System.getProperty("java.class.path"),
                    RealClient.class.getName())),
    CURL("curl", Honours.NOTHING, RealClient::curl);

    /** How long the server waits for a further request. */
    static final int KEEP_ALIVE_SECONDS = 4;
    /** What clients are told, and what those are set to that don't listen. */
    private static final int LESS = KEEP_ALIVE_SECONDS - 1;

    private static final String POST = "POST";
    private static final String BODY = "x";

    final String label;
    final Honours honours;

    @SuppressWarnings("ImmutableEnumChecker") // None of them has a state.
    private final Run run;

    RealClient(String label, Honours honours, Run run) {
        this.label = label;
        this.honours = honours;
        this.run = run;
    }

    /** What keeps a client from using a connection that the server is about to close. */
    enum Honours {
        /** {@code Keep-Alive: timeout=…}. */
        FIELD,
        /** A setting of its own. */
        SETTING,
        NOTHING
    }

    /** A request to send after a pause. The answer is its path. */
    record Step(String method, URI uri, long pauseMs) {
        @Override
        public String toString() {
            return method + " " + uri + " " + pauseMs;
        }

        private static Step parse(String line) {
            String[] words = line.split(" ", -1);
            return new Step(words[0], URI.create(words[1]), Long.parseLong(words[2]));
        }

        private boolean isPost() {
            return method.equals(POST);
        }
    }

    /** What came of a step. */
    record Outcome(String path, String answer, String detail) {
        boolean isAnswered() {
            return path.equals(answer);
        }

        @Override
        public String toString() {
            return answer + " " + path + " " + detail;
        }

        private static Outcome parse(String line) {
            String[] words = line.split(" ", 3);
            return new Outcome(URI.create(words[1]).getPath(), words[0], words[2]);
        }
    }

    /** Takes the steps, one after the other for each port. */
    private interface Run {
        void run(List<Step> steps, IntFunction<URI> pause, Consumer<Outcome> outcomes) throws Exception;
    }

    /** Sends a request and returns the answer. */
    private interface Sender extends AutoCloseable {
        String send(Step step) throws Exception;

        @Override
        default void close() throws Exception {}
    }

    /**
     * Takes the steps.
     *
     * @param pause where an answer comes after some milliseconds
     */
    void run(List<Step> steps, IntFunction<URI> pause, Consumer<Outcome> outcomes) throws Exception {
        run.run(steps, pause, outcomes);
    }

    boolean isInstalled() {
        return (this != CURL && this != NODE) || Programs.isThere(name().toLowerCase(Locale.ROOT));
    }

    /** The JDK's client in a JVM of its own. */
    public static void main(String[] args) throws Exception {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, US_ASCII))) {
            List<Step> steps = in.lines().map(Step::parse).collect(Collectors.toList());
            inThisJvm(RealClient::jdk).run(steps, null, System.out::println);
        }
    }

    private static Run inThisJvm(Supplier<Sender> senders) {
        return (steps, pause, outcomes) -> {
            try (Sender sender = senders.get()) {
                forEachPort(steps, own -> {
                    for (Step step : own) {
                        TimeUnit.MILLISECONDS.sleep(step.pauseMs);
                        outcomes.accept(take(step, sender));
                    }
                });
            }
        };
    }

    private static Outcome take(Step step, Sender sender) {
        try {
            return new Outcome(step.uri.getPath(), sender.send(step), "");
        } catch (Exception x) {
            return new Outcome(step.uri.getPath(), "", x.toString());
        }
    }

    private interface Part {
        void run(List<Step> steps) throws Exception;
    }

    private static void forEachPort(List<Step> steps, Part part) throws Exception {
        Map<Integer, List<Step>> ports = steps.stream().collect(Collectors.groupingBy(step -> step.uri.getPort()));
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Callable<Void>> parts = new ArrayList<>();
            for (List<Step> own : ports.values()) {
                parts.add(() -> {
                    part.run(own);
                    return null;
                });
            }
            for (Future<Void> done : threads.invokeAll(parts)) {
                done.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static Run process(String... command) {
        return (steps, pause, outcomes) ->
                execute(steps.stream().map(Step::toString).collect(Collectors.joining("\n")), outcomes, command);
    }

    private static void execute(String input, Consumer<Outcome> outcomes, String... command) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), US_ASCII))) {
            try (OutputStream in = process.getOutputStream()) {
                in.write(input.getBytes(US_ASCII));
            }
            out.lines().map(Outcome::parse).forEach(outcomes);
        } finally {
            process.destroyForcibly();
        }
    }

    /** One process a port. It pauses while another server lets it wait, and keeps its connection to ours meanwhile. */
    private static void curl(List<Step> steps, IntFunction<URI> pause, Consumer<Outcome> outcomes) throws Exception {
        forEachPort(steps, own -> {
            StringBuilder config = new StringBuilder();
            for (Step step : own) {
                config.append("url = \"%s\"\nsilent\noutput = \"/dev/null\"\nnext\n"
                        .formatted(pause.apply((int) step.pauseMs)));
                config.append("url = \"%s\"\nsilent\nwrite-out = \" %%{url} %%{exitcode} %%{errormsg}\\n\"\n"
                        .formatted(step.uri));
                config.append(step.isPost() ? "data = \"%s\"\nnext\n".formatted(BODY) : "next\n");
            }
            config.setLength(config.length() - "next\n".length());
            execute(config.toString(), outcomes, "curl", "--config", "-");
        });
    }

    private static String script() {
        try (InputStream in = RealClient.class.getResourceAsStream("fetch.mjs")) {
            return new String(in.readAllBytes(), US_ASCII);
        } catch (IOException x) {
            throw new UncheckedIOException(x);
        }
    }

    private static Sender apache() {
        CloseableHttpClient client = HttpClients.createDefault();
        return new Sender() {
            @Override
            public String send(Step step) throws Exception {
                ClassicRequestBuilder request =
                        ClassicRequestBuilder.create(step.method).setUri(step.uri);
                if (step.isPost()) {
                    request.setEntity(BODY);
                }
                return client.execute(request.build(), response -> EntityUtils.toString(response.getEntity()));
            }

            @Override
            public void close() throws IOException {
                client.close();
            }
        };
    }

    private static String urlConnection(Step step) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) step.uri.toURL().openConnection();
        if (step.isPost()) {
            connection.setRequestMethod(POST);
            connection.setDoOutput(true);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(BODY.getBytes(US_ASCII));
            }
        }
        try (InputStream in = connection.getInputStream()) {
            return new String(in.readAllBytes(), US_ASCII);
        }
    }

    private static Sender okHttp(int keepAliveSeconds) {
        OkHttpClient client = new OkHttpClient.Builder()
                .connectionPool(new ConnectionPool(ClientsIT.WORKERS, keepAliveSeconds, TimeUnit.SECONDS))
                .build();
        return step -> {
            RequestBody body = step.isPost() ? RequestBody.create(BODY.getBytes(US_ASCII)) : null;
            okhttp3.Request request = new okhttp3.Request.Builder()
                    .url(step.uri.toString())
                    .method(step.method, body)
                    .build();
            try (okhttp3.Response response = client.newCall(request).execute()) {
                return response.body().string();
            }
        };
    }

    private static Sender jetty(int idleSeconds) {
        HttpClient client = new HttpClient();
        client.setIdleTimeout(TimeUnit.SECONDS.toMillis(idleSeconds));
        try {
            client.start();
        } catch (Exception x) {
            throw new IllegalStateException(x);
        }
        return new Sender() {
            @Override
            public String send(Step step) throws Exception {
                org.eclipse.jetty.client.Request request =
                        client.newRequest(step.uri).method(step.method);
                if (step.isPost()) {
                    request.body(new StringRequestContent(BODY));
                }
                return request.send().getContentAsString();
            }

            @Override
            public void close() throws Exception {
                client.stop();
            }
        };
    }

    private static Sender jdk() {
        java.net.http.HttpClient client = java.net.http.HttpClient.newHttpClient();
        return step -> {
            HttpRequest.BodyPublisher body =
                    step.isPost() ? HttpRequest.BodyPublishers.ofString(BODY) : HttpRequest.BodyPublishers.noBody();
            HttpRequest request =
                    HttpRequest.newBuilder(step.uri).method(step.method, body).build();
            return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
        };
    }
}
