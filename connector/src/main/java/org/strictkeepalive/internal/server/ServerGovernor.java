package org.strictkeepalive.internal.server;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.NanoTime;
import org.eclipse.jetty.util.thread.Scheduler;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.ApplicationCalls;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.Events;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.time.DeadlineWheel;
import org.strictkeepalive.internal.time.Slice;
import org.strictkeepalive.internal.time.TaskThread;
import org.strictkeepalive.internal.time.Ticker;

/**
 * Governs the connections of a server. It decides what happens in a tick, in which order, and when the next one comes;
 * its parts do the work. Without a governed connection nothing ticks, but for the end of a pause or a drain and for
 * late log lines.
 *
 * <p>Safe for use by any thread. It has no lock of its own. Loggers, listeners, pressure sources and Jetty are called
 * while no lock is held, except by {@link AcceptGate}.
 */
public final class ServerGovernor {
    /** Jetty's clock, by which Jetty also records when each request begins. */
    public static final LongSupplier CLOCK = NanoTime::now;

    /**
     * The name of the thread that ends connections. The timer's thread must not wait for a lock of TLS, and the pool may
     * have no thread that slow clients don't block.
     */
    public static final String CLOSER = "strict-keepalive-closer";

    private final LongSupplier clock;
    private final Ticker ticker;
    private final DeadlineWheel<GovernedConnection> wheel;
    private final Connectors connectors = new Connectors();
    private final ConnectionCount connections = new ConnectionCount();
    private final Failures failures = new Failures();
    private final Counters counters = new Counters(failures);
    private final OperatorLog log = new OperatorLog();
    private final Draining draining = new Draining(log);
    private final ApplicationCalls calls = new ApplicationCalls();
    private final PressureSources sources;
    private final ThreadWatch threads;
    private final PressureMeter meter;
    private final Reaction reaction;
    private final AcceptWatch acceptWatch;
    private final Looks looks;
    private final Census census;
    private final Relief relief;
    private final ThreadRelief threadRelief;
    private final Events events;
    private final TaskThread closer;
    private final Slice slice;
    /** Read and written by ticks only. */
    private Pace pace = Pace.CALM;

    /**
     * Creates the governor of a server.
     *
     * @param threaded whether it has threads; if not, the caller's thread does everything, as in virtual time
     */
    public ServerGovernor(Scheduler scheduler, DescriptorProbe probe, LongSupplier clock, boolean threaded) {
        this.clock = clock;
        long now = clock.getAsLong();
        ticker = new Ticker(
                (task, delay) -> scheduler.schedule(task, delay, TimeUnit.NANOSECONDS)::cancel,
                this::onTick,
                failures.of("schedule a tick"));
        wheel = new DeadlineWheel<>(now);
        sources = new PressureSources(threaded, failures);
        events = new Events(threaded);
        threads = new ThreadWatch(wheel, connectors);
        meter = new PressureMeter(new DescriptorCounter(probe, now), connections, connectors, sources, failures);
        closer = new TaskThread(CLOSER, threaded, failures.of("end a connection"));
        slice = new Slice(clock, closer);
        looks = new Looks(wheel, meter, failures, slice, now);
        census = new Census(wheel, counters.states());
        reaction = new Reaction(ticker, meter, connectors, events, log, failures, clock, looks, census);
        acceptWatch = new AcceptWatch(connections, meter, counters, reaction);
        relief = new Relief(wheel, connectors.ungoverned(), looks, slice);
        threadRelief = new ThreadRelief(wheel, looks);
    }

    private void onTick() {
        boolean more = true;
        try {
            more = tick(now());
        } catch (Throwable x) {
            failures.add("tick", x);
            reaction.resume();
        }
        if (more) {
            long now = now();
            ticker.ensure(now, untilNextTick(now));
        }
    }

