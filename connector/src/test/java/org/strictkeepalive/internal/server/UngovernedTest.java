package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.MemoryEndPoint;

/** The counts of the connections that are not governed. */
class UngovernedTest {
    private final Ungoverned ungoverned = new Ungoverned();
    private final MemoryEndPoint socket = new MemoryEndPoint(new FakeScheduler());
    private final Connection connection = new AbstractConnection(socket, Runnable::run) {
        @Override
        public void onFillable() {}
    };

    @Test
    void eachSocketCountsOnce() {
        ungoverned.add(socket, connection, "peer");
        ungoverned.add(socket, connection, "peer");
        ungoverned.add(new MemoryEndPoint(new FakeScheduler()), connection, "peer");
        assertEquals(Map.of("peer", 2), ungoverned.byPeer());
        assertEquals(2, ungoverned.byKind().get("other"));
        ungoverned.remove(socket);
        ungoverned.remove(socket);
        assertEquals(Map.of("peer", 1), ungoverned.byPeer());
    }

    @Test
    void closeAtTheMomentOfTheUpgradeLeavesNothing() throws Exception {
        CyclicBarrier together = new CyclicBarrier(2);
        int rounds = 50_000;
        Thread closing = new Thread(() -> {
            for (int i = 0; i < rounds; i++) {
                pass(together);
                ungoverned.remove(socket);
                pass(together);
            }
        });
        closing.start();
        for (int i = 0; i < rounds; i++) {
            pass(together);
            ungoverned.add(socket, connection, "peer");
            pass(together);
            ungoverned.remove(socket);
        }
        closing.join();
        assertEquals(Map.of(), ungoverned.byPeer());
    }

    private static void pass(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (Exception x) {
            throw new IllegalStateException(x);
        }
    }
}
