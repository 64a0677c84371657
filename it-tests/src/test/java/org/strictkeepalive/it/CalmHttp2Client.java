package org.strictkeepalive.it;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;

/** A client with HTTP/2, over TLS or upgraded; of a {@link CalmLife.Step} it does what HTTP/2 knows. */
final class CalmHttp2Client implements CalmLife.Client {
    private final HttpClient client;
    private final String base;

    CalmHttp2Client(int port, SSLContext tls, Executor threads) {
        HttpClient.Builder builder = HttpClient.newBuilder().executor(threads);
        client = (tls == null ? builder : builder.sslContext(tls)).build();
        base = (tls == null ? "http" : "https") + "://localhost:" + port;
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofSeconds(60));
    }

    private String text(HttpResponse<String> response) {
        String body = response.body().replace(base, "");
        return response.version() + " " + response.statusCode() + " "
                + (body.length() < 40 ? body : body.length() + " bytes, " + body.hashCode());
    }

    private String ask(HttpRequest.Builder request) throws IOException {
        try {
            return text(client.send(request.build(), BodyHandlers.ofString()));
        } catch (InterruptedException x) {
            Thread.currentThread().interrupt();
            throw new IOException(x);
        }
    }

    @Override
    public String go(CalmLife.Step step) throws IOException {
        Random random = new Random(step.seed());
        return switch (step.kind()) {
            case LARGE -> ask(request("/large"));
            case MISSING -> ask(request("/missing"));
            case FAILURE -> ask(request("/failure"));
            case SLOW -> ask(request("/pause?" + random.nextInt(200, 500)));
            case SLOW_BLOCKING -> ask(request("/sleep?" + random.nextInt(200, 500)));
            case POST, POST_IN_PIECES, CHUNKED, CONTINUE ->
                ask(request("/echo").POST(BodyPublishers.ofString("x".repeat(random.nextInt(1, 30_000)))));
            case PIPELINED -> atOnce(random.nextInt(2, 7));
            case IDLE -> {
                String first = ask(request("/"));
                Http.pause(random.nextInt(200, 1200));
                yield first + ", " + ask(request("/"));
            }
            default -> ask(request("/"));
        };
    }

    private String atOnce(int count) throws IOException {
        List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(client.sendAsync(request("/").build(), BodyHandlers.ofString()));
        }
        try {
            return all.stream().map(future -> text(future.join())).toList().toString();
        } catch (CompletionException x) {
            throw new IOException(x.getCause());
        }
    }

    /** Whether it could not connect, or was told beforehand that this connection takes no more requests. */
    @Override
    public boolean isRefused(IOException failure) {
        return failure instanceof ConnectException;
    }

    /** The connection is the client's own affair. */
    @Override
    public String atRest() {
        return "unknown";
    }

    @Override
    public void close() {}
}
