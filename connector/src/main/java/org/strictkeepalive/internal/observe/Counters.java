package org.strictkeepalive.internal.observe;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.strictkeepalive.CloseReason;

/**
 * Counts what happens to the governed connections of a server. Each connector has {@linkplain #of counters of its own};
 * those of the server are their sum. States, races, distributions and regrets are kept for the whole server. Safe for use
 * by any thread.
 */
public final class Counters {
    private final LongAdder opened = new LongAdder();
    private final LongAdder requests = new LongAdder();
    private final Map<CloseReason, LongAdder> closed = new EnumMap<>(CloseReason.class);
    private final StateCounts states;
    private final RaceMeter races;
    private final Histogram reuses;
    private final Histogram requestsAtClose;
    private final Histogram ageAtClose;
    private final Regret regret;
    /** Of the connectors, by name. They stay when a connector stops. */
    private final Map<String, Counters> connectors = new ConcurrentSkipListMap<>();

    private final List<Consumer<String>> watchers = new CopyOnWriteArrayList<>();

    /** Creates the counters of a server. */
    public Counters() {
        states = new StateCounts();
        races = new RaceMeter();
        reuses = new Histogram();
        requestsAtClose = new Histogram();
        ageAtClose = new Histogram();
        regret = new Regret();
        begin();
    }

    private Counters(Counters server) {
        states = server.states;
        races = server.races;
        reuses = server.reuses;
        requestsAtClose = server.requestsAtClose;
        ageAtClose = server.ageAtClose;
        regret = server.regret;
        begin();
    }

    private void begin() {
        for (CloseReason reason : CloseReason.values()) {
            closed.put(reason, new LongAdder());
        }
    }

    /** Those of the connector of that name. */
    public Counters of(String connector) {
        return connectors.computeIfAbsent(connector, name -> new Counters(this));
    }

    /** Those of all connectors that there have been, by name. */
    public Map<String, Counters> byConnector() {
        return Collections.unmodifiableMap(connectors);
    }

    /** Tells the watchers that a connector has started. */
    public void started(String connector) {
        watchers.forEach(watcher -> watcher.accept(connector));
    }

    /** Tells the name of each connector now, and later of each that starts. */
    public void watch(Consumer<String> watcher) {
        watchers.add(watcher);
        connectors.keySet().forEach(watcher);
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
        return sum(opened, Counters::opened);
    }

    public long closed(CloseReason reason) {
        return sum(closed.get(reason), connector -> connector.closed(reason));
    }

    /** How many connections were closed for each reason, all reasons included. */
    public Map<CloseReason, Long> closed() {
        Map<CloseReason, Long> result = new EnumMap<>(CloseReason.class);
        closed.keySet().forEach(reason -> result.put(reason, closed(reason)));
        return result;
    }

    /** The requests that have come with complete headers. */
    public long requests() {
        return sum(requests, Counters::requests);
    }

    private long sum(LongAdder own, ToLongFunction<Counters> ofConnector) {
        long sum = own.sum();
        for (Counters connector : connectors.values()) {
            sum += ofConnector.applyAsLong(connector);
        }
        return sum;
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
