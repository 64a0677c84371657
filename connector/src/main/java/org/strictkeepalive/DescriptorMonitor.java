package org.strictkeepalive;

import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.eclipse.jetty.util.annotation.ManagedOperation;
import org.eclipse.jetty.util.annotation.Name;
import org.eclipse.jetty.util.component.Dumpable;
import org.eclipse.jetty.util.component.DumpableCollection;
import org.eclipse.jetty.util.thread.Scheduler;
import org.strictkeepalive.internal.observe.Advice;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.server.DescriptorProbe;
import org.strictkeepalive.internal.server.DescriptorProbes;
import org.strictkeepalive.internal.server.ServerGovernor;

/**
 * Shows operators a server's descriptors and governed connections, and lets them act on these. A server has one, as a
 * bean, from its first start on.
 *
 * <p>Getters, {@code toString} and {@code dump} only read: they log nothing, tell no listener and pause nothing. While
 * connections are open they show the last sample. While none is open nothing is scheduled. Then a getter counts
 * descriptors for itself, without the further sources of pressure, which only a {@link #sample} asks.
 *
 * <p>Safe for use by any thread.
 */
@ManagedObject("The descriptors of the process and the pressure on them")
public final class DescriptorMonitor implements Dumpable {
    private static final Duration LONGEST_DRAIN = Duration.ofDays(3650);

    private final ServerGovernor governor;
    private final KeepAliveStatistics statistics;

    /** Creates a monitor for virtual time: the calling thread does everything. */
    DescriptorMonitor(Scheduler scheduler, DescriptorProbe probe, LongSupplier clock) {
        this(new ServerGovernor(scheduler, probe, clock, false));
    }

    DescriptorMonitor(ServerGovernor governor) {
        this.governor = governor;
        statistics = new KeepAliveStatistics(governor);
    }

    /**
     * Returns the monitor of a server. Creates it if there is none yet.
     *
     * @param server the server
     * @return the monitor
     */
    public static DescriptorMonitor of(Server server) {
        synchronized (server) {
            DescriptorMonitor monitor = server.getBean(DescriptorMonitor.class);
            if (monitor == null) {
                monitor = new DescriptorMonitor(
                        new ServerGovernor(server.getScheduler(), DescriptorProbes.find(), ServerGovernor.CLOCK, true));
                server.addBean(monitor);
                server.addBean(monitor.getStatistics());
            }
            return monitor;
        }
    }

    /** The part that does the work. */
    ServerGovernor governor() {
        return governor;
    }

    // ---- What operators see

    /**
     * Returns the level of pressure.
     *
     * @return the level
     */
    public PressureLevel getLevel() {
        return governor.seen().highestLevel();
    }

    /**
     * Returns the name of the level, for JMX clients that don't have the classes of this library.
     *
     * @return the name of {@link #getLevel()}
     */
    @ManagedAttribute(value = "the level of pressure", name = "level")
    public String getLevelName() {
        return getLevel().name();
    }

    /** {@return the level as a number: 0 for NORMAL, 1 for ELEVATED, 2 for HIGH, 3 for CRITICAL} */
    @ManagedAttribute("the level of pressure: 0 normal, 1 elevated, 2 high, 3 critical")
    @SuppressWarnings("EnumOrdinal") // The order of the levels is their meaning.
    public int getLevelNumber() {
        return getLevel().ordinal();
    }

    /**
     * Returns the pressure, the highest of all sources.
     *
     * @return a share from 0 to 1
     */
    @ManagedAttribute("the pressure, from 0 to 1")
    public double getPressure() {
        return governor.seen().highestShare();
    }

    /**
     * Returns the share of the server's threads that are blocked in exchanges that wait for their clients. It is measured
     * while most threads of a {@code QueuedThreadPool} are in use, and not for virtual threads.
     *
     * @return a share from 0 to 1, 0 if it is not measured
     */
    @ManagedAttribute("the share of threads blocked by clients, from 0 to 1")
    public double getThreadPressure() {
        return governor.seen().threads().share();
    }

