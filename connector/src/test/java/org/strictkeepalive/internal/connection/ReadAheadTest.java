package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.Deque;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.UpgradedConnection;

/** A request whose bytes the policy finds when it is about to close, before the selector has seen them. */
class ReadAheadTest {
    private final Deque<Runnable> wakeUps = new ArrayDeque<>();

    @Test
    void anUpgradeThatComesAsItsConnectionIsEvictedIsLeftAlone() throws Exception {
        try (MemoryServer memory =
                new MemoryServer(KeepAlivePolicy.defaults(), TestServer.handler((request, response, callback) -> {
                    UpgradedConnection.switchProtocols(response);
                    UpgradedConnection.echo(request, Runnable::run);
                    response.write(true, null, callback);
                }))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler) {
                @Override
                protected void execute(Runnable task) {
                    wakeUps.add(task);
                }
            };
            ConnectionGuard guard = memory.open(endPoint);
            endPoint.addInputAndExecute(
                    BufferUtil.toBuffer("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"));
            assertTrue(guard.evict(guard.since(), memory.scheduler.now));
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 101"));
            assertFalse(endPoint.isOutputShutdown());
            endPoint.addInputAndExecute(BufferUtil.toBuffer("ping"));
            while (!wakeUps.isEmpty()) {
                wakeUps.remove().run();
            }
            assertEquals("ping", endPoint.takeOutputString());
            assertTrue(endPoint.isOpen());
        }
    }
}
