package org.strictkeepalive;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * A connection that can be handed to the thread that ends connections. It waits there once at most, whatever there is to
 * do, and however often that is asked for.
 */
abstract class Closing extends Tracked implements Runnable {
    private static final AtomicIntegerFieldUpdater<Closing> PENDING =
            AtomicIntegerFieldUpdater.newUpdater(Closing.class, "pending");

    /** Bits of what is to be done; zero where it doesn't wait. */
    volatile int pending;

    /** Hands on what is to be done. What is asked for already is done once. */
    final void handOn(TaskThread closer, int what) {
        if (PENDING.getAndUpdate(this, seen -> seen | what) == 0) {
            closer.execute(this);
        }
    }

    @Override
    public final void run() {
        act(PENDING.getAndSet(this, 0));
    }

    /** Does what the bits say. */
    abstract void act(int what);
}
