package org.strictkeepalive.internal.observe;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.strictkeepalive.KeepAliveListener;
import org.strictkeepalive.internal.time.TaskThread;

/**
 * Hands events to listeners on a daemon thread of its own, one at a time and in order. Bounded: if too many events
 * wait, because a listener is slow, a further event is left out and counted. So is an event for which no thread can be
 * started. Safe for use by any thread.
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
     * Creates it without a listener.
     *
     * @param threaded whether there is a thread; if not, the caller's thread calls the listeners, as in virtual time
     */
    public Events(boolean threaded) {
        thread = new TaskThread(THREAD, threaded, failures.of("deliver an event"));
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

    /** Whether there is a listener. If not, callers make no event. */
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

    /** The server starts. From now on the thread waits for events if there is a listener. */
    public void begin() {
        begun = true;
        if (isHeard()) {
            thread.begin();
        }
    }

    /** The server has stopped. The thread ends after the events that wait. A later event starts it again. */
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
                failures.add("call the listener " + listener, x);
            }
        }
        waiting.decrementAndGet();
    }
}
