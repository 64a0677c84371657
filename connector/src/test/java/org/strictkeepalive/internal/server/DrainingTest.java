package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.GovernorFixture;
import org.strictkeepalive.testkit.OperatorLines;

/** A drain as the server's governor runs it; on the wire it is DrainSocketTest. */
class DrainingTest extends GovernorFixture {
    @Test
    void aDrainHasAnEndThatIsToldOnceAndNeedsNoConnection() throws Exception {
        start(b -> b);
        String log = OperatorLines.captured(() -> {
            monitor.drain(Duration.ofSeconds(5));
            assertTrue(monitor.isDraining());
            assertEquals(1, scheduler.pending.size());
            scheduler.advance(20 * SECOND);
            assertTrue(monitor.isDraining(), "until it is resumed");
            assertEquals(List.of(), scheduler.pending);
            open();
            scheduler.advance(20 * SECOND);
            monitor.resume();
            monitor.resume();
        });
        assertFalse(monitor.isDraining());
        assertEquals(1, OperatorLines.count(log, "Drain begun: spread=5000ms open=0"), log);
        assertEquals(1, OperatorLines.count(log, "Drain over: open=0"), log);
        assertEquals(1, OperatorLines.count(log, "Drain ended: open=1"), log);
    }

    @Test
    void aDrainThatBeginsAnewIsOverAnew() throws Exception {
        start(b -> b);
        String log = OperatorLines.captured(() -> {
            monitor.drain(Duration.ZERO);
            scheduler.advance(SECOND);
            monitor.drain(Duration.ofSeconds(3));
            scheduler.advance(2 * SECOND);
            assertEquals(1, scheduler.pending.size());
            scheduler.advance(2 * SECOND);
        });
        assertEquals(2, OperatorLines.count(log, "Drain over"), log);
        assertEquals(List.of(), scheduler.pending);
    }

    @Test
    void atItsEndAllAreLookedAt() throws Exception {
        start(b -> b);
        FakeConnection connection = open();
        monitor.drain(Duration.ofSeconds(2));
        scheduler.advance(2 * SECOND - 200 * MS);
        assertEquals(0, connection.looks);
        scheduler.advance(400 * MS);
        assertTrue(connection.looks > 0);
    }

    @Test
    void theNextStartEndsIt() throws Exception {
        start(b -> b);
        monitor.drain(Duration.ZERO);
        server.stop();
        server.start();
        assertFalse(monitor.isDraining());
    }

    @Test
    void aResponseSaysCloseWithAChanceThatRises() {
        Draining draining = new Draining(new OperatorLog());
        assertFalse(draining.saysClose(0));
        draining.begin(0, 1000, 0);
        int early = 0;
        int late = 0;
        for (int i = 0; i < 2000; i++) {
            early += draining.saysClose(100) ? 1 : 0;
            late += draining.saysClose(900) ? 1 : 0;
        }
        assertTrue(early > 0 && early < late && late < 2000, early + " " + late);
        assertTrue(draining.saysClose(1000));
    }
}
