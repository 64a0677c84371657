package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.RequestBody;
import org.eclipse.jetty.client.HttpClient;
import org.eclipse.jetty.client.StringRequestContent;
import org.eclipse.jetty.http2.client.HTTP2Client;
import org.eclipse.jetty.http2.client.transport.HttpClientTransportOverHTTP2;

/** The clients of HTTP/2, with the settings that they come with. Each sends POST requests. */
enum Http2RealClient {
    CURL("curl", "TLS") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            forEachUser((user, random) -> curl(user, random, traffic, around));
        }
    },
    JDK(null, "TLS") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            forEachUser((user, random) -> {
                java.net.http.HttpClient client = java.net.http.HttpClient.newBuilder()
                        .sslContext(around.keys().client())
                        .build();
                each(user, random, traffic, path -> {
                    HttpRequest request = HttpRequest.newBuilder(traffic.secure(path))
                            .timeout(Duration.ofSeconds(20))
                            .POST(HttpRequest.BodyPublishers.ofString(BODY))
                            .build();
                    return client.send(request, HttpResponse.BodyHandlers.discarding())
                            .statusCode();
                });
            });
        }
    },
    JETTY(null, "prior knowledge") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            forEachUser((user, random) -> {
                HttpClient client = new HttpClient(new HttpClientTransportOverHTTP2(new HTTP2Client()));
                jetty(client, user, random, traffic, traffic::clear);
            });
        }
    },
    OKHTTP(null, "prior knowledge") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            forEachUser((user, random) -> {
                OkHttpClient client = new OkHttpClient.Builder()
                        .protocols(List.of(Protocol.H2_PRIOR_KNOWLEDGE))
                        .build();
                each(user, random, traffic, path -> {
                    okhttp3.Request request = new okhttp3.Request.Builder()
                            .url(traffic.clear(path).toString())
                            .post(RequestBody.create(BODY.getBytes(US_ASCII)))
                            .build();
                    try (okhttp3.Response response = client.newCall(request).execute()) {
                        return response.code();
                    }
                });
            });
        }
    },
    H2LOAD("h2load", "prior knowledge") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            h2load(traffic, around);
        }
    },
    NGINX("nginx", "grpc_pass") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            throughProxy(Http2Proxy.Kind.NGINX, traffic, around);
        }
    },
    HAPROXY("haproxy", "proto h2") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            throughProxy(Http2Proxy.Kind.HAPROXY, traffic, around);
        }
    },
    CHROMIUM("chromium", "TLS") {
        @Override
        void send(Http2Traffic traffic, Surroundings around) throws Exception {
            try (Http2Browser browser = new Http2Browser(traffic, around.directory())) {
                browser.await();
            }
        }
    };

    static final String BODY = "x";
    /** How long a run of h2load takes. */
    private static final int LOAD_MS = 1000;

    /** The program, null for a client in this JVM. */
    final String program;
    /** How it comes to speak HTTP/2. */
    final String by;

    Http2RealClient(String program, String by) {
        this.program = program;
        this.by = by;
    }

    /** What clients need besides the server. */
    record Surroundings(Keys keys, Path directory, int pausePort) {}

    /** Sends until the time is over. */
    abstract void send(Http2Traffic traffic, Surroundings around) throws Exception;

    boolean isInstalled() {
        return program == null || Programs.isThere(program);
    }

    /** Sends a POST to a path, and returns the status of the response. */
    @FunctionalInterface
    private interface Sender {
        int post(String path) throws Exception;
    }

    @FunctionalInterface
    private interface User {
        void use(int number, Random random) throws Exception;
    }

    private static void forEachUser(User user) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Callable<Void>> users = new ArrayList<>();
            for (int i = 0; i < Http2Traffic.USERS; i++) {
                int number = i;
                users.add(() -> {
                    user.use(number, new Random(number));
                    return null;
                });
            }
            for (Future<Void> done : threads.invokeAll(users)) {
                done.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void each(int user, Random random, Http2Traffic traffic, Sender sender) {
        for (int i = 0; traffic.leftMs() > 0; i++) {
            String path = traffic.path(user, i);
            try {
                int status = sender.post(path);
                if (status == 200) {
                    traffic.answered(1);
                } else {
                    traffic.failed(path, "status " + status);
                }
            } catch (Exception x) {
                traffic.failed(path, x.toString());
            }
            Http.pause(traffic.pause(random));
        }
    }

    @FunctionalInterface
    private interface Target {
        URI of(String path);
    }

    private static void jetty(HttpClient client, int user, Random random, Http2Traffic traffic, Target target)
            throws Exception {
        client.start();
        try {
            each(
                    user,
                    random,
                    traffic,
                    path -> client.POST(target.of(path))
                            .body(new StringRequestContent(BODY))
                            .timeout(20, TimeUnit.SECONDS)
                            .send()
                            .getStatus());
        } finally {
            client.stop();
        }
    }

    private static void throughProxy(Http2Proxy.Kind kind, Http2Traffic traffic, Surroundings around) throws Exception {
        try (Http2Proxy proxy = new Http2Proxy(kind, around.directory(), traffic.clearPort())) {
            forEachUser((user, random) -> jetty(new HttpClient(), user, random, traffic, proxy::uri));
        }
    }

    /** One process a user. It pauses while another server lets it wait, and keeps its connection to ours meanwhile. */
    private static void curl(int user, Random random, Http2Traffic traffic, Surroundings around) throws Exception {
        StringBuilder config = new StringBuilder();
        long left = traffic.leftMs();
        for (int i = 0; left > 0; i++) {
            int pause = traffic.pause(random);
            config.append("url = \"%s\"\nsilent\ninsecure\nhttp2\noutput = \"/dev/null\"\ndata = \"%s\"\n"
                    .formatted(traffic.secure(traffic.path(user, i)), BODY));
            config.append("write-out = \"%{url} %{http_version} %{http_code} %{exitcode} %{errormsg}\\n\"\nnext\n");
            config.append("url = \"http://127.0.0.1:%d/?%d\"\nsilent\noutput = \"/dev/null\"\nnext\n"
                    .formatted(around.pausePort(), pause));
            left -= pause + 5;
        }
        config.setLength(config.length() - "next\n".length());
        run(
                config.toString(),
                line -> {
                    String[] words = line.split(" ", 5);
                    String path = URI.create(words[0]).getPath();
                    if (words[1].equals("2") && words[2].equals("200") && words[3].equals("0")) {
                        traffic.answered(1);
                    } else {
                        traffic.failed(path, line);
                    }
                },
                "curl",
                "--config",
                "-");
    }

    /**
     * It sends the same request again and again, at a fixed rate for each of its connections. After a GOAWAY it doesn't
     * send what is left, so it is started again and again. What it has started and not finished is lost.
     */
    private static void h2load(Http2Traffic traffic, Surroundings around) throws Exception {
        Path body = Files.writeString(around.directory().resolve("h2load-body"), BODY);
        Pattern requests = Pattern.compile("requests: \\d+ total, (\\d+) started, \\d+ done, (\\d+) succeeded, .*");
        int each = Math.max(2, LOAD_MS / traffic.pauseMs());
        for (int run = 0; traffic.leftMs() > 0; run++) {
            String name = "run " + run + " ";
            run(
                    "",
                    line -> {
                        Matcher matcher = requests.matcher(line);
                        if (matcher.matches()) {
                            int answered = Integer.parseInt(matcher.group(2));
                            traffic.answered(answered);
                            for (int i = answered; i < Integer.parseInt(matcher.group(1)); i++) {
                                traffic.failed(name + i, line);
                            }
                        }
                    },
                    "h2load",
                    "-c" + Http2Traffic.USERS,
                    "-n" + Http2Traffic.USERS * each,
                    "--rps=" + 1000.0 / traffic.pauseMs(),
                    "-d" + body,
                    traffic.clear(traffic.prefix()).toString());
        }
    }

    @FunctionalInterface
    private interface Lines {
        void line(String line);
    }

    private static void run(String input, Lines lines, String... command) throws IOException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), US_ASCII))) {
            try (OutputStream in = process.getOutputStream()) {
                in.write(input.getBytes(US_ASCII));
            }
            out.lines().forEach(lines::line);
        } finally {
            process.destroyForcibly();
        }
    }
}
