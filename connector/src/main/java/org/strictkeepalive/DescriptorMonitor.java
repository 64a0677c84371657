package org.strictkeepalive;

import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Jetty;
import org.eclipse.jetty.util.NanoTime;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.eclipse.jetty.util.annotation.ManagedOperation;
import org.eclipse.jetty.util.annotation.Name;
import org.eclipse.jetty.util.component.Dumpable;
import org.eclipse.jetty.util.component.DumpableCollection;
import org.eclipse.jetty.util.thread.AutoLock;
import org.eclipse.jetty.util.thread.Scheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the descriptors of the process and the governed connections of a server: one a server, a bean of it, there
 * from the first start on. It runs the deadlines of the connections, evicts under pressure, and pauses accepting.
 *
 * <p>While there is no governed connection nothing is scheduled. Safe for use by any thread.
 */
@ManagedObject("The descriptors of the process and the pressure on them")
public class DescriptorMonitor implements Dumpable {
    private static final Logger LOG = LoggerFactory.getLogger(DescriptorMonitor.class);
    /** How often relief runs while the reserve is reached: waiting for the tick would cost visitors seconds. */
    private static final long RELIEF_INTERVAL = TimeUnit.MILLISECONDS.toNanos(10);
    /** By how much of the way to their minimum deadlines shrink until all connections are looked at again. */
    private static final double SQUEEZE_STEP = 0.01;
    /** For each connection, exchanges are judged so much less often at ELEVATED: it must not take the CPU. */
    private static final long JUDGED_EACH = TimeUnit.MICROSECONDS.toNanos(40);
    /** The age from which a sample is taken again at accept. */
    private static final long FRESH = TimeUnit.MILLISECONDS.toNanos(1);
    /** How long the last count holds where counting fails. */
    private static final long COUNT_HOLDS = TimeUnit.SECONDS.toNanos(1);
    /** How long a count is used in part that can't be true: where the limit was lowered, evictions mend it. */
    private static final long DOUBT_LASTS = TimeUnit.SECONDS.toNanos(5);
    /** How long the reserve is a part of an earlier room: a closed socket's descriptor is free a moment later. */
    private static final long ROOM_HOLDS = TimeUnit.SECONDS.toNanos(1);
    /** How often the limit, which an operator may change while running, is read again. */
    private static final long LIMIT_INTERVAL = TimeUnit.SECONDS.toNanos(1);
    /** With fewer descriptors free, a connector without acceptor threads closes what it accepts. */
    private static final long LAST_DESCRIPTORS = 4;

    /** The ticks in a sample interval, at most. */
    private static final int MOST_TICKS = 4;

    /** Jetty's, which has also timed the begin of each request. */
    private static final LongSupplier CLOCK = NanoTime::now;

    /**
     * The thread that ends connections, from the first governed one until the last connector stops: where TLS may hold
     * its lock the timer must not wait, and those whom a slow client blocks are the very threads of the pool.
     */
    static final String CLOSER = "strict-keepalive-closer";

    private static final Duration LONGEST_DRAIN = Duration.ofDays(3650);

    private final Scheduler scheduler;
    private final LongSupplier clock;
    private final DescriptorProbe probe;
    private final DeadlineWheel<GovernedConnection> wheel;
    private final AcceptGate gate = new AcceptGate();
    private final Counters counters = new Counters();
    private final KeepAliveStatistics statistics;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong failures = new AtomicLong();
    private final PressureSources sources;
    private final Set<GovernedConnector> connectors = new CopyOnWriteArraySet<>();
    private final Events events = new Events(failures);
    private final TaskThread closer;
    private final ApplicationCalls calls = new ApplicationCalls();

    private final AutoLock sampling = new AutoLock();
    private final LevelLog levelLog = new LevelLog();
    private final LeakDetector leaks = new LeakDetector();
    private final AtomicBoolean failureLogged = new AtomicBoolean();
    private long recentRoom;
    private long recentRoomAt;
    private long usedDescriptors = -1;
    private long processLimit = -1;
    private long limitReadAt;
    private volatile long sampledAt;
    private int openAtSample;
    private boolean doubted;
    private long doubtedAt;
    /** Exact where the count of open connections lags: an endpoint is made later, on another thread. */
    private final AtomicLong accepted = new AtomicLong();

    private final AtomicInteger withoutEndPoint = new AtomicInteger();

    private volatile Pressure pressure = Pressure.NONE;

