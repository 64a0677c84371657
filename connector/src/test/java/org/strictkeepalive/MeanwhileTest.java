package org.strictkeepalive;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;

/** What is decided while a request runs of which nothing was to be said when it began. */
class MeanwhileTest {
    /** Answers when it is told to. */
    private static final class Later extends Handler.Abstract {
        private final Deque<Runnable> answers = new ArrayDeque<>();

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            answers.add(
                    () -> response.write(true, ByteBuffer.wrap("whole".getBytes(StandardCharsets.US_ASCII)), callback));
            return true;
        }
    }

    private static String answerAfter(Consumer<MemoryServer> meanwhile) throws Exception {
        Later handler = new Later();
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults(), handler)) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(RawClient.GET);
            meanwhile.accept(memory);
            memory.pass(200);
            handler.answers.remove().run();
            String answer = endPoint.takeOutputString();
            assertTrue(answer.endsWith("whole"), answer);
            boolean close = answer.contains("Connection: close");
            assertEquals(close, endPoint.isOutputShutdown());
            if (close) {
                memory.pass(2_200);
                assertFalse(endPoint.isOpen());
                memory.assertNothingIsOpen();
            }
            return memory.monitor.getStatistics().getClosedByReason().toString() + close;
        }
    }

    private static void assertCloses(CloseReason reason, Consumer<MemoryServer> meanwhile) throws Exception {
        String answer = answerAfter(meanwhile);
        assertTrue(answer.contains(reason + "=1") && answer.endsWith("true"), answer);
    }

    @Test
    void nothing() throws Exception {
        assertTrue(answerAfter(memory -> {}).endsWith("false"));
    }

    @Test
    void aDrain() throws Exception {
        assertCloses(CloseReason.DRAIN, memory -> memory.monitor.drain(Duration.ZERO));
    }

    @Test
    void pressure() throws Exception {
        assertCloses(CloseReason.PRESSURE, memory -> memory.monitor.addPressureSource(() -> 0.85));
    }

    @Test
    void anotherPolicy() throws Exception {
        assertCloses(
                CloseReason.MAX_REQUESTS,
                memory -> memory.factory.setPolicy(
                        KeepAlivePolicy.builder().maxRequestsPerConnection(1).build()));
    }

    @Test
    void anApplicationThatSaysCloseItself() throws Exception {
        Handler handler = new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                response.getHeaders().put(HttpHeader.CONNECTION, "close");
                response.write(true, ByteBuffer.wrap(new byte[10]), callback);
                return true;
            }
        };
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults(), handler)) {
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
