package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.strictkeepalive.ConnectionState;

class StateCountsTest {
    private final StateCounts counts = new StateCounts();

    @Test
    void eachStateIsCountedAndTheRestIsBusy() {
        counts.enters(Protocol.HTTP_1, ConnectionState.NEW);
        counts.enters(Protocol.HTTP_1, ConnectionState.BUSY);
        counts.enters(Protocol.HTTP_2, ConnectionState.IDLE);
        counts.moves(Protocol.HTTP_1, ConnectionState.NEW, ConnectionState.BUSY);
        assertEquals(2, counts.count(ConnectionState.BUSY));
        assertEquals(0, counts.count(ConnectionState.NEW));
        assertEquals(1, counts.count(ConnectionState.IDLE));
        assertEquals(0, counts.count(ConnectionState.IDLE, Protocol.HTTP_1));
        assertEquals(1, counts.count(ConnectionState.IDLE, Protocol.HTTP_2));
        assertEquals(2, counts.count(Protocol.HTTP_1));
        counts.moves(Protocol.HTTP_1, ConnectionState.BUSY, ConnectionState.LINGERING);
        counts.leaves(Protocol.HTTP_1, ConnectionState.LINGERING);
        assertEquals(1, counts.count(ConnectionState.BUSY));
        assertEquals(0, counts.count(ConnectionState.LINGERING));
        counts.leaves(Protocol.HTTP_1, ConnectionState.BUSY);
        counts.leaves(Protocol.HTTP_2, ConnectionState.IDLE);
        for (ConnectionState state : ConnectionState.values()) {
            assertEquals(0, counts.count(state), state::toString);
        }
    }

    /** Changes seen in part must not be shown as a negative number. */
    @Test
    void noNumberIsNegative() {
        counts.leaves(Protocol.NONE, ConnectionState.NEW);
        assertEquals(0, counts.count(ConnectionState.NEW));
        assertEquals(0, counts.count(Protocol.NONE));
        assertEquals(0, counts.count(ConnectionState.BUSY));
    }
}
