package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Answers to clients that go on sending: they arrive whole. */
class UnreadBodyTest {
    private static final int UPLOAD = 20_000_000;
    private static final int BIG = 4 * 1024 * 1024;

    /** The ways in which an application answers early. */
    private enum Style {
        ERROR,
        WHOLE,
        COMMITTED,
        UNFINISHED;

        private Handler handler() {
            return TestServer.handler((request, response, callback) -> {
                switch (this) {
                    case ERROR -> Response.writeError(request, response, callback, 413);
                    case WHOLE -> {
                        response.setStatus(413);
                        response.write(true, BufferUtil.toBuffer("too large"), callback);
                    }
                    case COMMITTED -> {
                        response.setStatus(413);
                        response.write(
                                false,
                                BufferUtil.toBuffer("too "),
                                Callback.from(
                                        () -> response.write(true, BufferUtil.toBuffer("large"), callback),
                                        callback::failed));
                    }
                    case UNFINISHED -> {
                        response.setStatus(413);
                        response.write(false, BufferUtil.toBuffer("too large"), callback);
                    }
                }
            });
        }
    }

    @ParameterizedTest
    @CsvSource({
        "CLEAR,ERROR",
        "CLEAR,WHOLE",
        "CLEAR,COMMITTED",
        "CLEAR,UNFINISHED",
        "TLS,ERROR",
        "TLS,WHOLE",
        "TLS,COMMITTED",
        "TLS,UNFINISHED"
    })
    void earlyAnswerReachesAClientThatGoesOnSending(Transport transport, Style style) throws Exception {
        try (TestServer server = TestServer.strict(transport, p -> p, style.handler());
                RawClient client = server.connect()) {
            client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + UPLOAD + "\r\n\r\n");
            byte[] piece = new byte[100_000];
            for (int sent = 0; sent < UPLOAD; sent += piece.length) {
                client.send(piece); // a reset would fail here
            }
            RawClient.Answer answer = client.read();
            assertEquals(413, answer.status());
            assertTrue(style == Style.ERROR || answer.body().equals("too large"), answer.body());
            if (style == Style.ERROR || style == Style.WHOLE) { // else it was committed before
                assertTrue(answer.saysClose(), answer.head());
            }
            client.awaitEnd();
            client.close();
            server.assertNumbersAddUp();
        }
    }

    @Test
    void earlyAnswerBeforeTheLastBytesOfAChunkedBodySaysClose() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, Style.WHOLE.handler());
                RawClient client = server.connect()) {
            client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n");
            RawClient.Answer answer = client.read();
            assertTrue(answer.saysClose(), answer.head());
            client.send("\r\n").awaitEnd();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void bigClosingResponsesReachClientsThatGoOnSending(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.maxRequestsPerConnection(1),
                TestServer.handler(
                        (request, response, callback) -> response.write(true, ByteBuffer.allocate(BIG), callback)))) {
            for (int i = 0; i < 150; i++) {
                try (RawClient client = server.connect()) {
                    client.send(RawClient.GET);
                    CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
                        try {
                            while (true) {
                                client.send(RawClient.GET);
                                Thread.onSpinWait();
                            }
                        } catch (IOException x) {
                            // The linger is over, or the test has closed.
                        }
                    });
                    RawClient.Answer answer = client.read();
                    assertEquals(BIG, answer.body().length());
                    assertTrue(answer.saysClose());
                    client.close();
                    sending.join();
                }
            }
            assertEquals(150, server.handled.get());
            server.assertNumbersAddUp();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void lingerBehindAnUnreadBodyIsBounded(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport,
                        p -> p.unreadBodyLingerTimeout(Duration.ofMillis(700)).lingerTimeout(Duration.ofMillis(100)),
                        Style.WHOLE.handler());
                RawClient client = server.connect()) {
            long asked = System.nanoTime();
            client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: " + UPLOAD + "\r\n\r\n");
            assertEquals(413, client.read().status());
            client.awaitEnd();
            server.awaitOpen(0); // though the client stays
            assertTrue(System.nanoTime() - asked > 695_000_000L, "the longer limit holds");
            server.assertNumbersAddUp();
        }
    }
}
