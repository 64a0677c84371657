package org.strictkeepalive.internal.observe;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.strictkeepalive.KeepAliveListener;
import org.strictkeepalive.internal.time.TaskThread;

/**
 * Hands events to listeners on a daemon thread of its own, one at a time and in order. Bounded: an event that finds too
 * many waiting, because a listener is slow, is left out and counted; so is one for which the machine has no thread. Safe
 * for use by any thread.
 */
public final class Events {
    static final int MOST_WAITING = 1024;

    static final String THREAD = "strict-keepalive-events";

    private final List<KeepAliveListener> listeners = new CopyOnWriteArrayList<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final LongAdder lost = new LongAdder();
    private final Failures failures = new Failures();
    private final TaskThread thread;
    /** Whether the server runs. Written by the threads that start and stop it. */
    private volatile boolean begun;

    /**
     * Makes one.
     *
     * @param threaded whether there is a thread; else events are heard by the caller, as in virtual time
     */
    public Events(boolean threaded) {
        thread = new TaskThread(THREAD, threaded, x -> failures.add("tell of an event", x));
    }

    public void add(KeepAliveListener listener) {
        listeners.add(listener);
        if (begun) {
            thread.begin();
        }
    }

    public void remove(KeepAliveListener listener) {
        listeners.remove(listener);
    }

    /** Whether somebody listens, so that an event is worth its object. */
    public boolean isHeard() {
        return !listeners.isEmpty();
    }

    public long lost() {
        return lost.sum();
    }

    /** The failures of listeners. */
    public long failures() {
        return failures.count();
    }

    /** The server starts: from now on the thread waits for events, as soon as somebody listens. */
    public void begin() {
        begun = true;
        if (isHeard()) {
            thread.begin();
        }
    }

    /** The server has stopped: the thread ends behind the events that wait. A later event starts it once more. */
    public void end() {
        begun = false;
        thread.end();
    }

    public void publish(Consumer<KeepAliveListener> event) {
        if (waiting.incrementAndGet() > MOST_WAITING || !thread.tryExecute(() -> deliver(event))) {
            waiting.decrementAndGet();
            lost.increment();
        }
    }

    private void deliver(Consumer<KeepAliveListener> event) {
        for (KeepAliveListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (Throwable x) {
                failures.add("tell " + listener, x);
            }
        }
        waiting.decrementAndGet();
    }
}