    private final AutoLock ticking = new AutoLock();
    private long relievedAt;
    /** How far deadlines had shrunk when all connections were looked at. */
    private double squeezed;
    /** When it was last judged at ELEVATED which exchanges make progress. */
    private long judgedAt;

    private volatile boolean lookAtAll;
    private final Relief relief;

    private volatile Drain drain;
    private volatile boolean drainOverTold;

    private final AutoLock scheduling = new AutoLock();
    private Scheduler.Task task;
    private long taskAt;

    private volatile KeepAlivePolicy policy = KeepAlivePolicy.defaults();
    private volatile PressureGauge gauge = new PressureGauge(policy);

    /** Makes one in whose virtual time everything is done by the thread that asks for it. */
    DescriptorMonitor(Scheduler scheduler, DescriptorProbe probe, LongSupplier clock) {
        this(scheduler, probe, clock, false);
    }

    DescriptorMonitor(Scheduler scheduler, DescriptorProbe probe, LongSupplier clock, boolean threaded) {
        this.scheduler = scheduler;
        this.probe = probe;
        this.clock = clock;
        sources = new PressureSources(threaded, this::onFailure);
        closer = new TaskThread(CLOSER, threaded, failure -> onFailure("end a connection", failure));
        wheel = new DeadlineWheel<>(clock.getAsLong());
        statistics = new KeepAliveStatistics(counters, wheel::list);
        relief = new Relief(
                wheel,
                this::look,
                this::endQuietLinger,
                (candidate, at) -> evict(candidate.connection(), candidate.since(), at));
        relievedAt = clock.getAsLong() - RELIEF_INTERVAL;
        judgedAt = relievedAt;
        readLimit(clock.getAsLong());
    }

    /** The monitor of a server, made where there is none yet. */
    static DescriptorMonitor of(Server server) {
        synchronized (server) {
            DescriptorMonitor monitor = server.getBean(DescriptorMonitor.class);
            if (monitor == null) {
                monitor = new DescriptorMonitor(server.getScheduler(), DescriptorProbe.find(), CLOCK, true);
                server.addBean(monitor);
                server.addBean(monitor.getStatistics());
            }
            return monitor;
        }
    }

    // ---- What operators see

    /**
     * Returns the level of pressure.
     *
     * @return the level, as of the last sample
     */
    public PressureLevel getLevel() {
        return current().level();
    }

    /**
     * Returns the name of the level, for tools on the other side of a connection.
     *
     * @return the name of {@link #getLevel()}
     */
    @ManagedAttribute(value = "the level of pressure", name = "level")
    public String getLevelName() {
        return getLevel().name();
    }

    /**
     * Returns the pressure, the highest of all sources.
     *
     * @return a share from 0 to 1
     */
    @ManagedAttribute("the pressure, from 0 to 1")
    public double getPressure() {
        return current().share();
    }

    /**
     * Returns the number of open descriptors of the process.
     *
     * @return the number, or -1 where it is not known
     */
    @ManagedAttribute("open descriptors of the process")
    public long getUsedDescriptors() {
        return current().used();
    }

    /**
     * Returns the descriptor limit that counts.
     *
     * @return the limit, or -1 where it is not known
     */
    @ManagedAttribute("the descriptor limit")
    public long getDescriptorLimit() {
        return current().limit();
    }

    /**
     * Returns the number of free descriptors at which the level is {@link PressureLevel#CRITICAL}.
     *
     * @return the number
     */
    @ManagedAttribute("descriptors kept free")
    public long getReservedDescriptors() {
        return current().reserve();
    }

    /**
     * Returns the number of governed connections.
     *
     * @return the number, handshaking and lingering ones included
     */
    @ManagedAttribute("governed connections")
    public int getOpenConnections() {
        return open.get();
    }

    /**
     * Returns how descriptors are counted.
     *
     * @return {@code procfs}, {@code mxbean} or {@code none}
     */
    @ManagedAttribute("how descriptors are counted")
    public String getProbeName() {
        return probe.name();
    }

    /**
     * Returns how often counting descriptors, asking a further source or telling a listener failed.
     *
     * @return the number of failures
     */
    @ManagedAttribute("failures to count descriptors, to tick or to tell a listener")
    public long getProbeFailureCount() {
        return failures.get();
    }

