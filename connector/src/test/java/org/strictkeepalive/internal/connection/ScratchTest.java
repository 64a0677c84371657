package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.TestServer;

class ScratchTest {
    @Test
    void eachHasABufferOfItsOwnAndAGivenOneIsUsedAgain() {
        Set<ByteBuffer> taken = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int i = 0; i < 2 * Scratch.MOST_KEPT; i++) {
            ByteBuffer buffer = Scratch.take();
            assertTrue(taken.add(buffer));
            assertTrue(buffer.isDirect());
            assertFalse(buffer.hasRemaining());
            assertEquals(Scratch.SIZE, buffer.capacity());
            BufferUtil.append(buffer, new byte[] {1, 2, 3});
        }
        taken.forEach(Scratch::giveBack);
        int again = 0;
        for (int i = 0; i < 2 * Scratch.MOST_KEPT; i++) {
            ByteBuffer buffer = Scratch.take();
            assertFalse(buffer.hasRemaining());
            again += taken.contains(buffer) ? 1 : 0;
        }
        assertEquals(Scratch.MOST_KEPT, again);
        taken.forEach(Scratch::giveBack);
    }

    @Test
    void aCopyIsOfItsOwn() {
        ByteBuffer buffer = Scratch.take();
        BufferUtil.append(buffer, new byte[] {1, 2, 3});
        ByteBuffer copy = Scratch.copy(buffer);
        Scratch.giveBack(buffer);
        BufferUtil.append(Scratch.take(), new byte[] {9, 9, 9});
        assertNotSame(buffer, copy);
        assertEquals(ByteBuffer.wrap(new byte[] {1, 2, 3}), copy);
        assertEquals(3, copy.capacity());
        Scratch.giveBack(buffer);
    }

    /** Jetty's own reads are into direct buffers, and so is all that the compiler has seen. */
    @Test
    void aCloseReadsIntoNoBufferOfTheHeap() throws Exception {
        List<Boolean> direct = new ArrayList<>();
        try (MemoryServer memory = new MemoryServer(
                KeepAlivePolicy.defaults(),
                TestServer.handler((request, response, callback) -> callback.succeeded()))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler) {
                @Override
                public int fill(ByteBuffer buffer) throws IOException {
                    direct.add(buffer.isDirect());
                    return super.fill(buffer);
                }
            };
            ConnectionGuard guard = memory.open(endPoint);
            endPoint.addInputAndExecute(BufferUtil.toBuffer("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 200"));
            direct.clear();
            assertTrue(guard.evict(guard.since(), memory.scheduler.now));
            assertTrue(endPoint.isOutputShutdown());
            assertEquals(List.of(true), direct, "the check");
            endPoint.addInputAndExecute(BufferUtil.toBuffer("late"));
            endPoint.addInputEOF();
            assertFalse(endPoint.isOpen());
            assertFalse(direct.contains(false), "the linger");
            assertTrue(direct.size() > 1);
        }
    }
}
