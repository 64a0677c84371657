package org.strictkeepalive.internal.server;

import java.util.concurrent.TimeUnit;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;
import org.strictkeepalive.internal.policy.ThreadGauge;
import org.strictkeepalive.internal.policy.Threads;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.internal.time.Mutex;

/**
 * Measures the pressure: counts descriptors, computes the pressure and keeps it. Only this class writes the pressure,
 * under its lock. Under that lock it calls no code of others but the probe. Safe for use by any thread.
 */
public final class PressureMeter {
    /**
     * How long the reserve is computed from an earlier, larger room. A closed socket's descriptor is free a moment
     * later.
     */
    private static final long ROOM_HOLDS = TimeUnit.SECONDS.toNanos(1);

    private final DescriptorCounter counter;
    private final ConnectionCount connections;
    private final Connectors connectors;
    private final PressureSources further;
    private final Failures failures;

    private final Mutex lock = new Mutex();
    private volatile Pressure pressure = Pressure.NONE;
    /** The settings of pressure. All of them are replaced at once. */
    private volatile PressureGauge gauge = new PressureGauge(KeepAlivePolicy.defaults());

    private volatile ThreadGauge threadGauge = new ThreadGauge(KeepAlivePolicy.defaults());
    /** How far the threads are held, as it was measured last. */
    private volatile Threads threads = Threads.NONE;
    /** The acceptor threads of the governed connectors. */
    private volatile int acceptors;

    /** When descriptors were counted last, or that failed. */
    private volatile long countedAt;

    /** The most since start, or since they were forgotten. Written under the lock. */
    private volatile long mostUsed;

    private volatile int mostOpen;

    private long recentRoom;
    private long recentRoomAt;

    PressureMeter(
            DescriptorCounter counter,
            ConnectionCount connections,
            Connectors connectors,
            PressureSources further,
            Failures failures) {
        this.counter = counter;
        this.connections = connections;
        this.connectors = connectors;
        this.further = further;
        this.failures = failures;
    }

    /** The pressure as it was measured last. */
    Pressure pressure() {
        return pressure;
    }

    PressureGauge gauge() {
        return gauge;
    }

    /** The policy whose settings of pressure are in force. */
    public KeepAlivePolicy policy() {
        return gauge.policy();
    }

    /** The sample interval in nanoseconds. */
    long interval() {
        return policy().getSampleInterval().toNanos();
    }

    void adopt(KeepAlivePolicy policy) {
        gauge = new PressureGauge(policy);
        threadGauge = new ThreadGauge(policy);
    }

    ThreadGauge threadGauge() {
        return threadGauge;
    }

    /** Takes what was measured of the threads. It counts from the next sample on. */
    void threads(Threads measured) {
        threads = measured;
    }

    /** Whether it was measured within the last interval, and measuring again costs too much for each slice of a tick. */
    boolean isRecent(long now) {
        return !counter.isCheap() && now - countedAt < interval();
    }

    int acceptors() {
        return acceptors;
    }

    void acceptors(int sum) {
        acceptors = sum;
    }

    public DescriptorCounter counter() {
        return counter;
    }

    /** Counts descriptors and computes the pressure. */
    Pressure sample(long now) {
        countedAt = now;
        Pressure result;
        DescriptorCounter.Count count;
        try (Mutex ignored = lock.hold()) {
            long accepted = connections.accepted();
            count = counter.count(now, connections.held());
            result = keep(now, count.used(), accepted);
        }
        for (Failures.Failure failure : count.failed()) {
            failures.add(failure);
        }
        return result;
    }

    /**
     * Computes the pressure without a count.
     *
     * @param used the descriptors that must be open now, -1 for unknown
     * @param accepted how many connections had been accepted since start, as of {@code used}
     */
    Pressure estimate(long now, long used, long accepted) {
        try (Mutex ignored = lock.hold()) {
            return keep(now, used, accepted);
        }
    }

    private Pressure keep(long now, long used, long accepted) {
        PressureGauge settings = gauge;
        int held = connections.held();
        mostUsed = Math.max(mostUsed, used);
        mostOpen = Math.max(mostOpen, held);
        long limit = limit(settings, counter.limit());
        int others = others();
        long room = room(used, limit, held + others);
        if (room >= recentRoom || now - recentRoomAt > ROOM_HOLDS) {
            recentRoom = room;
            recentRoomAt = now;
        }
        pressure = settings.next(
                        pressure, held, used, limit, acceptors, further.highest(), accepted, recentRoom, others)
                .with(threads);
        return pressure;
    }

    /** Keeps what relief has found, unless the pressure has fallen below HIGH meanwhile. */
    void found(Verdict verdict) {
        try (Mutex ignored = lock.hold()) {
            if (pressure.level().isAtLeast(PressureLevel.HIGH)) {
                pressure = pressure.with(verdict);
            }
        }
    }

    /** The most descriptors that were open at a sample. */
    public long mostUsed() {
        return mostUsed;
    }

    /** The most governed connections that were open at a sample. */
    public int mostOpen() {
        return mostOpen;
    }

    public void forgetMost() {
        try (Mutex ignored = lock.hold()) {
            mostUsed = Math.max(pressure.used(), 0);
            mostOpen = connections.held();
        }
    }

    /** No connector is left. */
    void reset() {
        try (Mutex ignored = lock.hold()) {
            pressure = Pressure.NONE;
            threads = Threads.NONE;
        }
    }

    /**
     * Counts and computes the pressure for a reader, and keeps nothing. The further sources are left out: only a sample
     * asks them, so their last answers may be old.
     */
    Pressure look() {
        PressureGauge settings = gauge;
        DescriptorCounter.Seen seen = counter.look();
        int held = connections.held();
        int others = others();
        long limit = limit(settings, seen.limit());
        return settings.next(
                pressure,
                held,
                seen.used(),
                limit,
                acceptors,
                0,
                connections.accepted(),
                room(seen.used(), limit, held + others),
                others);
    }

    /** The connections that are not governed. One that opens or closes may be counted for a moment. */
    private int others() {
        return Math.max(0, connectors.endPoints() - connections.open());
    }

    private static long room(long used, long limit, int held) {
        return used < 0 ? 0 : held + Math.max(limit - used, 0);
    }

    /** The lower of the two: what the process may not open is no room. */
    private static long limit(PressureGauge settings, long processLimit) {
        long configured = settings.policy().getDescriptorLimit();
        if (configured <= 0) {
            return Math.min(processLimit, PressureGauge.LARGEST_LIMIT);
        }
        return processLimit < 0 ? configured : Math.min(configured, processLimit);
    }
}