    /**
     * Returns how long the connection that has been idle longest has been so, in milliseconds.
     *
     * @return the time since its last response, 0 where none is idle
     */
    @ManagedAttribute("how long the connection that is idle longest has been so, in milliseconds")
    public long getLongestIdle() {
        long now = now();
        return TimeUnit.NANOSECONDS.toMillis(idleConnections()
                .mapToLong(connection -> now - connection.since())
                .max()
                .orElse(0));
    }

    TaskThread closer() {
        return closer;
    }

    Counters counters() {
        return counters;
    }

    ApplicationCalls calls() {
        return calls;
    }

    Stream<GovernedConnection> idleConnections() {
        return wheel.list().stream().filter(connection -> connection.state() == ConnectionState.IDLE);
    }

    /**
     * Closes idle connections gracefully, now, whatever the pressure; those in use within their last
     * {@code minKeepAliveTimeout} stay, as under pressure.
     *
     * @return how many were closed
     */
    @ManagedOperation(value = "closes idle connections now", impact = "ACTION")
    public int evictIdle() {
        long now = now();
        return (int) idleConnections()
                .filter(connection -> connection
                        .decisions()
                        .isEvictable(connection.isReused(), now - connection.since(), PressureLevel.HIGH))
                .filter(connection -> evict(connection, connection.since(), now))
                .count();
    }

    /**
     * Tells whether accepting is paused on a governed connector.
     *
     * @return true if it is
     */
    @ManagedAttribute("whether accepting is paused")
    public boolean isAcceptingPaused() {
        return gate.isPaused();
    }

    /**
     * Returns how often accepting was paused on a governed connector: often too short for {@link #isAcceptingPaused()}
     * to be seen.
     *
     * @return the number since start
     */
    @ManagedAttribute("how often accepting was paused")
    public long getAcceptPauseCount() {
        return gate.pauses();
    }

    /**
     * Returns the numbers of the governed connections.
     *
     * @return the statistics
     */
    public KeepAliveStatistics getStatistics() {
        return statistics;
    }

    /**
     * Adds a further source of pressure; the highest counts, once it has answered.
     *
     * @param source the source
     */
    public void addPressureSource(PressureSource source) {
        sources.add(source);
    }

    /**
     * Removes a source of pressure.
     *
     * @param source the source
     */
    public void removePressureSource(PressureSource source) {
        sources.remove(source);
    }