    /**
     * Does what is due; by one thread at a time.
     *
     * @return whether another tick is needed
     */
    public boolean tick(long now) {
        askSources(now);
        meter.threads(threads.look(now, meter.interval(), meter.threadGauge()));
        Pressure p = isUnfinished() && meter.isRecent(now) ? pressure() : sample(now);
        boolean drained = draining.isOver(now, connections.open());
        Tick tick = new Tick(now, p, drained ? CloseReason.DRAIN : null);
        boolean shutdown = connectors.isAnyShutdown();
        slice.begin(shutdown || isRoomWanted() ? Slice.ENDLESS : pace.slice);
        looks.look(tick, drained || shutdown);
        relieve(tick);
        threadRelief.step(tick, meter.interval(), threads.held());
        log.races(counters.races(), now);
        connectors.ungoverned().purge(now);
        if (!connectors.isEmpty()) {
            log.watchOthers(p, Math.max(p.open(), connectors.endPoints()), now, closer);
        }
        return wheel.size() > 0 || reaction.gate().isPaused() || log.isBehind() || draining.isUnderWay();
    }

    /** Whether somebody waits for the closes. A pause without acceptor threads lets nobody in who could be seen. */
    private boolean isRoomWanted() {
        return acceptWatch.hasVisitors() || (reaction.gate().isPaused() && meter.acceptors() == 0);
    }

    private long untilNextTick(long now) {
        PressureLevel level = pressure().level();
        pace = Pace.of(level, wheel.late(now));
        return isUnfinished() ? pace.pause : Pace.untilNextTick(level, meter.interval(), wheel, now);
    }

    private boolean isUnfinished() {
        return looks.isUnfinished() || relief.isUnfinished();
    }

    private void askSources(long now) {
        if (!connectors.isEmpty()) {
            sources.ask(now, meter.interval());
            endThreads(); // This tick may have raced with the stop.
        }
    }

    /** Measures the pressure; then pauses or resumes accepting, and tells the log and the listeners. */
    private Pressure sample(long now) {
        Pressure p = meter.sample(now);
        reaction.onPressure();
        return p;
    }

    /** Measures the pressure as a tick does, but looks at no connection. */
    public void sample() {
        long now = now();
        askSources(now);
        sample(now);
    }

    private void relieve(Tick tick) {
        if (!tick.pressure().level().isAtLeast(PressureLevel.HIGH)) {
            relief.reset();
        } else if (relief.isDue(tick.now())) {
            meter.found(relief.step(tick, meter.gauge(), isRoomWanted()));
            reaction.pauseOrResume();
        }
    }

    // ---- Connectors

    /** Starts to govern a connector. Refuses settings that contradict those of the server's other connectors. */
    public void register(GovernedConnector starting) {
        StartupChecks.refuse(starting, connectors);
        boolean first = connectors.isEmpty();
        if (first) {
            ticker.cancel(); // a tick that a stopped scheduler has dropped
            connections.forgetAccepted();
            draining.forget();
        }
        connectors.add(starting);
        meter.acceptors(connectors.acceptors());
        KeepAlivePolicy policy = starting.decisions().policy();
        meter.adopt(policy);
        events.begin();
        sample(now());
        if (first) {
            OwnClasses.load();
            StartupChecks.warn(meter);
        }
        StartupChecks.warn(starting.connector(), policy, meter.acceptors());
    }

    /** Releases a connector that stops. */
    public void unregister(GovernedConnector stopping) {
        connectors.remove(stopping);
        meter.acceptors(connectors.acceptors());
        reaction.gate().release(stopping.connector());
        endThreads();
        if (connectors.isEmpty() && wheel.size() == 0) {
            ticker.cancel();
            meter.reset();
            reaction.reset();
        }
    }

    private void endThreads() {
        if (connectors.isEmpty()) {
            closer.end();
            sources.end();
            events.end();
        }
    }

    /** Counts as closed the connections of a stopped connector whose end Jetty has not reported. */
    public void sweep(Governor stopped) {
        wheel.list().stream().filter(c -> c.isOf(stopped)).forEach(c -> onClosed(c, CloseReason.STOP));
    }

    /** One connector has a new policy: its settings of pressure become those of all. */
    public void onPolicyChanged(KeepAlivePolicy changed) {
        for (GovernedConnector connector : connectors) {
            connector.adoptPressureSettings(changed);
        }
        meter.adopt(changed);
        StartupChecks.warnOfChanges(meter);
        looks.lookAtAll();
    }

