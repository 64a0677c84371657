package org.strictkeepalive.internal.time;

/** A node of the {@link DeadlineWheel}. */
public abstract class Timed {
    // Written and read under the wheel's lock. Only dueAt is also read without it.
    Timed previous;
    Timed next;
    /** The wheel's bucket, -1 while it is in none. */
    int bucket = -1;
    /** In nanoseconds since the wheel's origin. */
    volatile long dueAt;
    /** The place in the wheel's {@link Round}, -1 for none. */
    int place = -1;
}
