package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;

/** A client that doesn't take its 408. */
class AnswerNotTakenTest {
    @Test
    void theLingerEndsFromTheAnswerOn() throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .requestHeaderTimeout(Duration.ofSeconds(10))
                .lingerTimeout(Duration.ofSeconds(2))
                .build();
        try (MemoryServer memory = new MemoryServer(policy)) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler) {
                @Override
                public boolean flush(ByteBuffer... buffers) {
                    return false;
                }
            };
            ConnectionGuard guard = memory.open(endPoint);
            endPoint.addInputAndExecute(BufferUtil.toBuffer("GET / HTTP/1.1\r\n"));
            memory.pass(11_000);
            assertTrue(endPoint.isWritePending());
            assertEquals(ConnectionState.LINGERING, guard.state());
            assertTrue(endPoint.isOpen());
            memory.pass(2_000);
            assertFalse(endPoint.isOpen());
            memory.assertNothingIsOpen();
        }
    }
}
