package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Slow clients hold all the room, and a visitor comes: the slowest goes. */
class SlowestSocketTest {
    private static final int ROOM = 8;
    private static final int BEAT_MS = 100;
    /** 4,000 B/s. */
    private static final int MOBILE = 400;
    /** 300 B/s. */
    private static final int SLOW = 30;

    private static final int SIZE = 64 * 1024 * 1024;

    /** How an application reads and writes. */
    enum Kind {
        BLOCKING,
        ASYNC,
        CORE;

        Handler handler() {
            return TestServer.handler((request, response, callback) -> {
                switch (Request.getPathInContext(request)) {
                    case "/upload" -> upload(request, response, callback);
                    case "/download" -> download(response, callback);
                    default -> response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
                }
            });
        }

        private void upload(Request request, Response response, Callback callback) throws IOException {
            switch (this) {
                case BLOCKING -> {
                    try (InputStream in = Content.Source.asInputStream(request)) {
                        answer(in.readAllBytes().length, response, callback);
                    }
                }
                case ASYNC -> TestServer.readAll(request, response, callback);
                case CORE -> read(0, request, response, callback);
            }
        }

        private static void answer(int length, Response response, Callback callback) {
            response.write(true, BufferUtil.toBuffer("read " + length), callback);
        }

        private static void read(int before, Request request, Response response, Callback callback) {
            int length = before;
            for (Content.Chunk chunk = request.read(); chunk != null; chunk = request.read()) {
                if (Content.Chunk.isFailure(chunk)) {
                    callback.failed(chunk.getFailure());
                    return;
                }
                length += chunk.remaining();
                chunk.release();
                if (chunk.isLast()) {
                    answer(length, response, callback);
                    return;
                }
            }
            int soFar = length;
            request.demand(() -> read(soFar, request, response, callback));
        }

        private void download(Response response, Callback callback) throws IOException {
            if (this == BLOCKING) {
                try (OutputStream out = Content.Sink.asOutputStream(response)) {
                    byte[] part = new byte[64 * 1024];
                    for (int sent = 0; sent < SIZE; sent += part.length) {
                        out.write(part);
                    }
                }
                callback.succeeded();
            } else {
                response.write(true, ByteBuffer.allocate(SIZE), callback);
            }
        }
    }

    private final List<RawClient> slow = new ArrayList<>();

    private static KeepAlivePolicy.Builder room(KeepAlivePolicy.Builder settings) {
        return settings.maxConnections(ROOM).minDataRate(0);
    }

    private static long ended(TestServer server) {
        return server.statistics().getClosed(CloseReason.SLOWEST);
    }

    private static RawClient post(RawClient client, int length) throws IOException {
        return client.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: " + length + "\r\n\r\n");
    }

    private static void send(RawClient client, int bytes) {
        try {
            client.send("x".repeat(bytes));
        } catch (IOException x) {
            // It was ended.
        }
    }

    /** At CRITICAL a newcomer who says nothing for a moment is evicted. It comes back. */
    private static CompletableFuture<RawClient.Answer> visit(TestServer server) {
        return CompletableFuture.supplyAsync(() -> {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (System.nanoTime() - end < 0) {
                try (RawClient visitor = server.connect()) {
                    return visitor.get();
                } catch (IOException x) {
                    // Once more.
                }
            }
            throw new IllegalStateException("not served");
        });
    }

    /** A mobile client and slow ones upload, for so many beats. Returns the mobile client. */
    private RawClient uploads(TestServer server, int beats, CompletableFuture<?> until) throws Exception {
        RawClient mobile = post(server.connect(), beats * MOBILE);
        for (int i = 1; i < ROOM; i++) {
            slow.add(post(server.connect(), 1_000_000));
        }
        for (int beat = 0; beat < beats; beat++) {
            mobile.send("x".repeat(MOBILE));
            if (until == null || !until.isDone()) {
                slow.forEach(client -> send(client, SLOW));
                TimeUnit.MILLISECONDS.sleep(BEAT_MS);
            }
        }
        return mobile;
    }

