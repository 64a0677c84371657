package org.strictkeepalive.internal.observe;

import java.util.concurrent.atomic.LongAdder;
import org.strictkeepalive.ConnectionState;

/**
 * How many governed connections are in each state, by protocol. Connections tell each change, so that a reader looks at
 * none of them.
 *
 * <p>Each request changes its connection's state twice. So {@link ConnectionState#BUSY} is not counted: those are busy
 * that are in no other state. Safe for use by any thread. A reader that meets changes may see one of them in part.
 */
@SuppressWarnings("EnumOrdinal") // Indices of arrays that live as long as the enums.
public final class StateCounts {
    private static final ConnectionState[] STATES = ConnectionState.values();
    private static final Protocol[] PROTOCOLS = Protocol.values();

    private final LongAdder[] open = new LongAdder[PROTOCOLS.length];
    private final LongAdder[] inState = new LongAdder[PROTOCOLS.length * STATES.length];

    StateCounts() {
        for (int i = 0; i < open.length; i++) {
            open[i] = new LongAdder();
        }
        for (int i = 0; i < inState.length; i++) {
            inState[i] = new LongAdder();
        }
    }

    private void add(Protocol protocol, ConnectionState state, int change) {
        if (state != ConnectionState.BUSY) {
            inState[index(protocol, state)].add(change);
        }
    }

    private static int index(Protocol protocol, ConnectionState state) {
        return protocol.ordinal() * STATES.length + state.ordinal();
    }

    /** A connection is counted from now on. */
    public void enters(Protocol protocol, ConnectionState state) {
        open[protocol.ordinal()].increment();
        add(protocol, state, 1);
    }

    /** A connection that is counted changes its state. */
    public void moves(Protocol protocol, ConnectionState from, ConnectionState to) {
        add(protocol, from, -1);
        add(protocol, to, 1);
    }

    /** A connection is no longer counted. */
    public void leaves(Protocol protocol, ConnectionState state) {
        open[protocol.ordinal()].decrement();
        add(protocol, state, -1);
    }

    /** How many connections speak a protocol. */
    public int count(Protocol protocol) {
        return (int) Math.max(0, open[protocol.ordinal()].sum());
    }

    /** How many connections are in a state. */
    public int count(ConnectionState state) {
        int sum = 0;
        for (Protocol protocol : PROTOCOLS) {
            sum += count(state, protocol);
        }
        return sum;
    }

    /** How many connections are in a state and speak a protocol. */
    public int count(ConnectionState state, Protocol protocol) {
        if (state != ConnectionState.BUSY) {
            return (int) Math.max(0, inState[index(protocol, state)].sum());
        }
        long others = 0;
        for (ConnectionState other : STATES) {
            others += inState[index(protocol, other)].sum();
        }
        return (int) Math.max(0, open[protocol.ordinal()].sum() - others);
    }
}
