package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;

/** An application that fails when its response is out, or has an error response: the client gets it whole. */
class FailureBehindResponseTest {
    private final AtomicInteger executed = new AtomicInteger();

    private Handler handler(boolean answers) {
        return new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                executed.incrementAndGet();
                if (answers) {
                    response.write(
                            true,
                            ByteBuffer.wrap("whole".getBytes(StandardCharsets.US_ASCII)),
                            Callback.from(() -> callback.failed(new IOException("on purpose")), callback::failed));
                } else {
                    callback.failed(new QuietException.Exception("on purpose"));
                }
                return true;
            }
        };
    }

    @Test
    void aWholeResponseIsNotBrokenOff() throws Exception {
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults(), handler(true))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(RawClient.GET + RawClient.GET);
            assertEquals(executed.get(), endPoint.takeOutputString().split("whole", -1).length - 1, "answers");
            assertTrue(endPoint.isOpen(), "a close would make what the client has sent beyond a reset");
            // Jetty 12.1 takes no notice of such a failure.
            if (endPoint.isOutputShutdown()) {
                endPoint.addInput(RawClient.GET);
                memory.pass(1_900);
                assertTrue(endPoint.isOpen());
                memory.pass(400);
                assertFalse(endPoint.isOpen());
                assertEquals(1, executed.get());
            }
        }
    }

    @Test
    void anErrorResponseIsNotBrokenOff() throws Exception {
        try (MemoryServer memory = new MemoryServer(KeepAlivePolicy.defaults(), handler(false))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(RawClient.GET + RawClient.GET);
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 500"));
            assertTrue(endPoint.isOpen());
        }
    }
}
