package org.strictkeepalive;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands events to listeners on a thread of a pool, one at a time and in order. Bounded: what a slow listener leaves
 * waiting beyond that is left out and counted. Safe for use by any thread.
 */
final class Events {
    private static final Logger LOG = LoggerFactory.getLogger(Events.class);

    static final int MOST_WAITING = 1024;

    private final List<KeepAliveListener> listeners = new CopyOnWriteArrayList<>();
    private final Queue<Consumer<KeepAliveListener>> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger count = new AtomicInteger();
    private final LongAdder lost = new LongAdder();
    private final AtomicBoolean failureLogged = new AtomicBoolean();
    private final AtomicLong failures;

    /** Makes one that counts the failures of listeners there. */
    Events(AtomicLong failures) {
        this.failures = failures;
    }

    void add(KeepAliveListener listener) {
        listeners.add(listener);
    }

    void remove(KeepAliveListener listener) {
        listeners.remove(listener);
    }

    /** Whether somebody listens, so that an event is worth its object. */
    boolean isHeard() {
        return !listeners.isEmpty();
    }

    long lost() {
        return lost.sum();
    }

    void publish(Executor executor, Consumer<KeepAliveListener> event) {
        if (count.get() >= MOST_WAITING) {
            lost.increment();
            return;
        }
        waiting.add(event);
        if (count.getAndIncrement() == 0) {
            try {
                executor.execute(() -> takeAll(this::deliver));
            } catch (RejectedExecutionException x) {
                takeAll(unheard -> lost.increment()); // The server stops.
            }
        }
    }

    /** Each event is added before it is counted, so as many are there as are counted. */
    private void takeAll(Consumer<Consumer<KeepAliveListener>> taker) {
        do {
            taker.accept(waiting.remove());
        } while (count.decrementAndGet() > 0);
    }

    private void deliver(Consumer<KeepAliveListener> event) {
        for (KeepAliveListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (Throwable x) {
                failures.incrementAndGet();
                if (failureLogged.compareAndSet(false, true)) {
                    LOG.warn("{} failed (further failures are counted, and logged at DEBUG)", listener, x);
                } else {
                    LOG.debug("{} failed", listener, x);
                }
            }
        }
    }
}