    /**
     * Returns the number of open descriptors of the process.
     *
     * @return the number, or -1 if it is not known
     */
    @ManagedAttribute("open descriptors of the process")
    public long getUsedDescriptors() {
        return governor.seen().used();
    }

    /**
     * Returns the descriptor limit that counts.
     *
     * @return the limit, or -1 if it is not known
     */
    @ManagedAttribute("the descriptor limit")
    public long getDescriptorLimit() {
        return governor.seen().limit();
    }

    /** {@return the descriptor limit of the process, beyond which no setting counts; -1 if it is not known} */
    @ManagedAttribute("the descriptor limit of the process")
    public long getProcessDescriptorLimit() {
        return governor.meter().counter().limit();
    }

    /**
     * Returns the number of free descriptors at which the level is {@link PressureLevel#CRITICAL}.
     *
     * @return the number
     */
    @ManagedAttribute("descriptors kept free")
    public long getReservedDescriptors() {
        return governor.seen().reserve();
    }

    /**
     * Returns the number of governed connections.
     *
     * @return the number, handshaking and lingering ones included
     */
    @ManagedAttribute("governed connections")
    public int getOpenConnections() {
        return governor.open();
    }

    /**
     * Returns how descriptors are counted.
     *
     * @return {@code procfs}, {@code mxbean} or {@code none}
     */
    @ManagedAttribute("how descriptors are counted")
    public String getProbeName() {
        return governor.meter().counter().probeName();
    }

    /**
     * Returns how many failures there were: to count descriptors, to ask a further source, to tick, to look at or close
     * a connection, or to call a listener.
     *
     * @return the number since the monitor was created
     */
    @ManagedAttribute("failures to count descriptors, to ask a source, to tick or to call a listener")
    public long getProbeFailureCount() {
        return governor.failures();
    }

    /**
     * Returns the longest idle time of an open connection, in milliseconds. It is at most a second old. If more than
     * 1024 connections are open, it is that of the connections that were looked at so far: 1024 more at each second in
     * which it is asked for.
     *
     * @return the time since its last response, 0 if none is idle
     */
    @ManagedAttribute("the longest idle time of an open connection, in milliseconds")
    public long getLongestIdle() {
        return governor.snapshot().longestIdle().stream()
                .mapToLong(connection -> TimeUnit.NANOSECONDS.toMillis(connection.idle()))
                .findFirst()
                .orElse(0);
    }

    /**
     * Counts descriptors and asks the further sources of pressure now, and acts on the result: it may log, tell
     * listeners and pause or resume accepting. The answer of a source counts from the next sample on. While connections
     * are open this happens by itself, each {@code sampleInterval}.
     */
    @ManagedOperation(value = "counts descriptors now and acts on the pressure", impact = "ACTION")
    public void sample() {
        governor.sample();
    }

    /**
     * Closes idle connections gracefully now, whatever the pressure. As under pressure, a reused connection stays for
     * {@code minKeepAliveTimeout} after its last response.
     *
     * @return how many were closed
     */
    @ManagedOperation(value = "closes idle connections now", impact = "ACTION")
    public int evictIdle() {
        return governor.looks().evictIdle(governor.now());
    }

    /**
     * Tells whether accepting is paused on a governed connector.
     *
     * @return true if it is
     */
    @ManagedAttribute("whether accepting is paused")
    public boolean isAcceptingPaused() {
        return governor.gate().isPaused();
    }

