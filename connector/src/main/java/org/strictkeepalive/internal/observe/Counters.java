package org.strictkeepalive.internal.observe;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.strictkeepalive.CloseReason;

/** Counts what happens to the governed connections of a server. Safe for use by any thread. */
public final class Counters {
    private final LongAdder opened = new LongAdder();
    private final LongAdder requests = new LongAdder();
    private final StateCounts states = new StateCounts();
    private final Map<CloseReason, LongAdder> closed = new EnumMap<>(CloseReason.class);
    private final RaceMeter races = new RaceMeter();
    private final Histogram reuses = new Histogram();
    private final Histogram requestsAtClose = new Histogram();
    private final Histogram ageAtClose = new Histogram();
    private final Regret regret = new Regret();

    public Counters() {
        for (CloseReason reason : CloseReason.values()) {
            closed.put(reason, new LongAdder());
        }
    }

    public void onOpened() {
        opened.increment();
    }

    /** A request has come with complete headers. */
    public void onRequest() {
        requests.increment();
    }

    /** A connection was closed at this age, which is in milliseconds. */
    public void onClosed(CloseReason reason, long requests, long age) {
        requestsAtClose.add(requests);
        ageAtClose.add(age);
        closed.get(reason).increment();
    }

    public long opened() {
        return opened.sum();
    }

    public long closed(CloseReason reason) {
        return closed.get(reason).sum();
    }

    /** How many connections were closed for each reason, all reasons included. */
    public Map<CloseReason, Long> closed() {
        Map<CloseReason, Long> result = new EnumMap<>(CloseReason.class);
        closed.forEach((reason, count) -> result.put(reason, count.sum()));
        return result;
    }

    /** The requests that have come with complete headers. */
    public long requests() {
        return requests.sum();
    }

    /** How many open connections are in each state. */
    public StateCounts states() {
        return states;
    }

    public RaceMeter races() {
        return races;
    }

    /** Reuses, by the milliseconds that the connection had been idle. */
    public Histogram reuses() {
        return reuses;
    }

    public Histogram requestsAtClose() {
        return requestsAtClose;
    }

    /** Closes, by the milliseconds since accept. */
    public Histogram ageAtClose() {
        return ageAtClose;
    }

    public Regret regret() {
        return regret;
    }
}
