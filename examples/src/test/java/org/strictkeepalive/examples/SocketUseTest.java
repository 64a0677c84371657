package org.strictkeepalive.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.examples.SocketUse.Traffic;

class SocketUseTest {
    private static final String LINE =
            "ESTAB 0      41              127.0.0.1:51618          127.0.0.1:45843 timer:(on,200ms,0) ino:50706416"
                    + " sk:1f3a cgroup:/ <-> ts sack bbr wscale:10,10 rto:204 rtt:0.517/0.261 bytes_sent:156046"
                    + " bytes_acked:156006 bytes_received:528895 segs_out:3810 lastsnd:4 lastack:4 minrtt:0.004\n";

    @Test
    void theKernelTellsWhatMoves() {
        Map<Long, Traffic> parsed = SocketUse.parse(LINE + "ESTAB 0 0 127.0.0.1:1 127.0.0.1:2 ino:7 sk:1\n");
        assertEquals(new Traffic(41, 4, 0, 156046, 528895), parsed.get(50706416L));
        assertNull(parsed.get(7L), "a line without details");
    }

    private static Traffic traffic(long unsent, long lastSent, long lastReceived, long received) {
        return new Traffic(unsent, lastSent, lastReceived, 100, received);
    }

    @Test
    void whomAnExchangeWaitsFor() {
        Traffic idle = traffic(0, 10, 20, 50);
        assertEquals(SocketUse.IDLE, SocketUse.of("ESTABLISHED", idle, idle));
        Traffic silent = traffic(0, 10, 10, 0);
        assertEquals(SocketUse.SILENT, SocketUse.of("ESTABLISHED", silent, silent));
        // The kernel's times are those of its clock: the first request may come as soon as the connection.
        Traffic asks = new Traffic(0, 10, 10, 0, 50);
        assertEquals(SocketUse.APPLICATION, SocketUse.of("ESTABLISHED", asks, asks));
        Traffic asked = traffic(0, 20, 10, 50);
        assertEquals(SocketUse.APPLICATION, SocketUse.of("ESTABLISHED", asked, asked));
        assertEquals(SocketUse.BODY, SocketUse.of("ESTABLISHED", asked, traffic(0, 1020, 5, 350)));
        Traffic stuck = traffic(9, 500, 600, 50);
        assertEquals(SocketUse.READING, SocketUse.of("ESTABLISHED", stuck, stuck));
        assertEquals(SocketUse.GONE, SocketUse.of("CLOSE_WAIT", asked, asked));
        assertEquals(SocketUse.CLOSING, SocketUse.of("FIN_WAIT2", null, null));
        assertEquals(SocketUse.UNKNOWN, SocketUse.of("ESTABLISHED", null, null));
    }

    @Test
    void theVerdictIsAboutThoseWhoHoldTheRoom() {
        Map<SocketUse, Integer> busy = Map.of(SocketUse.BODY, 180, SocketUse.APPLICATION, 12, SocketUse.IDLE, 8);
        String held = InspectCommand.verdict(busy, 254, 256);
        assertTrue(held.contains("busy ones hold the room, 192 of 200: to close the 8 others is not enough"), held);
        assertTrue(held.contains("180 send their request"), held);
        String idle = InspectCommand.verdict(Map.of(SocketUse.IDLE, 190, SocketUse.BODY, 10), 254, 256);
        assertTrue(idle.contains("it would close idle ones until at most 151 are open"), idle);
    }
}