    /**
     * Returns how often accepting was paused on a governed connector. A pause is often too short for {@link
     * #isAcceptingPaused()} to show it.
     *
     * @return the number since start
     */
    @ManagedAttribute("how often accepting was paused")
    public long getAcceptPauseCount() {
        return governor.gate().pauses();
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
     * Adds a further source of pressure. It counts once it has answered. The highest of all sources is the pressure.
     *
     * @param source the source
     */
    public void addPressureSource(PressureSource source) {
        governor.sources().add(source);
    }

    /**
     * Removes a source of pressure.
     *
     * @param source the source
     */
    public void removePressureSource(PressureSource source) {
        governor.sources().remove(source);
    }

    /**
     * Adds a listener for closes and for changes of the level.
     *
     * @param listener the listener
     */
    public void addListener(KeepAliveListener listener) {
        governor.events().add(Objects.requireNonNull(listener, "listener"));
    }

    /**
     * Removes a listener.
     *
     * @param listener the listener
     */
    public void removeListener(KeepAliveListener listener) {
        governor.events().remove(listener);
    }

    /**
     * Returns how many events were left out, because listeners were too slow for them or no thread could be started.
     *
     * @return the number since start
     */
    @ManagedAttribute("events left out for slow listeners")
    public long getLostEventCount() {
        return governor.events().lost();
    }

    /**
     * Returns what another {@code keepAliveTimeout} would hold and lose, from {@linkplain
     * KeepAliveStatistics#getReusesByIdleTime() the idle times at reuse} and {@linkplain
     * KeepAliveStatistics#getRegretsByReason() the clients that came back}. If connectors have different timeouts, it
     * is about the longest.
     *
     * @return a sentence
     */
    @ManagedAttribute("what another keepAliveTimeout would hold and lose")
    public String getAdvice() {
        long expired = statistics.getClosed(CloseReason.KEEP_ALIVE_TIMEOUT);
        return Advice.of(governor.counters(), expired, statistics.longestTimeout());
    }

    /**
     * Drains the server before a stop, for restarts behind a load balancer that has been told to send nothing new. For
     * the given time responses say {@code Connection: close} with a probability that rises to certainty, and idle
     * connections are left alone. Then connections that are still idle are closed. New connections are accepted all the
     * time. A drain that runs begins again. A drain ends with {@link #resume()} and at the next start.
     *
     * @param spread the time; zero closes idle connections at once
     * @throws IllegalArgumentException for null, for less than zero and for more than 3650 days
     */
    public void drain(Duration spread) {
        if (spread == null || spread.isNegative() || spread.compareTo(LONGEST_DRAIN) > 0) {
            throw new IllegalArgumentException("spread: " + spread + " (expected: 0 to 3650 days)");
        }
        governor.drain(spread.toNanos());
    }

    /**
     * As {@link #drain(Duration)}, for JMX.
     *
     * @param milliseconds how long it takes, in milliseconds; zero closes idle connections at once
     * @throws IllegalArgumentException for less than zero and for more than 3650 days
     */
    @ManagedOperation(value = "drains the server before a stop", impact = "ACTION")
    public void drain(
            @Name(value = "milliseconds", description = "how long it takes, in milliseconds") long milliseconds) {
        drain(Duration.ofMillis(milliseconds));
    }

    /** Ends a drain: from now on connections are kept again. Does nothing if there is no drain. */
    @ManagedOperation(value = "ends a drain", impact = "ACTION")
    public void resume() {
        governor.draining().resume(governor.open());
    }

    /**
     * Tells whether the server drains, or has done so: for the answer to a load balancer's health check.
     *
     * @return true from {@link #drain} on
     */
    @ManagedAttribute("whether the server drains")
    public boolean isDraining() {
        return governor.draining().isOn();
    }

    @Override
    public String dump() {
        return Dumpable.dump(this);
    }

    @Override
    public void dump(Appendable out, String indent) throws IOException {
        Dumpable.dumpObjects(
                out,
                indent,
                this,
                statistics,
                governor.meter().policy(),
                getAdvice(),
                DumpableCollection.from("connectors", governor.connectors().all()));
    }

    @Override
    public String toString() {
        Pressure p = governor.seen();
        return "DescriptorMonitor@%x{%s,pressure=%.2f,used=%d,limit=%d,reserve=%d,open=%d,probe=%s,failures=%d,paused=%b}"
                .formatted(
                        hashCode(),
                        p.highestLevel(),
                        p.highestShare(),
                        p.used(),
                        p.limit(),
                        p.reserve(),
                        governor.open(),
                        governor.meter().counter().probeName(),
                        governor.failures(),
                        isAcceptingPaused());
    }
}
