package org.strictkeepalive.internal.time;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs a task on one thread at a time, without a lock: if a thread asks while another one runs the task, it doesn't
 * wait, and the other one runs the task once more. So the last run begins after the last request. Each run sees what the
 * run before wrote.
 */
public final class Turn {
    private final Runnable task;
    private final AtomicInteger requests = new AtomicInteger();

    /** Creates the turns of a task. What it throws reaches the thread that runs it, after the last run. */
    public Turn(Runnable task) {
        this.task = task;
    }

    public void request() {
        if (requests.getAndIncrement() > 0) {
            return;
        }
        RuntimeException failure = null;
        int seen;
        do {
            seen = requests.get();
            try {
                task.run();
            } catch (RuntimeException x) {
                failure = x;
            }
        } while (!requests.compareAndSet(seen, 0));
        if (failure != null) {
            throw failure;
        }
    }
}
