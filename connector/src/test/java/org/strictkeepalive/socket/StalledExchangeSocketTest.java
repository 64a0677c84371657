package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.HeldRequests;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.PressureLever;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.SlowLine;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What pressure does to real exchanges whose client makes no progress. */
class StalledExchangeSocketTest {
    private static Handler blockingReadingAll() {
        return TestServer.handler((request, response, callback) -> {
            String body = Content.Source.asString(request);
            response.write(true, BufferUtil.toBuffer("read " + body.length()), callback);
        });
    }

    /** Sends a body of 1000 bytes, one at a time, until the server has had enough or it is whole. */
    private static boolean sendsBody(RawClient client, int pause, int piece) throws Exception {
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
        client.socket().setSoTimeout(pause);
        for (int sent = 0; sent < 1000; sent += piece) {
            client.send("x".repeat(piece));
            if (sent + piece < 1000) {
                try {
                    assertEquals('H', client.socket().getInputStream().read());
                    return false;
                } catch (SocketTimeoutException x) {
                    // Nothing yet.
                }
            }
        }
        client.socket().setSoTimeout(60_000);
        return true;
    }

    @ParameterizedTest
    @CsvSource({"CLEAR,false", "TLS,false", "CLEAR,true"})
    void slowBodyIsAnsweredWith408FromElevatedOn(Transport transport, boolean blocking) throws Exception {
        try (TestServer server = TestServer.strict(
                        transport,
                        p -> p.dataRateGrace(Duration.ofMillis(500)),
                        blocking ? blockingReadingAll() : TestServer.handler(TestServer::readAll));
                RawClient client = server.connect()) {
            new PressureLever(server).set(0.75, PressureLevel.ELEVATED);
            long before = System.nanoTime();
            assertFalse(sendsBody(client, 100, 1), "ended before the body is whole");
            client.socket().setSoTimeout(60_000);
            String rest = "H" + new String(client.readAll(), StandardCharsets.ISO_8859_1);
            assertTrue(rest.startsWith("HTTP/1.1 408 "), rest);
            assertTrue(rest.contains("Connection: close\r\n"), rest);
            assertTrue(RawClient.millisSince(before) >= 500);
            client.close();
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.assertNumbersAddUp();
        }
    }

    @Test
    @Paced(stallMs = 50)
    void slowBodyIsLeftAloneAtNormalAndAFastOneAtAnyLevel() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.dataRateGrace(Duration.ofMillis(200)),
                        TestServer.handler(TestServer::readAll));
                RawClient slow = server.connect();
                RawClient fast = server.connect()) {
            assertTrue(sendsBody(slow, 20, 25), "well below the level"); // 40 times 20 ms, 1,250 B/s
            new PressureLever(server).set(0.75, PressureLevel.ELEVATED);
            assertTrue(sendsBody(fast, 50, 50), "1,000 B/s is above 240");
            for (RawClient client : List.of(slow, fast)) {
                assertEquals("read 1000", client.read().body());
            }
        }
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR,
                        p -> p.dataRateGrace(Duration.ofMillis(200)).minDataRate(1000),
                        TestServer.handler(TestServer::readAll));
                RawClient slow = server.connect()) {
            assertTrue(sendsBody(slow, 100, 50), "500 B/s at NORMAL");
            assertEquals("read 1000", slow.read().body());
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void readerThatTakesNothingIsClosedFromElevatedOn(Transport transport) throws Exception {
        int size = 64 * 1024 * 1024;
        try (TestServer server = TestServer.strict(
                        transport,
                        // Behind the verdict there is nothing to linger for.
                        p -> p.dataRateGrace(Duration.ofMillis(500)).lingerTimeout(Duration.ofHours(1)),
                        TestServer.handler((request, response, callback) ->
                                response.write(true, ByteBuffer.allocate(size), callback)));
                RawClient client = server.connect()) {
            client.send(RawClient.GET);
            await().until(() -> server.handled.get() == 1);
            TimeUnit.MILLISECONDS.sleep(1500); // at NORMAL it is left alone
            assertEquals(1, server.connector.getConnectedEndPoints().size());
            new PressureLever(server).set(0.75, PressureLevel.ELEVATED);
            server.awaitClosed(CloseReason.DATA_RATE, 1);
            server.awaitOpen(0);
            server.assertNumbersAddUp();
            // What the kernel had taken is not kept for it.
            assertThrows(SocketException.class, client::readAll);
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 100)
    void readerThatTakesEnoughIsNeverCut(Transport transport) throws Exception {
        int size = 16 * 1024 * 1024;
        try (TestServer server = TestServer.strict(
                        transport,
                        // The least grace of any level by default. A full receive window opens in large steps only.
                        p -> p.dataRateGrace(Duration.ofMillis(500)),
                        TestServer.handler((request, response, callback) ->
                                response.write(true, ByteBuffer.allocate(size), callback)));
                RawClient client = server.connect()) {
            client.send(RawClient.GET);
            await().until(() -> server.handled.get() == 1); // a silent newcomer could be evicted
            new PressureLever(server).set(0.85, PressureLevel.HIGH);
            long total = 0;
            byte[] buffer = new byte[256 * 1024];
            for (int i = 0; i < 30; i++) {
                TimeUnit.MILLISECONDS.sleep(100);
                int read = client.socket().getInputStream().readNBytes(buffer, 0, buffer.length);
                assertTrue(read > 0);
                total += read;
            }
            total += client.readAll().length;
            assertTrue(total > size, total + " bytes, " + server.statistics());
        }
    }

    /** A record of 16 KiB takes eight seconds, and until then nothing seems to move. */
    @Test
    void readerOfALargeRecordIsNotCutWhileItsSocketMoves() throws Exception {
        try (TestServer server = TestServer.strict(
                        Transport.TLS,
                        p -> p.dataRateGrace(Duration.ofSeconds(3)).minDataRate(1000),
                        TestServer.handler((request, response, callback) ->
                                response.write(true, ByteBuffer.allocate(16 * 1024 * 1024), callback)));
                SlowLine line = new SlowLine(server.connector.getLocalPort(), 512);
                RawClient client = new RawClient(Transport.TLS.connect(line.port()))) {
            line.slowDown();
            client.send(RawClient.GET);
            await().until(() -> server.handled.get() == 1);
            new PressureLever(server).set(0.85, PressureLevel.HIGH);
            client.socket().setSoTimeout(60_000);
            assertEquals(24_000, client.socket().getInputStream().readNBytes(24_000).length);
            assertEquals(0, server.statistics().getClosed(CloseReason.DATA_RATE));
        }
    }

    @Test
    void applicationThatTakesItsTimeIsNeverCut() throws Exception {
        HeldRequests holding = new HeldRequests();
        try (TestServer server = TestServer.strict(
                        Transport.CLEAR, p -> p.dataRateGrace(Duration.ofMillis(100)), holding.handler());
                RawClient client = server.connect()) {
            client.send("POST /hold HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
            await().until(() -> server.handled.get() == 1);
            new PressureLever(server).set(0.95, PressureLevel.HIGH);
            TimeUnit.SECONDS.sleep(2); // the body isn't there, but nobody asks for it
            holding.complete();
            assertEquals("held", client.read().body());
            assertEquals(0, server.statistics().getClosed(CloseReason.DATA_RATE));
        }
    }
}
