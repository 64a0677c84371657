package org.strictkeepalive.it;

import static org.strictkeepalive.it.WireApplication.LONG;
import static org.strictkeepalive.it.WireApplication.async;
import static org.strictkeepalive.it.WireApplication.failure;
import static org.strictkeepalive.it.WireApplication.length;
import static org.strictkeepalive.it.WireApplication.write;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Callback;

/** The ways in which an application fails, or writes what it didn't announce. */
final class WireFailures {
    private WireFailures() {}

    static void addTo(WireApplication application) {
        application.bad("throw", (request, response, callback) -> {
            throw failure();
        });
        application.bad("fail", (request, response, callback) -> callback.failed(failure()));
        application.bad(
                "fail-async", (request, response, callback) -> async(request, () -> callback.failed(failure())));
        application.bad("fail-with-header", (request, response, callback) -> {
            response.getHeaders().put("X-Long", LONG);
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
            throw failure();
        });
        application.bad("cut-throw", (request, response, callback) -> {
            write(response, false, "a", Callback.NOOP);
            throw failure();
        });
        application.bad("cut-throw-blocking", (request, response, callback) -> {
            Content.Sink.write(response, false, "a", Callback.NOOP);
            OutputStream out = Content.Sink.asOutputStream(response);
            out.write('b');
            out.flush();
            throw failure();
        });
        application.bad(
                "cut-fail",
                (request, response, callback) -> write(response, "a", callback, () -> callback.failed(failure())));
        application.bad(
                "cut-fail-plainly",
                (request, response, callback) ->
                        write(response, "a", callback, () -> callback.failed(new IOException("on purpose"))));
        application.bad(
                "cut-fail-async",
                (request, response, callback) ->
                        write(response, "a", callback, () -> async(request, () -> callback.failed(failure()))));
        application.bad(
                "cut-abort",
                (request, response, callback) ->
                        write(response, "a", callback, () -> callback.failed(new Request.Handler.AbortException())));
        application.bad(
                "cut-empty",
                (request, response, callback) -> write(response, "", callback, () -> callback.failed(failure())));
        application.bad("cut-big-header", (request, response, callback) -> {
            response.getHeaders().put("X-Long", LONG);
            write(response, "a", callback, () -> callback.failed(failure()));
        });
        application.bad("cut-length", (request, response, callback) -> {
            length(response, 10);
            write(response, "short", callback, () -> callback.failed(failure()));
        });
        application.bad("fail-behind-length", (request, response, callback) -> {
            length(response, 5);
            write(response, "whole", callback, () -> callback.failed(failure()));
        });
        application.bad(
                "fail-behind-last",
                (request, response, callback) -> write(
                        response, true, "whole", Callback.from(() -> callback.failed(failure()), callback::failed)));
        application.bad("throw-behind-last", (request, response, callback) -> {
            write(response, true, "whole", Callback.NOOP);
            throw failure();
        });
        application.bad("length-short", (request, response, callback) -> {
            length(response, 10);
            write(response, true, "short", callback);
        });
        application.bad("length-short-end", (request, response, callback) -> {
            length(response, 10);
            write(response, false, "short", callback);
        });
        application.bad("length-long", (request, response, callback) -> {
            length(response, 3);
            write(response, true, "longer", callback);
        });
        application.bad("length-unwritten", (request, response, callback) -> {
            length(response, 10);
            callback.succeeded();
        });
        application.bad("fail-interim", (request, response, callback) -> {
            CompletableFuture<Void> unused =
                    response.writeInterim(103, HttpFields.EMPTY).whenComplete((none, x) -> callback.failed(failure()));
        });
        application.bad("succeed-then-throw", (request, response, callback) -> {
            write(response, true, "hello", callback);
            throw failure();
        });
        application.bad("pending-demand", (request, response, callback) -> {
            request.demand(() -> {});
            write(response, true, "hello", callback);
        });
        application.bad(
                "cut-pending-demand",
                (request, response, callback) -> write(response, "a", callback, () -> {
                    request.demand(() -> {});
                    callback.succeeded();
                }));
    }
}
