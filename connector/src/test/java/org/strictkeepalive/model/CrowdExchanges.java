package org.strictkeepalive.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.testkit.UpgradedConnection;

/** What the application of the model of a crowd does with the requests of one client. */
final class CrowdExchanges {
    private final CrowdServer server;
    private final CrowdClient client;
    Request request;
    private Response response;
    private Callback callback;
    int executed;
    int answered;
    int failures;
    long answeredAt;
    /** Since when the exchange waits for the client's bytes, or for it to take them. */
    private long waitsSince;

    boolean waits;
    boolean brokenOff;
    /** What is wrong, null where nothing is. */
    String violated;

    CrowdExchanges(CrowdServer server, CrowdClient client) {
        this.server = server;
        this.client = client;
    }

    boolean isBusy() {
        return callback != null;
    }

    boolean isReadyToAnswer() {
        return callback != null && !waits;
    }

    void handle(Request received, Response toSend, Callback toComplete) {
        require(callback == null, "two exchanges at once");
        executed++;
        request = received;
        response = toSend;
        callback = toComplete;
        if (Request.getPathInContext(request).equals("/read")) {
            waitsSince = server.scheduler.now;
            readBody();
        }
    }

    /** Remembers what is wrong: Jetty catches what is thrown here. */
    private void require(boolean holds, String otherwise) {
        if (!holds) {
            violated = otherwise;
        }
    }

    private void readBody() {
        while (true) {
            Content.Chunk chunk = request.read();
            waits = chunk == null;
            if (waits) {
                request.demand(this::readBody);
                return;
            }
            if (Content.Chunk.isFailure(chunk)) {
                boolean slow = isTimeout(chunk.getFailure());
                require(slow || client.gone || client.stopped, "a body fails");
                require(!slow || mayBeEnded(), "an exchange that makes progress is cut");
                fail(chunk.getFailure());
                return;
            }
            chunk.release();
            if (chunk.isLast()) {
                return;
            }
        }
    }

    private static boolean isTimeout(Throwable failure) {
        return failure instanceof TimeoutException || failure.getCause() instanceof TimeoutException;
    }

    boolean mayBeEnded() {
        return server.isRecent(server.pressedAt) && server.scheduler.now - waitsSince >= CrowdServer.GRACE;
    }

    private Callback endExchange() {
        Callback result = callback;
        callback = null;
        answeredAt = server.scheduler.now;
        client.firstByteSent = false;
        client.firstByteAt = server.scheduler.now;
        return result;
    }

    void fail(Throwable failure) {
        failures++;
        endExchange().failed(failure);
    }

    void answer(int bytes) {
        answered++;
        Callback completed = endExchange();
        if (Request.getPathInContext(request).equals("/up") && client.isOpen()) {
            client.upgraded = true;
            server.tunnels++;
            UpgradedConnection.switchProtocols(response);
            UpgradedConnection.read(request, Runnable::run);
            response.write(true, null, completed);
        } else {
            waitsSince = server.scheduler.now;
            response.write(true, ByteBuffer.wrap("x".repeat(bytes).getBytes(StandardCharsets.US_ASCII)), completed);
        }
    }

    void breakOff() {
        brokenOff = true;
        failures++;
        Callback completed = endExchange();
        response.setStatus(202);
        response.write(
                false,
                ByteBuffer.wrap(new byte[] {'x'}),
                Callback.from(() -> completed.failed(new IOException("on purpose")), completed::failed));
    }
}