    @ParameterizedTest
    @CsvSource({"CLEAR,BLOCKING", "CLEAR,ASYNC", "CLEAR,CORE", "TLS,BLOCKING", "TLS,ASYNC", "TLS,CORE"})
    @Paced(stallMs = 300)
    void theSlowestUploadEndsForAVisitorAndNotTheMobileOne(Transport transport, Kind kind) throws Exception {
        try (TestServer server = TestServer.strict(transport, SlowestSocketTest::room, kind.handler())) {
            CompletableFuture<List<RawClient.Answer>> visits = CompletableFuture.supplyAsync(() -> {
                await().until(() -> server.statistics().getOpen() >= ROOM - 1);
                List<RawClient.Answer> answers = new ArrayList<>();
                while (answers.size() < 3) {
                    try (RawClient visitor = server.connect()) {
                        answers.add(visitor.get());
                    } catch (IOException x) {
                        // At CRITICAL a newcomer who says nothing for a moment is evicted. It comes back.
                    }
                }
                return answers;
            });
            RawClient mobile = uploads(server, 40, null);
            for (RawClient.Answer answer : visits.get(60, TimeUnit.SECONDS)) {
                assertEquals(200, answer.status());
            }
            assertEquals("read " + 40 * MOBILE, mobile.read().body());
            long ended = ended(server);
            assertTrue(ended >= 1 && ended < ROOM, ended + " of them ended");
            assertTrue(answered408(slow) >= 1, "who was ended is told");
            mobile.close();
            RawClient.closeAll(slow);
            server.assertNumbersAddUp();
        }
    }

    /** How many were answered with 408. */
    private static int answered408(List<RawClient> clients) throws IOException {
        int answered = 0;
        for (RawClient client : clients) {
            client.socket().setSoTimeout(200);
            try {
                answered += client.read().status() == 408 ? 1 : 0;
            } catch (IOException x) {
                // It goes on, or has sent more behind the close, which destroys the answer.
            }
        }
        return answered;
    }

    @Test
    void whereThatIsOffTheVisitorWaits() throws Exception {
        try (TestServer server =
                TestServer.strict(Transport.CLEAR, p -> room(p).fastDataRate(0), Kind.ASYNC.handler())) {
            for (int i = 0; i < ROOM; i++) {
                slow.add(post(server.connect(), 1_000_000));
            }
            await().until(() -> server.handled.get() == ROOM);
            try (RawClient visitor = server.connectSocket()) {
                visitor.socket().setSoTimeout(500);
                visitor.send(RawClient.GET);
                // One acceptor lets one more in.
                assertEquals('H', visitor.socket().getInputStream().read());
            } catch (SocketTimeoutException x) {
                // Nor that.
            }
            TimeUnit.SECONDS.sleep(2); // that nobody is ended can only be seen by waiting
            assertEquals(0, ended(server));
            RawClient.closeAll(slow);
        }
    }

    @Test
    void whoIsFastEnoughIsNeverEnded() throws Exception {
        try (TestServer server =
                TestServer.strict(Transport.CLEAR, p -> room(p).fastDataRate(100), Kind.ASYNC.handler())) {
            CompletableFuture<Boolean> visitor = new CompletableFuture<>();
            uploads(server, 30, visitor);
            assertEquals(0, ended(server), () -> "" + server.statistics());
            RawClient.closeAll(slow);
        }
    }

    /** Clients take 4,000 B/s and 300 B/s of large responses, with small windows, as the kernel's buffers show it. */
    @ParameterizedTest
    @CsvSource({"CLEAR,BLOCKING", "CLEAR,ASYNC", "TLS,ASYNC"})
    @Paced(stallMs = 300)
    void theSlowestReaderEndsForAVisitorAndNotTheMobileOne(Transport transport, Kind kind) throws Exception {
        try (TestServer server = TestServer.strict(transport, SlowestSocketTest::room, kind.handler())) {
            String get = "GET /download HTTP/1.1\r\nHost: test\r\n\r\n";
            RawClient mobile = server.connect(2048).send(get);
            await().until(() -> server.handled.get() == 1);
            read(mobile, 30, MOBILE); // from now on its buffers are full
            for (int i = 1; i < ROOM; i++) {
                slow.add(server.connect(2048).send(get));
            }
            CompletableFuture<RawClient.Answer> visit = visit(server);
            // The visitor may be served before anybody is judged: an acceptor lets one more in than there is room for.
            for (int beat = 0; beat < 30 || (ended(server) == 0 && beat < 300); beat++) {
                read(mobile, 1, MOBILE);
                for (RawClient client : slow) {
                    try {
                        // Those over TLS take nothing: to ask for a part of a record may mean to wait for all of it.
                        InputStream in = client.socket().getInputStream();
                        in.readNBytes(Math.min(SLOW, in.available()));
                    } catch (IOException x) {
                        // It was ended.
                    }
                }
            }
            assertEquals(200, visit.get(60, TimeUnit.SECONDS).status());
            long ended = ended(server);
            assertTrue(ended >= 1 && ended < ROOM, ended + " of them ended");
            read(mobile, 5, MOBILE);
            mobile.close();
            RawClient.closeAll(slow);
            server.assertNumbersAddUp();
        }
    }

