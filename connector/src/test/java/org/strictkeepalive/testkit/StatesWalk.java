package org.strictkeepalive.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Protocol;

/** Compares the counts of states, which connections keep as they change, with a walk over all connections. */
public final class StatesWalk {
    private StatesWalk() {}

    /** To be called while nothing changes. */
    public static void assertCounted(DescriptorMonitor monitor) {
        List<GovernedConnection> connections = Inside.governor(monitor).connections();
        Map<String, Integer> walked = new LinkedHashMap<>();
        Map<String, Integer> counted = new LinkedHashMap<>();
        for (Protocol protocol : Protocol.values()) {
            for (ConnectionState state : ConnectionState.values()) {
                String key = protocol + " " + state;
                walked.put(key, (int) connections.stream()
                        .filter(c -> c.protocol() == protocol && c.state() == state)
                        .count());
                counted.put(key, monitor.getStatistics().getOpen(state, protocol.toString()));
            }
        }
        assertEquals(walked, counted, connections::toString);
    }
}
