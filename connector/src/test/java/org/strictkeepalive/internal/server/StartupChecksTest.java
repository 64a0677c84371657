package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.GovernorFixture;
import org.strictkeepalive.testkit.OperatorLines;

/** What a start warns of. */
class StartupChecksTest extends GovernorFixture {
    @Test
    void aLimitTooLargeToMatterCountsAsAMillion() throws Exception {
        probe.limit = 1L << 30;
        scheduler.now += SECOND; // the limit is read at most once a second
        String log = OperatorLines.captured(() -> start(b -> b));
        assertEquals(1L << 20, monitor.getDescriptorLimit());
        assertEquals(1, OperatorLines.count(log, "too large to matter"), log);
    }

    @Test
    void aConfiguredLimitCounts() throws Exception {
        probe.limit = 1L << 30;
        scheduler.now += SECOND; // the limit is read at most once a second
        String log = OperatorLines.captured(() -> start(b -> b.descriptorLimit(500)));
        assertEquals(500, monitor.getDescriptorLimit());
        assertEquals(0, OperatorLines.count(log, "too large to matter"), log);
    }

    @Test
    void aLimitBeyondThatOfTheProcessDoesNotCount() throws Exception {
        String log = OperatorLines.captured(() -> start(b -> b.descriptorLimit(65_536)));
        assertEquals(1000, monitor.getDescriptorLimit());
        assertEquals(1, OperatorLines.count(log, "descriptorLimit: 65536 is more than the 1000 descriptors"), log);
    }

    @Test
    void aReserveOfMoreThanATenthOfTheRoomIsCutWithAWarning() throws Exception {
        String log = OperatorLines.captured(() -> start(b -> b.reservedDescriptors(100_000)));
        assertEquals(90, monitor.getReservedDescriptors());
        assertEquals(1, OperatorLines.count(log, "reservedDescriptors: 100000 is more than a tenth"), log);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 0})
    void aReserveThatIsNotAboveTheAcceptorsIsRaisedWithAWarning(int reserve) throws Exception {
        String log = OperatorLines.captured(() -> start(b -> b.reservedDescriptors(reserve)));
        assertEquals(1, OperatorLines.count(log, "reservedDescriptors: " + reserve), log);
        assertEquals(2, monitor.getReservedDescriptors());
    }

    @Test
    void unknownDescriptorsAndNoAcceptorAreWarnedOf() throws Exception {
        probe.used = -1;
        probe.limit = -1;
        scheduler.now += SECOND; // from which on the limit is read again
        String log = OperatorLines.captured(() -> start(0, b -> b));
        assertEquals(1, OperatorLines.count(log, "can't be counted"), log);
        assertEquals(1, OperatorLines.count(log, "no acceptor thread"), log);
        assertTrue(accept());
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
    }
}
