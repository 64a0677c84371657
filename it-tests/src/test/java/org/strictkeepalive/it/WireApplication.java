package org.strictkeepalive.it;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/** What applications do with a request: succeed and fail at each point, read all of it, a part or nothing. */
final class WireApplication extends Handler.Abstract {
    @FunctionalInterface
    interface Handling {
        void handle(Request request, Response response, Callback callback) throws Exception;
    }

    /** An idle timeout in ms that the application sets. */
    static final int LOWER_IDLE = 300;

    static final String LONG = "v".repeat(9000);

    private final Map<String, Handling> handlings = new TreeMap<>();
    private final Set<String> succeeding = ConcurrentHashMap.newKeySet();

    WireApplication() {
        whole();
        early();
        WireFailures.addTo(this);
        reading();
        fields();
        endings();
    }

    /** The names of its paths. */
    Set<String> names() {
        return handlings.keySet();
    }

    /** Whether an application finishes its answer and says that all is well, whatever becomes of the request's body. */
    boolean succeeds(String name) {
        return succeeding.contains(name);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        Handling handling = handlings.get(Request.getPathInContext(request).substring(1));
        if (handling == null) {
            return false;
        }
        handling.handle(request, response, callback);
        return true;
    }

    private void ok(String name, Handling handling) {
        succeeding.add(name);
        handlings.put(name, handling);
    }

    void bad(String name, Handling handling) {
        handlings.put(name, handling);
    }

    static void write(Response response, boolean last, String text, Callback callback) {
        response.write(last, BufferUtil.toBuffer(text, StandardCharsets.US_ASCII), callback);
    }

    /** Writes, then goes on. */
    static void write(Response response, String text, Callback callback, Runnable then) {
        write(response, false, text, Callback.from(then, callback::failed));
    }

    static QuietException.RuntimeException failure() {
        return new QuietException.RuntimeException("on purpose");
    }

    static void async(Request request, Runnable task) {
        request.getComponents()
                .getScheduler()
                .schedule(
                        () -> request.getContext().execute(task),
                        ThreadLocalRandom.current().nextInt(20),
                        TimeUnit.MILLISECONDS);
    }

