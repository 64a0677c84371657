package org.strictkeepalive.internal.server;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.ThreadGauge;
import org.strictkeepalive.internal.policy.Threads;
import org.strictkeepalive.internal.time.DeadlineWheel;

/**
 * Measures how many threads of each of the connectors' pools are blocked in exchanges that wait for their clients. Only a
 * {@link QueuedThreadPool} is watched, and not if requests run on virtual threads, of which there are enough.
 *
 * <p>Exchanges are counted only while most threads of a pool are in use. Used by one thread at a time.
 */
final class ThreadWatch {
    /** The time between two counts is this, times the connections: counting must not take the CPU. */
    private static final long COUNTED_EACH = TimeUnit.MICROSECONDS.toNanos(40);

    private static final Comparator<Threads> ORDER =
            Comparator.comparing(Threads::level).thenComparingDouble(Threads::share);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final Connectors connectors;
    private long countedAt;
    private boolean counted;
    /** How far each pool is held that is not calm. */
    private final Map<QueuedThreadPool, Threads> held = new HashMap<>();

    ThreadWatch(DeadlineWheel<GovernedConnection> wheel, Connectors connectors) {
        this.wheel = wheel;
        this.connectors = connectors;
    }

    /** Measures, unless that was done not long ago. Returns how far the pool is held that is held most. */
    Threads look(long now, long interval, ThreadGauge gauge) {
        Set<QueuedThreadPool> busy = new HashSet<>();
        for (GovernedConnector governed : connectors) {
            QueuedThreadPool pool = pool(governed.connector().getExecutor());
            if (pool != null && !gauge.isCalm(used(pool), all(pool))) {
                busy.add(pool);
            }
        }
        held.keySet().retainAll(busy);
        if (busy.isEmpty()) {
            counted = false;
        } else if (!counted || now - countedAt >= Math.max(interval, wheel.size() * COUNTED_EACH)) {
            counted = true;
            countedAt = now;
            Map<Executor, Integer> blocked = blocked(wheel.list());
            for (QueuedThreadPool pool : busy) {
                Threads last = held.getOrDefault(pool, Threads.NONE);
                int threads = blocked.getOrDefault(pool, 0);
                held.put(pool, gauge.next(last, threads, used(pool), all(pool), waiting(pool)));
            }
        }
        return held.values().stream().max(ORDER).orElse(Threads.NONE);
    }

    /** How far each pool is held in which most threads are in use. */
    Map<QueuedThreadPool, Threads> held() {
        return held;
    }

    private static Map<Executor, Integer> blocked(List<GovernedConnection> connections) {
        Map<Executor, Integer> blocked = new HashMap<>();
        for (GovernedConnection connection : connections) {
            int threads = connection.blockedThreads();
            if (threads > 0) {
                blocked.merge(connection.executor(), threads, Integer::sum);
            }
        }
        return blocked;
    }

    private static QueuedThreadPool pool(Executor executor) {
        return executor instanceof QueuedThreadPool pool && !VirtualThreads.isUseVirtualThreads(pool) ? pool : null;
    }

    private static int used(QueuedThreadPool pool) {
        return pool.getUtilizedThreads();
    }

    /**
     * Without those of selectors and acceptors, and those that Jetty has reserved to take over from a thread that
     * selects: they take no request from the queue.
     */
    private static int all(QueuedThreadPool pool) {
        int leased = pool.getLeasedThreads();
        int reserved = pool.getThreads() - leased - pool.getUtilizedThreads() - pool.getIdleThreads();
        return pool.getMaxThreads() - leased - Math.max(0, reserved);
    }

    private static int waiting(QueuedThreadPool pool) {
        boolean isFull = pool.getThreads() >= pool.getMaxThreads() && pool.getIdleThreads() == 0;
        return isFull ? pool.getQueueSize() : 0;
    }
}
