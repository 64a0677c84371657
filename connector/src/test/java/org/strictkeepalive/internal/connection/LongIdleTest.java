package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;

class LongIdleTest {
    @Test
    void aConnectionThatIsIdleForLongIsNotLookedAtByEachTick() throws Exception {
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofMinutes(10))
                .build();
        try (MemoryServer memory = new MemoryServer(policy)) {
            AtomicInteger looks = new AtomicInteger();
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler) {
                @Override
                public boolean isOpen() {
                    looks.incrementAndGet(); // Each look asks for it.
                    return super.isOpen();
                }
            };
            ConnectionGuard guard = memory.open(endPoint);
            endPoint.addInput(RawClient.GET);
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 200 OK"));

            for (int minute = 1; minute < 10; minute++) {
                looks.set(0);
                memory.pass(59_000);
                assertEquals(ConnectionState.IDLE, guard.state());
                assertTrue(looks.get() < 20, looks.get() + " looks in 590 ticks");
            }
            memory.pass(80_000);
            assertFalse(endPoint.isOpen());
        }
    }
}