    static void length(Response response, long length) {
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, length);
    }

    private void whole() {
        ok("ok", (request, response, callback) -> write(response, true, "hello", callback));
        ok("empty", (request, response, callback) -> callback.succeeded());
        ok(
                "chunks",
                (request, response, callback) ->
                        write(response, "one", callback, () -> write(response, true, "two", callback)));
        ok("chunks-and-end", (request, response, callback) -> write(response, false, "one", callback));
        ok(
                "chunks-and-empty",
                (request, response, callback) -> write(
                        response, "one", callback, () -> response.write(true, BufferUtil.EMPTY_BUFFER, callback)));
        ok(
                "flush",
                (request, response, callback) ->
                        write(response, "", callback, () -> write(response, true, "flushed", callback)));
        ok("length", (request, response, callback) -> {
            length(response, 6);
            write(response, "one", callback, () -> write(response, true, "two", callback));
        });
        ok("length-and-end", (request, response, callback) -> {
            length(response, 3);
            write(response, false, "one", callback);
        });
        ok("large", (request, response, callback) -> write(response, true, "y".repeat(200_000), callback));
        ok("big-header", (request, response, callback) -> {
            response.getHeaders().put("X-Long", LONG);
            write(response, true, "hello", callback);
        });
        ok("big-header-chunks", (request, response, callback) -> {
            response.getHeaders().put("X-Long", LONG);
            write(response, "one", callback, () -> write(response, true, "two", callback));
        });
        ok("big-header-end", (request, response, callback) -> {
            response.getHeaders().put("X-Long", LONG);
            callback.succeeded();
        });
        bad("too-big-header", (request, response, callback) -> {
            response.getHeaders().put("X-Long", LONG.repeat(4));
            write(response, true, "hello", callback);
        });
        ok("async", (request, response, callback) -> async(request, () -> write(response, true, "later", callback)));
        ok(
                "async-chunks",
                (request, response, callback) -> async(
                        request,
                        () -> write(
                                response,
                                "one",
                                callback,
                                () -> async(request, () -> write(response, true, "two", callback)))));
        ok("trailers", (request, response, callback) -> {
            HttpFields trailers = HttpFields.build().put("Sum", "6");
            response.getHeaders().put(HttpHeader.TRAILER, "Sum");
            response.setTrailersSupplier(() -> trailers);
            write(response, "one", callback, () -> write(response, true, "two", callback));
        });
        ok("interim", (request, response, callback) -> {
            CompletableFuture<Void> unused = response.writeInterim(
                            103, HttpFields.build().put("Link", "<a>"))
                    .whenComplete((none, x) -> write(response, true, "hello", callback));
        });
        ok("blocking", (request, response, callback) -> {
            try (OutputStream out = Content.Sink.asOutputStream(response)) {
                out.write("one".getBytes(StandardCharsets.US_ASCII));
                out.flush();
                out.write("two".getBytes(StandardCharsets.US_ASCII));
            }
            callback.succeeded();
        });
        for (int status : List.of(201, 204, 205, 304)) {
            ok("status-" + status, (request, response, callback) -> {
                response.setStatus(status);
                callback.succeeded();
            });
        }
        ok("304-length", (request, response, callback) -> {
            response.setStatus(304);
            length(response, 10);
            callback.succeeded();
        });
    }

    private void early() {
        ok("refuse", (request, response, callback) -> {
            response.setStatus(413);
            write(response, true, "too large", callback);
        });
        ok("refuse-chunks", (request, response, callback) -> {
            response.setStatus(413);
            write(response, "too ", callback, () -> write(response, true, "large", callback));
        });
        ok("error", (request, response, callback) -> Response.writeError(request, response, callback, 413));
        ok("redirect", (request, response, callback) -> Response.sendRedirect(request, response, callback, "/ok"));
        ok(
                "read-none-async",
                (request, response, callback) ->
                        async(request, () -> write(response, "one", callback, callback::succeeded)));
    }

    private void reading() {
        ok("echo", (request, response, callback) -> Content.copy(request, response, callback));
        ok("echo-blocking", (request, response, callback) -> {
            try (InputStream in = Content.Source.asInputStream(request)) {
                write(response, true, new String(in.readAllBytes(), StandardCharsets.US_ASCII), callback);
            }
        });
        ok(
                "consume",
                (request, response, callback) -> Content.Source.consumeAll(
                        request, Callback.from(() -> write(response, true, "read", callback), callback::failed)));
        ok(
                "flush-consume",
                (request, response, callback) -> write(
                        response,
                        "one",
                        callback,
                        () -> Content.Source.consumeAll(
                                request,
                                Callback.from(() -> write(response, true, "two", callback), callback::failed))));
        ok(
                "flush-consume-end",
                (request, response, callback) -> write(
                        response,
                        "one",
                        callback,
                        () -> Content.Source.consumeAll(
                                request, Callback.from(callback::succeeded, callback::failed))));
        ok("flush-consume-blocking", (request, response, callback) -> {
            OutputStream out = Content.Sink.asOutputStream(response);
            out.write('a');
            out.flush();
            Content.Source.asInputStream(request).readAllBytes();
            write(response, true, "b", callback);
        });
        bad(
                "hold-failure",
                (request, response, callback) -> write(
                        response,
                        "one",
                        callback,
                        () -> Content.Source.consumeAll(
                                request,
                                Callback.from(
                                        () -> write(response, true, "two", callback),
                                        x -> write(response, true, "failed", callback)))));
        ok("read-byte", (request, response, callback) -> {
            int read = Content.Source.asInputStream(request).read();
            write(response, true, "read " + read, callback);
        });
        ok("read-byte-chunks", (request, response, callback) -> {
            int read = Content.Source.asInputStream(request).read();
            write(response, "read ", callback, () -> write(response, true, "" + read, callback));
        });
        ok("read-byte-end", (request, response, callback) -> {
            int read = Content.Source.asInputStream(request).read();
            write(response, false, "read " + read, callback);
        });
        bad("read-byte-throw", (request, response, callback) -> {
            Content.Source.asInputStream(request).read();
            throw failure();
        });
        bad("read-byte-cut", (request, response, callback) -> {
            Content.Source.asInputStream(request).read();
            write(response, "a", callback, () -> callback.failed(failure()));
        });
        bad("request-fail", (request, response, callback) -> {
            request.fail(failure());
            write(response, true, "hello", callback);
        });
        bad(
                "request-fail-cut",
                (request, response, callback) -> write(response, "a", callback, () -> {
                    request.fail(failure());
                    callback.succeeded();
                }));
    }

    private void fields() {
        for (String[] own : new String[][] {
            {"keep-alive", "Connection: keep-alive"},
            {"close", "Connection: close"},
            {"both", "Connection: keep-alive, close"},
            {"option", "Connection: X-Own"},
            {"own-and-keep-alive", "Connection: X-Own, keep-alive"},
            {"timeout", "Keep-Alive: timeout=77"},
            {"all", "Connection: keep-alive", "Keep-Alive: timeout=77"}
        }) {
            Handling set = (request, response, callback) -> {
                for (int i = 1; i < own.length; i++) {
                    String[] pair = own[i].split(": ", 2);
                    response.getHeaders().add(new HttpField(pair[0], pair[1]));
                }
            };
            ok("own-" + own[0], (request, response, callback) -> {
                set.handle(request, response, callback);
                write(response, true, "hello", callback);
            });
            ok("own-" + own[0] + "-chunks", (request, response, callback) -> {
                set.handle(request, response, callback);
                write(response, "one", callback, () -> write(response, true, "two", callback));
            });
        }
        ok("own-close-big-header", (request, response, callback) -> {
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
            response.getHeaders().put("X-Long", LONG);
            write(response, true, "hello", callback);
        });
    }

    private void endings() {
        ok("lower-idle", (request, response, callback) -> {
            endPoint(request).setIdleTimeout(LOWER_IDLE);
            write(response, true, "hello", callback);
        });
        bad(
                "close-endpoint",
                (request, response, callback) -> write(response, "a", callback, () -> {
                    endPoint(request).close();
                    callback.failed(failure());
                }));
        bad(
                "close-endpoint-end",
                (request, response, callback) -> write(response, "a", callback, () -> {
                    endPoint(request).close();
                    callback.succeeded();
                }));
        bad(
                "shut-endpoint",
                (request, response, callback) -> write(response, "a", callback, () -> {
                    endPoint(request).shutdownOutput();
                    write(response, true, "b", callback);
                }));
        bad("never", (request, response, callback) -> {});
        bad("flush-never", (request, response, callback) -> write(response, false, "a", Callback.NOOP));
        bad("demand-never", (request, response, callback) -> request.demand(() -> {}));
    }

    private static EndPoint endPoint(Request request) {
        return request.getConnectionMetaData().getConnection().getEndPoint();
    }
}
