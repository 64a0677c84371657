package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;

/** What is decided while a request runs of which nothing was to be said when it began. */
class MeanwhileTest {
    /** For the first request of a connection, and for later ones, most of which nobody watches. */
    private static void assertSays(CloseReason reason, Consumer<MemoryServer> meanwhile) throws Exception {
        for (int before : new int[] {0, 1, 2, 5}) {
            assertSays(reason, before, RawClient.GET, meanwhile);
            assertSays(reason, before, RawClient.POST, meanwhile);
        }
    }

    private static void assertSays(CloseReason reason, int before, String request, Consumer<MemoryServer> meanwhile)
            throws Exception {
        Deque<Runnable> answers = new ArrayDeque<>();
        try (MemoryServer memory = new MemoryServer(
                KeepAlivePolicy.defaults(),
                TestServer.handler((asked, response, callback) ->
                        answers.add(() -> response.write(true, BufferUtil.toBuffer("whole"), callback))))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            for (int i = 0; i < before; i++) {
                endPoint.addInput(request);
                answers.remove().run();
                endPoint.takeOutputString();
            }
            endPoint.addInput(request);
            meanwhile.accept(memory);
            memory.pass(200);
            answers.remove().run();
            String answer = endPoint.takeOutputString();
            assertTrue(answer.endsWith("whole"), answer);
            assertEquals(reason != null, answer.contains("Connection: close"), answer);
            assertEquals(reason != null, endPoint.isOutputShutdown());
            if (reason != null) {
                memory.pass(2_200);
                assertFalse(endPoint.isOpen());
                memory.assertNothingIsOpen();
                assertEquals(1, memory.monitor.getStatistics().getClosed(reason));
            }
        }
    }

    @Test
    void nothing() throws Exception {
        assertSays(null, memory -> {});
    }

    @Test
    void aDrain() throws Exception {
        assertSays(CloseReason.DRAIN, memory -> memory.monitor.drain(Duration.ZERO));
    }

    @Test
    void pressure() throws Exception {
        assertSays(CloseReason.PRESSURE, 0, RawClient.GET, memory -> memory.monitor.addPressureSource(() -> 0.85));
    }

    @Test
    void anotherPolicy() throws Exception {
        assertSays(
                CloseReason.MAX_REQUESTS,
                memory -> memory.factory.setPolicy(
                        KeepAlivePolicy.builder().maxRequestsPerConnection(1).build()));
    }

    @Test
    void anApplicationThatSaysCloseItself() throws Exception {
        try (MemoryServer memory =
                new MemoryServer(KeepAlivePolicy.defaults(), TestServer.handler((request, response, callback) -> {
                    response.getHeaders().put(HttpHeader.CONNECTION, "close");
                    response.write(true, BufferUtil.toBuffer("whole"), callback);
                }))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(RawClient.GET);
            assertTrue(endPoint.isOutputShutdown());
            assertTrue(endPoint.isOpen());
            endPoint.addInput(RawClient.GET);
            memory.pass(2_200);
            assertFalse(endPoint.isOpen());
            assertEquals(1, memory.monitor.getStatistics().getClosed(CloseReason.APPLICATION));
        }
    }

    @Test
    void aMalformedRequestBehindIt() throws Exception {
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults())) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(RawClient.GET + "malformed\r\n\r\n");
            await().until(endPoint::isOutputShutdown);
            assertTrue(endPoint.takeOutputString().contains("HTTP/1.1 400"));
            endPoint.addInput("more");
            assertTrue(endPoint.isOpen(), "a close would make what the client has sent beyond a reset");
            memory.pass(2_200);
            assertFalse(endPoint.isOpen());
            memory.assertNothingIsOpen();
        }
    }
}
