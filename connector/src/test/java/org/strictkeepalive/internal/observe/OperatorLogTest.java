package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.GovernorFixture;
import org.strictkeepalive.testkit.OperatorLines;

/** What operators read. */
class OperatorLogTest extends GovernorFixture {
    @Test
    void aStormOfLevelChangesIsFewLines() throws Exception {
        start(b -> b);
        open();
        String log = OperatorLines.captured(() -> {
            for (int i = 0; i < 300; i++) {
                probe.used = i % 2 == 0 ? 999 : 100;
                scheduler.advance(100 * MS);
            }
        });
        assertTrue(OperatorLines.count(log, "Descriptor pressure") >= 3, log);
        assertTrue(OperatorLines.count(log, "Descriptor pressure") <= 8, log);
        assertTrue(log.contains("used=999 limit=1000 open=1"), log);
    }
}
