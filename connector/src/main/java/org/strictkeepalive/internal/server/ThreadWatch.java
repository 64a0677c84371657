package org.strictkeepalive.internal.server;

import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.policy.ThreadGauge;
import org.strictkeepalive.internal.policy.Threads;
import org.strictkeepalive.internal.time.DeadlineWheel;

/**
 * Measures how many threads of the connectors' pools are blocked in exchanges that wait for their clients. Only a {@link
 * QueuedThreadPool} is watched, and not if requests run on virtual threads, of which there are enough.
 *
 * <p>Exchanges are counted only while most threads of a pool are in use. Used by one thread at a time.
 */
final class ThreadWatch {
    /** The time between two counts is this, times the connections: counting must not take the CPU. */
    private static final long COUNTED_EACH = TimeUnit.MICROSECONDS.toNanos(40);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final Connectors connectors;
    private long countedAt;
    private boolean counted;
    private Threads threads = Threads.NONE;

    ThreadWatch(DeadlineWheel<GovernedConnection> wheel, Connectors connectors) {
        this.wheel = wheel;
        this.connectors = connectors;
    }

    /** Measures, or returns what was measured last if that is not long ago. */
    Threads look(long now, long interval, ThreadGauge gauge) {
        QueuedThreadPool busiest = null;
        for (GovernedConnector governed : connectors) {
            QueuedThreadPool pool = pool(governed.connector().getExecutor());
            if (pool != null && !isCalm(pool, gauge) && (busiest == null || use(pool) > use(busiest))) {
                busiest = pool;
            }
        }
        if (busiest == null) {
            counted = false;
            threads = Threads.NONE;
        } else if (!counted || now - countedAt >= Math.max(interval, wheel.size() * COUNTED_EACH)) {
            counted = true;
            countedAt = now;
            threads = gauge.next(threads, blocked(wheel.list()), used(busiest), all(busiest), waiting(busiest));
        }
        return threads;
    }

    private static int blocked(List<GovernedConnection> connections) {
        int blocked = 0;
        for (GovernedConnection connection : connections) {
            blocked += connection.blockedThreads();
        }
        return blocked;
    }

    private static QueuedThreadPool pool(Executor executor) {
        return executor instanceof QueuedThreadPool pool && !VirtualThreads.isUseVirtualThreads(pool) ? pool : null;
    }

    private static boolean isCalm(QueuedThreadPool pool, ThreadGauge gauge) {
        return gauge.isCalm(used(pool), all(pool));
    }

    private static double use(QueuedThreadPool pool) {
        return (double) used(pool) / Math.max(1, all(pool));
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
