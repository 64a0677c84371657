package org.strictkeepalive.internal.time;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** A lock that is held for the length of a {@code try} block, as Jetty's {@code AutoLock}, but without Jetty. */
public final class Mutex implements AutoCloseable {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    public Mutex hold() {
        lock.lock();
        return this;
    }

    /** Wakes up the thread that waits for a change. */
    void signal() {
        changed.signal();
    }

    /** Waits for a change, and releases the lock meanwhile. It may return without a change. */
    @SuppressWarnings("WaitNotInLoop") // The caller loops.
    void await() throws InterruptedException {
        changed.await();
    }

    @Override
    public void close() {
        lock.unlock();
    }
}
