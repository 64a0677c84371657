package org.strictkeepalive;

import java.util.concurrent.locks.ReentrantLock;

/** A lock that is held for the length of a {@code try} block, as Jetty's {@code AutoLock}, but without Jetty. */
final class Mutex implements AutoCloseable {
    private final ReentrantLock lock = new ReentrantLock();

    Mutex hold() {
        lock.lock();
        return this;
    }

    @Override
    public void close() {
        lock.unlock();
    }
}
