package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class LongIdleTest {
    @Test
    void aConnectionThatIsIdleForLongIsNotLookedAtByEachTick() throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMinutes(10))
                .build();
        try (MemoryServer memory = new MemoryServer(policy)) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            ConnectionGuard guard = memory.open(endPoint);
            endPoint.addInput(RawClient.GET);
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 200 OK"));

            for (int minute = 1; minute < 10; minute++) {
                memory.pass(59_000);
                assertEquals(ConnectionState.IDLE, guard.state());
                // The wheel was made at 0.
                assertTrue(guard.dueAt > memory.scheduler.now, "due in " + (guard.dueAt - memory.scheduler.now));
            }
            memory.pass(80_000);
            assertFalse(endPoint.isOpen());
        }
    }
}
