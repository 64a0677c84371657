package org.strictkeepalive.internal.server;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.observe.Events;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.time.Ticker;
import org.strictkeepalive.internal.time.Turn;

/**
 * Acts on a new measurement of the pressure: pauses or resumes accepting, and tells the log and the listeners. Callers
 * hold no lock. Safe for use by any thread.
 */
final class Reaction {
    private static final long NEXT_VISITOR = TimeUnit.MILLISECONDS.toNanos(1);

    private final Ticker ticker;
    private final PressureMeter meter;
    private final Connectors connectors;
    private final Events events;
    private final OperatorLog log;
    private final Failures failures;
    private final LongSupplier clock;
    private final Looks looks;
    private final Census census;
    private final AcceptGate gate = new AcceptGate();
    private final Turn telling = new Turn(this::tell);
    /** The level that listeners were told last. Written by {@link #tell}, and by {@link #reset} while nobody tells. */
    private volatile PressureLevel told = PressureLevel.NORMAL;

    Reaction(
            Ticker ticker,
            PressureMeter meter,
            Connectors connectors,
            Events events,
            OperatorLog log,
            Failures failures,
            LongSupplier clock,
            Looks looks,
            Census census) {
        this.ticker = ticker;
        this.meter = meter;
        this.connectors = connectors;
        this.events = events;
        this.log = log;
        this.failures = failures;
        this.clock = clock;
        this.looks = looks;
        this.census = census;
    }

    AcceptGate gate() {
        return gate;
    }

    /** The pressure was measured. */
    void onPressure() {
        looks.heed(meter.pressure());
        pauseOrResume();
        telling.request();
    }

    /** Pauses or resumes accepting. */
    void pauseOrResume() {
        gate.settle(meter, connectors);
        if (gate.isPaused()) {
            // A tick has to end the pause, even if a start or an operator has caused it.
            relieveSoon();
        }
    }

    /** Lets a tick come that relieves. */
    void relieveSoon() {
        ticker.ensure(clock.getAsLong(), Relief.INTERVAL);
    }

    /** A connection was closed. If a visitor was refused on it, the next one takes its descriptor soon. */
    void onClosed(CloseReason reason) {
        if (reason == CloseReason.REFUSED && gate.isPaused()) {
            ticker.ensure(clock.getAsLong(), meter.counter().isCheap() ? NEXT_VISITOR : Relief.INTERVAL);
        }
    }

    /** Resumes accepting whatever the pressure, since a tick has failed. */
    void resume() {
        try {
            gate.resume();
        } catch (Throwable x) {
            failures.add("resume accepting", x);
        }
    }

    /**
     * Tells the log and the listeners, on one thread at a time. What they are told last is the level that holds. A
     * level that is replaced while a thread tells may be left out.
     */
    private void tell() {
        try {
            Pressure p = meter.pressure();
            PressureLevel from = told;
            PressureLevel to = p.highestLevel();
            if (to != from) {
                told = to;
                if (events.isHeard() && !connectors.isEmpty()) {
                    events.publish(listener -> listener.onPressureChanged(from, to, p.highestShare()));
                }
            }
            long now = clock.getAsLong();
            if (log.isLevelDue(p, now)) {
                Census.Snapshot seen = census.anew(now);
                log.level(
                        p,
                        gate.pauses(),
                        census.states(),
                        seen.eventStreams(),
                        connectors.ungoverned().byKind(),
                        seen.holders());
            }
        } catch (Throwable x) {
            failures.add("report the pressure", x);
        }
    }

    /** The pressure is over, since no connector is left. */
    void reset() {
        told = PressureLevel.NORMAL;
    }
}