    /** A connector shuts down: its idle connections end now, not at the next tick. */
    public void onShutdown() {
        looks.watchAll();
        ticker.ensure(now(), 0);
    }

    /**
     * A connection was accepted, its endpoint is not there yet.
     *
     * @return false if it is to be closed at once
     */
    public boolean onAccepting(AbstractConnector connector, Object channel) {
        return acceptWatch.onAccepting(channel, connector, now());
    }

    /** The endpoint of an accepted connection is there now, or will never be. */
    public void onAccepted(Object channel) {
        connections.onAccepted(channel);
    }

    // ---- Connections

    public long now() {
        return clock.getAsLong();
    }

    /** When a request began. If Jetty has recorded the time, the clock is not read again. */
    @SuppressWarnings("ReferenceEquality") // The clock itself.
    public long begun(Request request) {
        return clock == CLOCK ? request.getBeginNanoTime() : now();
    }

    public Pressure pressure() {
        return meter.pressure();
    }

    /** Whether the first request of a connection is refused, since busy requests hold all the room. */
    public boolean isRefusing() {
        return meter.gauge().isRefusing(pressure());
    }

    public void onOpened(GovernedConnection connection, long due) {
        connection.counters().onOpened();
        connections.onOpened();
        connection.countIn();
        wheel.add(connection, due);
        ticker.ensure(now(), meter.interval());
        closer.begin();
        endThreads(); // This accept may have raced with the stop.
    }

    /** Replaces a connection whose phase before HTTP is over by its successor. */
    public boolean replace(GovernedConnection connection, GovernedConnection by, long due) {
        by.countIn();
        boolean replaced = wheel.replace(connection, by, due);
        if (replaced) {
            connection.countOut();
        }
        return replaced;
    }

    public void due(GovernedConnection connection, long due) {
        wheel.due(connection, due);
    }

    /** The policy has decided to close a connection. */
    public void onClosing(Connection connection, CloseReason reason) {
        if (events.isHeard()) {
            events.publish(listener -> listener.onClosing(connection, reason));
        }
    }

    public void onClosed(GovernedConnection connection, CloseReason reason) {
        if (wheel.remove(connection)) {
            connection.countOut();
            connections.onClosed();
            long age = TimeUnit.NANOSECONDS.toMillis(now() - connection.openedAt());
            connection.counters().onClosed(reason, connection.requests(), age);
            log.closed(reason, connection);
            reaction.onClosed(reason);
        }
    }

    public TaskThread closer() {
        return closer;
    }

    public ApplicationCalls calls() {
        return calls;
    }

    public Counters counters() {
        return counters;
    }

    // ---- What operators ask

    /**
     * The pressure for a reader. Without a governed connection nothing ticks, so the last sample may be old. Then it is
     * counted for this reader, and nothing is changed.
     */
    public Pressure seen() {
        boolean isOld = meter.counter().age(now()) > meter.interval() * 2;
        return isOld && connections.open() == 0 ? meter.look() : pressure();
    }

    public PressureMeter meter() {
        return meter;
    }

    public long failures() {
        return failures.count() + events.failures();
    }

    /** The governed connections, handshaking and lingering ones included. */
    public int open() {
        return connections.open();
    }

    public List<GovernedConnection> connections() {
        return wheel.list();
    }

    /** What operators see of single connections. */
    public Census.Snapshot snapshot() {
        return census.snapshot(now());
    }

    public Connectors connectors() {
        return connectors;
    }

    public AcceptGate gate() {
        return reaction.gate();
    }

    public PressureSources sources() {
        return sources;
    }

    public Events events() {
        return events;
    }

    public Looks looks() {
        return looks;
    }

    /** Begins a drain that takes so many nanoseconds. */
    public void drain(long spread) {
        draining.begin(now(), spread, connections.open());
        looks.watchAll();
        ticker.ensure(now(), spread);
    }

    public Draining draining() {
        return draining;
    }
}
