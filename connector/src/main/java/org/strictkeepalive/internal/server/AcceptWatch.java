package org.strictkeepalive.internal.server;

import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.AbstractConnector;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.Pressure;

/** Watches accepts: each accepted connection takes a descriptor before the next count. Safe for use by any thread. */
final class AcceptWatch {
    /** If the last count is this old, an accept counts again, provided that a count is cheap. */
    private static final long FRESH = TimeUnit.MILLISECONDS.toNanos(1);
    /** With fewer descriptors free, a connector without acceptor threads closes what it accepts. */
    private static final long LAST_DESCRIPTORS = 4;

    private final ConnectionCount connections;
    private final PressureMeter meter;
    private final Counters counters;
    private final Reaction reaction;
    /** Whether an accept has found the pressure CRITICAL. Set by any thread, cleared by ticks. */
    private volatile boolean visitors;

    AcceptWatch(ConnectionCount connections, PressureMeter meter, Counters counters, Reaction reaction) {
        this.connections = connections;
        this.meter = meter;
        this.counters = counters;
        this.reaction = reaction;
    }

    /**
     * A connection was accepted. Its endpoint is not there yet.
     *
     * @param channel its channel
     * @param connector its connector
     * @return false if the caller has to close it at once
     */
    boolean onAccepting(Object channel, AbstractConnector connector, long now) {
        long count = connections.onAccepting(channel);
        Pressure p = meter.pressure();
        if (!p.isKnown()) {
            if (meter.policy().getMaxConnections() > 0) {
                found(meter.estimate(now, -1, count));
            }
            return true;
        }
        long since = count - p.accepted();
        long free = p.free() - since;
        boolean cheap = meter.counter().isCheap();
        if (isOld(now, cheap) || (cheap && free <= p.reserve())) {
            p = found(meter.sample(now));
            free = p.free();
        } else if (free <= p.reserve() || isFull()) {
            // Counting again costs too much, or was done a moment ago. Each accept since then has taken a descriptor.
            p = found(meter.estimate(now, p.used() + since, count));
            free = p.free();
        } else if (p.level() == PressureLevel.CRITICAL) {
            onCritical();
        }
        if (connector.getAcceptors() == 0 && free < LAST_DESCRIPTORS) {
            Counters its = counters.of(connector, Connectors.nameOf(connector));
            its.onOpened();
            its.onClosed(CloseReason.REFUSED, 0, 0);
            return false;
        }
        return true;
    }

    private boolean isOld(long now, boolean cheap) {
        return meter.counter().age(now) >= (cheap ? FRESH : meter.interval());
    }

    private boolean isFull() {
        int most = meter.policy().getMaxConnections();
        return most > 0 && connections.held() >= most;
    }

    private Pressure found(Pressure p) {
        reaction.onPressure();
        if (p.level() == PressureLevel.CRITICAL) {
            onCritical();
        }
        return p;
    }

    private void onCritical() {
        visitors = true;
        reaction.relieveSoon();
    }

    /**
     * Whether visitors have come since the pressure is CRITICAL, so that others may wait behind them for relief. While
     * accepting pauses nobody is seen, but each acceptor lets one more in.
     */
    boolean hasVisitors() {
        // An accept writes the pressure first.
        if (visitors && meter.pressure().level() != PressureLevel.CRITICAL) {
            visitors = false;
        }
        return visitors;
    }
}
