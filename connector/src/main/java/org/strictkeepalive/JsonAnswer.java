package org.strictkeepalive;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.internal.observe.Json;

/** Answers in JSON, errors too. */
final class JsonAnswer {
    private JsonAnswer() {}

    /** Whether a request is GET or HEAD. If not, it is answered with 405. */
    static boolean isRead(Request request, Response response, Callback callback) {
        boolean read = HttpMethod.GET.is(request.getMethod()) || HttpMethod.HEAD.is(request.getMethod());
        if (!read) {
            notAllowed(response, callback, "GET, HEAD");
        }
        return read;
    }

    static void notAllowed(Response response, Callback callback, String allowed) {
        response.getHeaders().put(HttpHeader.ALLOW, allowed);
        error(response, callback, HttpStatus.METHOD_NOT_ALLOWED_405, "expected: " + allowed);
    }

    static void error(Response response, Callback callback, int status, String message) {
        write(response, callback, status, encoded(Map.of("error", message)), true);
    }

    static void write(Request request, Response response, Callback callback, int status, ByteBuffer json) {
        write(response, callback, status, json, !HttpMethod.HEAD.is(request.getMethod()));
    }

    static ByteBuffer encoded(Map<String, ?> object) {
        return StandardCharsets.UTF_8.encode(Json.write(object));
    }

    private static void write(Response response, Callback callback, int status, ByteBuffer json, boolean body) {
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, json.remaining());
        response.write(true, body ? json : null, callback);
    }
}