    /**
     * Half of the room reads fast: first at full speed, which widens the kernel's windows, then 500 kB/s, so that its
     * buffers stay full for a long time. They are never ended, and the slow uploads are.
     */
    @ParameterizedTest
    @EnumSource
    @Paced(stallMs = 300)
    void whoReadsFastFromFullBuffersIsNotEnded(Kind kind) throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, SlowestSocketTest::room, kind.handler())) {
            List<RawClient> readers = new ArrayList<>();
            for (int i = 0; i < ROOM / 2; i++) {
                RawClient reader = server.connect().send("GET /download HTTP/1.1\r\nHost: test\r\n\r\n");
                reader.socket().getInputStream().skipNBytes(SIZE / 3);
                readers.add(reader);
            }
            for (int i = ROOM / 2; i < ROOM; i++) {
                slow.add(post(server.connect(), 1_000_000));
            }
            AtomicBoolean enough = new AtomicBoolean();
            CompletableFuture<Void> visitors = CompletableFuture.runAsync(() -> {
                while (!enough.get()) {
                    visit(server).join();
                }
            });
            for (int beat = 0; beat < 50; beat++) {
                for (RawClient reader : readers) {
                    assertEquals(50_000, reader.socket().getInputStream().readNBytes(50_000).length);
                }
                slow.forEach(client -> send(client, SLOW));
                TimeUnit.MILLISECONDS.sleep(BEAT_MS);
            }
            enough.set(true);
            visitors.get(60, TimeUnit.SECONDS);
            long ended = ended(server);
            assertTrue(ended >= 1 && ended <= ROOM / 2, ended + " of them ended");
            RawClient.closeAll(readers);
            RawClient.closeAll(slow);
        }
    }

    private static void read(RawClient client, int beats, int bytes) throws Exception {
        for (int beat = 0; beat < beats; beat++) {
            assertEquals(bytes, client.socket().getInputStream().readNBytes(bytes).length);
            TimeUnit.MILLISECONDS.sleep(BEAT_MS);
        }
    }

    @ParameterizedTest
    @EnumSource
    @Paced(stallMs = 300)
    void theSlowestOfHttp2EndsForAVisitorAndNotTheMobileOne(Transport transport) throws Exception {
        KeepAlivePolicy policy = room(KeepAlivePolicy.builder()).build();
        try (TestServer server =
                TestServer.http2(transport, policy, Kind.ASYNC.handler()).start()) {
            FrameClient mobile = server.connectHttp2().settings().post(1, "/upload");
            List<FrameClient> clients = new ArrayList<>();
            for (int i = 1; i < ROOM; i++) {
                clients.add(server.connectHttp2().settings().post(1, "/upload"));
            }
            CompletableFuture<RawClient.Answer> visit = visit(server);
            for (int beat = 0; beat < 40; beat++) {
                mobile.data(1, MOBILE, beat == 39);
                for (FrameClient client : clients) {
                    try {
                        client.data(1, SLOW, false);
                    } catch (IOException x) {
                        // It was ended.
                    }
                }
                TimeUnit.MILLISECONDS.sleep(BEAT_MS);
            }
            visit.get(60, TimeUnit.SECONDS);
            assertEquals(200, mobile.awaitResponse(1));
            long ended = ended(server);
            assertTrue(ended >= 1 && ended < ROOM, ended + " of them ended");
            mobile.close();
            for (FrameClient client : clients) {
                client.close();
            }
            server.assertNumbersAddUp();
        }
    }
}
