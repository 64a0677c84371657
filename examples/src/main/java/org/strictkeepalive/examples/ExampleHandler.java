package org.strictkeepalive.examples;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.IteratingNestedCallback;

/** The paths of {@code serve}. None of them holds a thread while it waits. */
final class ExampleHandler extends Handler.Abstract.NonBlocking {
    private static final ByteBuffer HELLO =
            BufferUtil.toBuffer("Hello, world!", StandardCharsets.US_ASCII).asReadOnlyBuffer();
    private static final int MIB = 1024 * 1024;
    private static final int CHUNK = 64 * 1024;
    private static final int MOST_MIB = 4096;
    private static final long LONGEST_MS = TimeUnit.MINUTES.toMillis(10);
    private static final int MOST_LEAKED = 1_000_000;

    private final boolean allowLeak;
    private final Deque<FileChannel> leaked = new ArrayDeque<>();

    ExampleHandler(boolean allowLeak) {
        this.allowLeak = allowLeak;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        switch (Request.getPathInContext(request)) {
            case "/" -> send(response, "text/plain", HELLO.slice(), callback);
            case "/slow" -> {
                Long ms = number(request, response, callback, "ms", 1000, 0, LONGEST_MS);
                if (ms != null) {
                    getServer()
                            .getScheduler()
                            .schedule(
                                    () -> text(response, "Waited " + ms + " ms\n", callback),
                                    ms,
                                    TimeUnit.MILLISECONDS);
                }
            }
            case "/big" -> {
                Long mib = number(request, response, callback, "mib", 8, 0, MOST_MIB);
                if (mib != null) {
                    response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/octet-stream");
                    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, mib * MIB);
                    new Stream(response, mib * MIB, callback).iterate();
                }
            }
            case "/echo" -> {
                String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
                if (type != null) {
                    response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
                }
                Content.copy(request, response, callback);
            }
            case "/leak" -> leak(request, response, callback);
            default -> {
                return false;
            }
        }
        return true;
    }

    private static void text(Response response, String text, Callback callback) {
        send(response, "text/plain", BufferUtil.toBuffer(text, StandardCharsets.UTF_8), callback);
    }

    private static void send(Response response, String type, ByteBuffer content, Callback callback) {
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, content.remaining());
        response.write(true, content, callback);
    }

    /** The number of a parameter, null where it was wrong and the answer has been given. */
    private static Long number(
            Request request, Response response, Callback callback, String name, long normal, long least, long most) {
        Fields.Field field = Request.extractQueryParameters(request).get(name);
        if (field == null) {
            return normal;
        }
        try {
            long number = Long.parseLong(field.getValue());
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException x) {
            // Refused below, as a number out of range is.
        }
        response.setStatus(HttpStatus.BAD_REQUEST_400);
        text(response, name + ": " + field.getValue() + " (expected: " + least + " to " + most + ")\n", callback);
        return null;
    }

    private void leak(Request request, Response response, Callback callback) throws IOException {
        if (!allowLeak) {
            response.setStatus(HttpStatus.FORBIDDEN_403);
            text(response, "Start with --allow-leak\n", callback);
            return;
        }
        Long count = number(request, response, callback, "n", 1, -MOST_LEAKED, MOST_LEAKED);
        Long ms = count == null ? null : number(request, response, callback, "ms", 0, 0, LONGEST_MS);
        if (ms == null) {
            return;
        }
        String held = leak(count);
        if (ms == 0) {
            text(response, "Holding " + held + "\n", callback);
        } else {
            Runnable giveBack = () -> {
                try {
                    leak(-count);
                    text(response, "Held " + held + "\n", callback);
                } catch (IOException x) {
                    callback.failed(x);
                }
            };
            getServer().getScheduler().schedule(giveBack, ms, TimeUnit.MILLISECONDS);
        }
    }

    /** Holds more descriptors open, or gives some back; stops where the process has no more. */
    private String leak(long count) throws IOException {
        synchronized (leaked) {
            String end = "";
            for (long i = count; i < 0 && !leaked.isEmpty(); i++) {
                leaked.pop().close();
            }
            for (long i = 0; i < count; i++) {
                try {
                    leaked.push(FileChannel.open(Path.of("/dev/null")));
                } catch (IOException x) {
                    end = ", then: " + x.getMessage();
                    break;
                }
            }
            return leaked.size() + end;
        }
    }

    /** Streams bytes with one buffer, as fast as the client takes them. */
    private static final class Stream extends IteratingNestedCallback {
        private static final ByteBuffer BYTES = ByteBuffer.allocateDirect(CHUNK).asReadOnlyBuffer();
        private final Response response;
        private long left;
        private boolean done;

        private Stream(Response response, long size, Callback callback) {
            super(callback);
            this.response = response;
            left = size;
        }

        @Override
        protected Action process() {
            if (done) {
                return Action.SUCCEEDED;
            }
            int size = (int) Math.min(left, CHUNK);
            left -= size;
            done = left == 0;
            response.write(done, BYTES.slice(0, size), this);
            return Action.SCHEDULED;
        }
    }
}
