package org.strictkeepalive.internal.server;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Drain;

/** The server's drain, if there is one. Safe for use by any thread. */
public final class Draining {
    private final OperatorLog log;
    /** Null if the server doesn't drain. */
    private volatile Running running;

    private record Running(Drain drain, AtomicBoolean overTold) {}

    Draining(OperatorLog log) {
        this.log = log;
    }

    /** Begins a drain, in place of one that runs. */
    void begin(long now, long spread, int open) {
        running = new Running(new Drain(now, spread), new AtomicBoolean());
        log.drainBegun(spread, open);
    }

    /** Ends the drain, if there is one. */
    public void resume(int open) {
        if (isOn()) {
            forget();
            log.drainEnded(open);
        }
    }

    /** Ends the drain and logs nothing, because the server starts again. */
    void forget() {
        running = null;
    }

    /** Whether the server drains or has drained. */
    public boolean isOn() {
        return running != null;
    }

    /** Whether a response says close because of the drain. */
    public boolean saysClose(long now) {
        Running current = running;
        return current != null
                && current.drain.saysClose(now, ThreadLocalRandom.current().nextDouble());
    }

    /** Whether idle connections have to be closed because of the drain. The log says so once. */
    boolean isOver(long now, int open) {
        Running current = running;
        if (current == null || !current.drain.isOver(now)) {
            return false;
        }
        if (current.overTold.compareAndSet(false, true)) {
            log.drainOver(open);
        }
        return true;
    }

    /** Whether a drain is running, so that a tick has to find its end. */
    boolean isUnderWay() {
        Running current = running;
        return current != null && !current.overTold.get();
    }
}