    /**
     * Adds a listener to closes and to changes of the level.
     *
     * @param listener the listener
     */
    public void addListener(KeepAliveListener listener) {
        events.add(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Removes a listener.
     *
     * @param listener the listener
     */
    public void removeListener(KeepAliveListener listener) {
        events.remove(listener);
    }

    /**
     * Returns how many events were left out, because listeners were too slow for them or the server stopped.
     *
     * @return the number since start
     */
    @ManagedAttribute("events left out for slow listeners")
    public long getLostEventCount() {
        return events.lost();
    }

    /**
     * Returns what another {@code keepAliveTimeout} would hold and lose, from {@linkplain
     * KeepAliveStatistics#getReusesByIdleTime() the idle times at reuse} and {@linkplain
     * KeepAliveStatistics#getRegretsByReason() the clients that came back}. Where connectors differ, it is about the
     * longest.
     *
     * @return a sentence
     */
    @ManagedAttribute("what another keepAliveTimeout would hold and lose")
    public String getAdvice() {
        long longest = 0;
        for (GovernedConnector connector : connectors) {
            longest = Math.max(
                    longest, connector.decisions().timeout(ConnectionState.IDLE, 0, connector.idleTimeout(), 0));
        }
        CloseReason expiry = CloseReason.KEEP_ALIVE_TIMEOUT;
        return Advice.of(
                counters.reuses().counts(),
                statistics.getClosed(expiry),
                counters.regret().byReason().getOrDefault(expiry, 0L),
                longest == Decisions.NEVER ? Long.MAX_VALUE : TimeUnit.NANOSECONDS.toMillis(longest));
    }

    /**
     * Drains the server before a stop, for restarts behind a load balancer that has been told to send nothing new: for a
     * time responses say {@code Connection: close} with a chance that rises to certainty, and idle connections are left
     * alone; then those still idle are closed. New connections are accepted all the time. A drain that runs begins anew.
     * It ends with {@link #resume()} and at the next start.
     *
     * @param spread the time; zero or less closes idle connections at once
     * @throws IllegalArgumentException for null and for more than 3650 days
     */
    public void drain(Duration spread) {
        if (spread == null || spread.compareTo(LONGEST_DRAIN) > 0) {
            throw new IllegalArgumentException("spread: " + spread + " (expected: at most 3650 days)");
        }
        long nanos = spread.isNegative() ? 0 : spread.toNanos();
        drainOverTold = false;
        drain = new Drain(now(), nanos);
        LOG.info("Drain begun: spread={}ms open={}", spread.toMillis(), open.get());
        ensureTick(nanos);
    }

    /**
     * As {@link #drain(Duration)}, for JMX.
     *
     * @param milliseconds how long it takes, in milliseconds
     */
    @ManagedOperation(value = "drains the server before a stop", impact = "ACTION")
    public void drain(
            @Name(value = "milliseconds", description = "how long it takes, in milliseconds") long milliseconds) {
        drain(Duration.ofMillis(milliseconds));
    }

    /** Ends a drain: from now on connections are kept again. Without one it does nothing. */
    @ManagedOperation(value = "ends a drain", impact = "ACTION")
    public void resume() {
        if (drain != null) {
            drain = null;
            LOG.info("Drain ended: open={}", open.get());
        }
    }

    /**
     * Tells whether the server drains, or has done so: for the answer to a load balancer's health check.
     *
     * @return true from {@link #drain} on
     */
    @ManagedAttribute("whether the server drains")
    public boolean isDraining() {
        return drain != null;
    }

    /** The pressure, sampled anew where nothing else does it because no connection is open. */
    private Pressure current() {
        if (now() - sampledAt > policy.getSampleInterval().toNanos() * 2) {
            askSources(now());
            sample(now());
        }
        return pressure;
    }

    @Override
    public String dump() {
        return Dumpable.dump(this);
    }

    @Override
    public void dump(Appendable out, String indent) throws IOException {
        Dumpable.dumpObjects(
                out, indent, this, statistics, policy, getAdvice(), DumpableCollection.from("connectors", connectors));
    }

    @Override
    public String toString() {
        Pressure p = current();
        return "DescriptorMonitor@%x{%s,pressure=%.2f,used=%d,limit=%d,reserve=%d,open=%d,probe=%s,failures=%d,paused=%b}"
                .formatted(
                        hashCode(),
                        p.level(),
                        p.share(),
                        p.used(),
                        p.limit(),
                        p.reserve(),
                        open.get(),
                        probe.name(),
                        failures.get(),
                        gate.isPaused());
    }

    // ---- Connectors

    /** Takes a connector under government; refuses settings that contradict those of the server's others. */
    void register(GovernedConnector connector) {
        KeepAlivePolicy wanted = connector.factory().getPolicy();
        wanted.validate();
        for (GovernedConnector other : connectors) {
            if (other.factory() != connector.factory()
                    && !other.factory().getPolicy().hasSamePressureSettings(wanted)) {
                throw new IllegalStateException(
                        "elevatedAt, highAt, hysteresis, fairShare, reservedDescriptors, descriptorLimit, maxConnections, "
                                + "pauseAcceptWhenCritical, sampleInterval: not the same on " + connector.connector()
                                + " and " + other.connector()
                                + " (expected: the same on all connectors of a server, since they share its limit)");
            }
        }
        boolean first = connectors.isEmpty();
        if (first) {
            cancelTick(); // one that a stopped scheduler has dropped
            withoutEndPoint.set(0);
            drain = null;
        }
        connectors.add(connector);
        adopt(wanted);
        sample(now());
        if (first) {
            rehearse();
        }
        warn(connector, first);
    }

    /** Loads now what is needed then: with no descriptor free, a class of an exploded directory can't be loaded. */
    private void rehearse() {
        relief.step(new Tick(now(), Pressure.NONE), policy.getFairShare(), gauge);
        relief.reset();
        LOG.debug("Rehearsed relief, {}", new SlowClientException().getMessage());
    }

    private void warn(GovernedConnector governed, boolean first) {
        AbstractConnector connector = governed.connector();
        Pressure p = pressure;
        if (first) {
            if (!p.isKnown()) {
                LOG.warn(
                        "Descriptors can't be counted here (probe {}): no pressure from them; set maxConnections",
                        probe.name());
            } else if (processLimit > PressureGauge.LARGEST_LIMIT
                    && policy.getDescriptorLimit() <= 0
                    && policy.getMaxConnections() <= 0) {
                LOG.warn(
                        "The descriptor limit of {} is too large to matter, {} is used: set descriptorLimit or maxConnections",
                        processLimit,
                        PressureGauge.LARGEST_LIMIT);
            }
        }
        Integer reserved = policy.getReservedDescriptors();
        int acceptors = acceptors();
        if (reserved != null && reserved <= acceptors) {
            LOG.warn(
                    "reservedDescriptors: {} is not above the {} acceptors of the connectors, {} is used",
                    reserved,
                    acceptors,
                    acceptors + 1);
        }
        if (policy.isPauseAcceptWhenCritical() && AcceptGate.losesItsSocket(connector.getClass(), Jetty.VERSION)) {
            LOG.warn("{} can't pause: before 12.1.14 Jetty would close its socket when it goes on", connector);
        } else if (connector.getAcceptors() == 0) {
            LOG.warn(
                    "{} has no acceptor thread, so accepting can't pause within a burst: configure acceptors=1",
                    connector);
        }
    }

    /** Releases a connector that stops. */
    void unregister(GovernedConnector connector) {
        connectors.remove(connector);
        gate.release(connector.connector());
        endThreads();
        if (connectors.isEmpty() && wheel.size() == 0) {
            cancelTick();
            pressure = Pressure.NONE;
        }
    }

    private void endThreads() {
        if (connectors.isEmpty()) {
            closer.end();
            sources.end();
        }
    }

    /** Asks the further sources, never under a lock, nor on a thread that accepts. */
    private void askSources(long now) {
        if (!connectors.isEmpty()) {
            sources.ask(now, policy.getSampleInterval().toNanos());
            endThreads(); // A tick that raced with the stop.
        }
    }

    /** Counts the connections of a connector that has stopped without a word about their end. */
    void sweep(GovernedConnector connector) {
        for (GovernedConnection connection : wheel.list()) {
            if (connection.isOf(connector)) {
                onClosed(connection, CloseReason.STOP);
            }
        }
    }

    /** A new policy on one factory: its settings of pressure become those of all. */
    void onPolicyChanged(KeepAlivePolicy changed) {
        for (GovernedConnector connector : connectors) {
            connector.factory().adoptPressureSettings(changed);
        }
        adopt(changed);
        lookAtAll = true;
    }

    private void adopt(KeepAlivePolicy adopted) {
        policy = adopted;
        gauge = new PressureGauge(adopted);
    }

    private int acceptors() {
        int sum = 0;
        for (GovernedConnector connector : connectors) {
            sum += connector.connector().getAcceptors();
        }
        return sum;
    }

    /** Whether a response says close because of a drain. */
    boolean isDrainedAway() {
        Drain d = drain;
        return d != null && d.saysClose(now(), ThreadLocalRandom.current().nextDouble());
    }

    /** Whether idle connections are to be closed because of a drain. */
    boolean isDrainOver(long now) {
        Drain d = drain;
        return d != null && d.isOver(now);
    }

    private boolean isEnding(long now) {
        if (isDrainOver(now)) {
            if (!drainOverTold) {
                drainOverTold = true;
                LOG.info("Drain over: open={}", open.get());
            }
            return true;
        }
        for (GovernedConnector connector : connectors) {
            if (connector.isShutdown()) {
                return true;
            }
        }
        return false;
    }

    /** A connector shuts down: its idle connections end now, not at the next tick. */
    void onShutdown() {
        ensureTick(0);
    }

    // ---- Connections

    long now() {
        return clock.getAsLong();
    }

    /** When a request began, without another look at the clock where it is Jetty's. */
    long begun(Request request) {
        return clock == CLOCK ? request.getBeginNanoTime() : now();
    }

    Pressure pressure() {
        return pressure;
    }

    void onOpened(GovernedConnection connection, long due) {
        counters.onOpened();
        open.incrementAndGet();
        wheel.add(connection, due);
        ensureTick(policy.getSampleInterval().toNanos());
        closer.begin();
        endThreads(); // An accept that raced with the stop.
    }

    /** A connection whose phase before HTTP is over goes on as another object. */
    boolean replace(GovernedConnection connection, GovernedConnection by, long due) {
        return wheel.replace(connection, by, due);
    }

    void onClosed(GovernedConnection connection, CloseReason reason) {
        if (wheel.remove(connection)) {
            open.decrementAndGet();
            counters.onClosed(
                    reason, connection.requests(), TimeUnit.NANOSECONDS.toMillis(now() - connection.openedAt()));
            if (LOG.isDebugEnabled()) {
                LOG.debug("closed {} {}", reason, connection);
            }
        }
    }

    /** The policy has decided to close a connection. */
    void onClosing(GovernedConnector connector, Connection connection, CloseReason reason) {
        if (events.isHeard()) {
            events.publish(connector.connector().getExecutor(), listener -> listener.onClosing(connection, reason));
        }
    }

    private void onPressureChanged(PressureLevel from, Pressure to) {
        if (from != to.level() && events.isHeard()) {
            for (GovernedConnector connector : connectors) {
                events.publish(
                        connector.connector().getExecutor(),
                        listener -> listener.onPressureChanged(from, to.level(), to.share()));
                break;
            }
        }
    }

    void due(GovernedConnection connection, long due) {
        wheel.due(connection, due);
    }

    /**
     * A connection was accepted, its endpoint is not there yet.
     *
     * @return false if it is to be closed at once
     */
    boolean onAccepting(AbstractConnector connector) {
        long now = now();
        long count = accepted.incrementAndGet();
        withoutEndPoint.incrementAndGet();
        Pressure p = pressure;
        if (p.isKnown()) {
            long since = count - p.accepted();
            long free = p.free() - since;
            boolean old = now - sampledAt
                    >= (probe.isCheap() ? FRESH : policy.getSampleInterval().toNanos());
            if (old || (free <= p.reserve() && probe.isCheap())) {
                p = sample(now);
                free = p.free();
            } else if ((free <= p.reserve() || isFull()) && p.level() != PressureLevel.CRITICAL) {
                // Counted a moment ago, or too dear to count: what was accepted since is added to the last count.
                p = update(now, p.used() + since, count);
            }
            if (p.level() == PressureLevel.CRITICAL) {
                ensureTick(RELIEF_INTERVAL);
            }
            if (connector.getAcceptors() == 0 && free < LAST_DESCRIPTORS) {
                counters.onOpened();
                counters.onClosed(CloseReason.REFUSED, 0, 0);
                return false;
            }
        } else if (policy.getMaxConnections() > 0) {
            p = update(now, -1, count);
            if (p.level() == PressureLevel.CRITICAL) {
                ensureTick(RELIEF_INTERVAL);
            }
        }
        return true;
    }

    /** The endpoint of a connection that was accepted is made now, or never. */
    void onAccepted() {
        withoutEndPoint.updateAndGet(count -> Math.max(0, count - 1));
    }

    private boolean isFull() {
        int most = policy.getMaxConnections();
        return most > 0 && openOrAccepted() >= most;
    }

    /** The governed connections, with those whose endpoint is still to come: their descriptors are in use. */
    private int openOrAccepted() {
        return open.get() + withoutEndPoint.get();
    }

    // ---- Sampling

    private Pressure sample(long now) {
        try (AutoLock ignored = sampling.lock()) {
            if (now - limitReadAt >= LIMIT_INTERVAL) {
                readLimit(now);
            }
            long count = accepted.get();
            int openNow = openOrAccepted();
            try {
                usedDescriptors = count(now);
                openAtSample = openNow;
            } catch (IOException | RuntimeException | Error x) {
                onFailure("count descriptors", x);
                if (processLimit > 0 && !probe.hasRoom()) {
                    return update(now, processLimit, count); // some ways to count need a descriptor themselves
                }
                // The last count holds for a while, with what was opened since; but not for ever.
                boolean unknown = usedDescriptors < 0 || now - sampledAt > COUNT_HOLDS;
                return update(now, unknown ? -1 : usedDescriptors + openNow - openAtSample, count);
            }
            sampledAt = now;
            return update(now, usedDescriptors, count);
        }
    }

    /** What the probe says, as far as it can be true. */
    private long count(long now) throws IOException {
        long used = probe.used();
        if (processLimit <= 0) {
            return used;
        }
        if (used <= 0) {
            throw new IOException(used + " are open");
        }
        if (used > processLimit) {
            // True where the limit was lowered while running.
            onFailure("make sense of the count", new IOException(used + " of " + processLimit + " are open"));
        }
        // With none free a pause would have no end but by the next count, so that one is not taken on trust.
        if (used < processLimit || !probe.hasRoom()) {
            doubted = false;
            return used;
        }
        if (!doubted) {
            doubted = true;
            doubtedAt = now;
        }
        if (now - doubtedAt > DOUBT_LASTS) {
            throw new IOException(used + " of " + processLimit + " are open, and there is room");
        }
        return processLimit - 1;
    }

    private void readLimit(long now) {
        limitReadAt = now;
        try {
            long limit = probe.limit();
            if (limit == 0 || limit < -1) {
                throw new IllegalStateException("it is " + limit);
            }
            processLimit = limit;
        } catch (RuntimeException | Error x) {
            onFailure("read the descriptor limit", x);
        }
    }

    private long limit() {
        long configured = policy.getDescriptorLimit();
        return configured > 0 ? configured : Math.min(processLimit, PressureGauge.LARGEST_LIMIT);
    }

    private Pressure update(long now, long used, long acceptedThen) {
        try (AutoLock ignored = sampling.lock()) {
            int openNow = openOrAccepted();
            long limit = limit();
            long room = used < 0 ? 0 : openNow + Math.max(limit - used, 0);
            if (room >= recentRoom || now - recentRoomAt > ROOM_HOLDS) {
                recentRoom = room;
                recentRoomAt = now;
            }
            Pressure next = gauge.next(
                    pressure, openNow, used, limit, acceptors(), sources.highest(), acceptedThen, recentRoom);
            onPressureChanged(pressure.level(), next);
            pressure = next;
            log(next, now);
            pauseOrResume(next);
            return next;
        }
    }

    private void pauseOrResume(Pressure p) {
        boolean full = policy.getMaxConnections() > 0 && p.open() >= policy.getMaxConnections();
        if (policy.isPauseAcceptWhenCritical()
                && AcceptGate.isShut(p, full, p.verdict().stuck(), acceptors())) {
            connectors.forEach(connector -> gate.pause(connector.connector()));
            if (gate.isPaused()) {
                // Also where it was a start or an operator's look that found it: a tick has to end the pause.
                ensureTick(RELIEF_INTERVAL);
            }
        } else {
            gate.resume();
        }
    }

    private void log(Pressure p, long now) {
        LevelLog.Line line = levelLog.next(p.level(), now);
        if (line == null) {
            return;
        }
        int idle = 0;
        int busy = 0;
        for (GovernedConnection connection : wheel.list()) {
            switch (connection.state()) {
                case IDLE, NEW, READING -> idle++;
                case BUSY -> busy++;
                case LINGERING -> {}
            }
        }
        String text =
                "Descriptor pressure {}: used={} limit={} open={} idle={} busy={} pressure={} changesNotLogged={}";
        Object[] numbers = {
            p.level(), p.used(), p.limit(), p.open(), idle, busy, "%.2f".formatted(p.share()), levelLog.takeOmitted()
        };
        if (line == LevelLog.Line.RISE) {
            LOG.warn(text, numbers);
        } else {
            LOG.info(text, numbers);
        }
    }

    private void warnOfRaces(long now) {
        RaceMeter.Warning warning = counters.races().warning(now);
        if (warning != null) {
            LOG.warn(
                    "Requests lost in a race with a close: peer={} lost={} upTo={}ms behind the FIN, reason={}, of {} in all: {}",
                    warning.peer(),
                    warning.count(),
                    String.format(Locale.ROOT, "%.1f", warning.latest() / 1e6),
                    warning.reason(),
                    warning.inAll(),
                    warning.remedy());
        }
    }

    /** Watches the descriptors that are no connections of this server's connectors, of whatever protocol. */
    private void watchOthers(long now, Pressure p) {
        if (!p.isKnown()) {
            return;
        }
        int endPoints = 0;
        for (GovernedConnector connector : connectors) {
            endPoints += connector.connector().getConnectedEndPoints().size();
        }
        int connections = Math.max(p.open(), endPoints);
        LeakDetector.Leak leak = leaks.sample(p.used() - connections, now);
        if (leak != null && !connectors.isEmpty()) {
            // It reads a link for each descriptor.
            closer.execute(() -> warnOfLeak(leak, p, connections));
        }
    }

    private void warnOfLeak(LeakDetector.Leak leak, Pressure p, int connections) {
        String kinds;
        try {
            DescriptorKinds own = DescriptorKinds.own();
            kinds = "files=%d deletedFiles=%d pipes=%d otherSockets=%d others=%d"
                    .formatted(
                            own.files(),
                            own.deletedFiles(),
                            own.pipes(),
                            Math.max(0, own.sockets() - connections),
                            own.others());
        } catch (IOException | RuntimeException x) {
            kinds = "kinds unknown: " + x;
        }
        LOG.warn(
                "Descriptors that are no connections grow: {} more in {} minutes, {} an hour, used={} limit={} connections={}"
                        + " {}: closing connections can't cure that, look for what the application doesn't close",
                leak.growth(),
                TimeUnit.NANOSECONDS.toMinutes(leak.nanos()),
                Math.round(leak.perHour()),
                p.used(),
                p.limit(),
                connections,
                kinds);
    }

    private void onFailure(String what, Throwable x) {
        failures.incrementAndGet();
        if (failureLogged.compareAndSet(false, true)) {
            LOG.warn("Unable to {}: {} (further failures are counted, and logged at DEBUG)", what, x.toString());
        } else {
            LOG.debug("Unable to {}", what, x);
        }
    }

    // ---- Ticking

    private void ensureTick(long delay) {
        long at = now() + delay;
        try (AutoLock ignored = scheduling.lock()) {
            if (task != null) {
                if (taskAt - at <= 0 || !task.cancel()) {
                    return;
                }
            }
            taskAt = at;
            task = scheduler.schedule(this::onTick, Math.max(delay, 0), TimeUnit.NANOSECONDS);
        }
    }

    private void cancelTick() {
        try (AutoLock ignored = scheduling.lock()) {
            if (task != null) {
                task.cancel();
                task = null;
            }
        }
    }

    private void onTick() {
        try (AutoLock ignored = scheduling.lock()) {
            task = null;
        }
        boolean more = true;
        try {
            more = tick(now());
        } catch (Throwable x) {
            onFailure("tick", x);
            gate.resume();
        }
        if (more) {
            ensureTick(untilNextTick());
        }
    }

    private long untilNextTick() {
        long interval = policy.getSampleInterval().toNanos();
        return switch (pressure.level()) {
            case CRITICAL -> Math.min(interval, RELIEF_INTERVAL);
            // Each tick may look at all.
            case ELEVATED, HIGH -> interval;
            // A deadline is not kept waiting for the whole interval.
            case NORMAL -> Math.max(wheel.next(now(), interval), interval / MOST_TICKS);
        };
    }

    /**
     * Does what is due.
     *
     * @return whether another tick is needed
     */
    boolean tick(long now) {
        askSources(now);
        try (AutoLock ignored = ticking.lock()) {
            Pressure p = sample(now);
            Tick tick = new Tick(now, p, isDrainOver(now) ? CloseReason.DRAIN : null);
            boolean high = p.level().isAtLeast(PressureLevel.HIGH);
            if (!high) {
                relief.reset();
            }
            squeezed = Math.min(squeezed, p.squeeze());
            if (isEnding(now) || lookAtAll || (!high && p.squeeze() > squeezed + SQUEEZE_STEP)) {
                lookAtAll = false;
                squeezed = p.squeeze();
                wheel.advance(now, tracked -> true, tracked -> look(tracked, tick));
            } else if (p.level() == PressureLevel.ELEVATED && now - judgedAt >= wheel.size() * JUDGED_EACH) {
                judgedAt = now;
                wheel.advance(now, tracked -> tracked.state() == ConnectionState.BUSY, tracked -> look(tracked, tick));
            } else {
                wheel.advance(now, tracked -> look(tracked, tick));
            }
            if (high && now - relievedAt >= RELIEF_INTERVAL) {
                relievedAt = now;
                relieve(tick);
            }
            warnOfRaces(now);
            watchOthers(now, p);
            boolean drains = drain != null && !drainOverTold;
            return wheel.size() > 0 || gate.isPaused() || levelLog.isBehind() || drains;
        }
    }

    private long look(GovernedConnection tracked, Tick tick) {
        try {
            return tracked.look(tick);
        } catch (Throwable x) {
            onFailure("look at " + tracked, x);
            return tick.now() + policy.getSampleInterval().toNanos();
        }
    }

    private boolean evict(GovernedConnection connection, long since, long now) {
        try {
            return connection.evict(since, now);
        } catch (Throwable x) {
            onFailure("evict " + connection, x);
            return false;
        }
    }

    private void endQuietLinger(GovernedConnection connection) {
        try {
            connection.endQuietLinger();
        } catch (Throwable x) {
            onFailure("close " + connection, x);
        }
    }

    private void relieve(Tick tick) {
        Verdict found = relief.step(tick, policy.getFairShare(), gauge);
        try (AutoLock ignored = sampling.lock()) {
            // Unless it has fallen meanwhile.
            if (pressure.level().isAtLeast(PressureLevel.HIGH)) {
                pressure = pressure.with(found);
                pauseOrResume(pressure);
            }
        }
    }
}
