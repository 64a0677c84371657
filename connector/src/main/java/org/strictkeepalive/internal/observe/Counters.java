package org.strictkeepalive.internal.observe;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.WeakHashMap;
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
    private final Failures failures;
    /** Those of the connectors. They stay when a connector stops, so that no number falls. */
    private final List<Counters> connectors = new CopyOnWriteArrayList<>();
    /** The same, by connector. Guarded by itself. */
    private final Map<Object, Counters> byConnector = new WeakHashMap<>();

    private final List<Consumer<String>> watchers = new CopyOnWriteArrayList<>();
    /** The name of the connector, null for a server. */
    private volatile String name;

    /** Creates the counters of a server. */
    public Counters() {
        this(new Failures());
    }

    /**
     * Creates the counters of a server.
     *
     * @param failures counts the failures of watchers
     */
    public Counters(Failures failures) {
        this.failures = failures;
        states = new StateCounts();
        races = new RaceMeter();
        reuses = new Histogram();
        requestsAtClose = new Histogram();
        ageAtClose = new Histogram();
        regret = new Regret();
        begin();
    }

    private Counters(Counters server) {
        failures = server.failures;
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

    /** Those of a connector, which has this name from now on. */
    public Counters of(Object connector, String called) {
        synchronized (byConnector) {
            Counters result = byConnector.get(connector);
            if (result == null) {
                result = new Counters(this);
                byConnector.put(connector, result);
                connectors.add(result);
            }
            result.name = called;
            return result;
        }
    }

    /** A number of each connector that there has been, by name. Connectors of one name are added up. */
    public Map<String, Long> byConnector(ToLongFunction<Counters> number) {
        Map<String, Long> result = new TreeMap<>();
        connectors.forEach(of -> result.merge(of.name, number.applyAsLong(of), Long::sum));
        return result;
    }

    /** Tells the watchers that a connector has started. */
    public void started(String connector) {
        watchers.forEach(watcher -> tell(watcher, connector));
    }

    /** Tells the name of each connector now, and later of each that starts. */
    public void watch(Consumer<String> watcher) {
        watchers.add(watcher);
        connectors.forEach(of -> tell(watcher, of.name));
    }

    private void tell(Consumer<String> watcher, String connector) {
        try {
            watcher.accept(connector);
        } catch (Throwable x) {
            failures.add("tell of a connector", x);
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
        for (Counters connector : connectors) {
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
