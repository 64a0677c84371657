package org.strictkeepalive.internal.policy;

import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * Tells a connection whose handshake or first request is on its way from one that says nothing. Pure.
 *
 * <p>A TLS client needs several round trips before its first request. At CRITICAL newcomers are evicted without a grace,
 * so without this rule a client 80 ms away would never get through its handshake.
 */
public final class Arrival {
    /** How long after its accept a connection may count as busy before its first request is there. */
    static final long HANDSHAKE_GRACE = TimeUnit.SECONDS.toNanos(1);
    /** How long after its accept a connection counts as busy because what has come is not read yet. */
    private static final long LONGEST_DELAY = TimeUnit.SECONDS.toNanos(10);
    /**
     * The least rate, in bytes a second since its accept. A ClientHello alone is enough for the whole grace, a trickle
     * is not.
     */
    static final long LEAST_RATE = 240;

    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

    private Arrival() {}

    /**
     * Tells whether the bytes of a handshake or a first request keep coming.
     *
     * @param age the time since accept in nanoseconds
     * @param bytes the bytes that have come, zero or less for none or if that is not known
     */
    public static boolean isComing(long age, long bytes) {
        return bytes > 0 && age < HANDSHAKE_GRACE && bytes * SECOND >= (double) LEAST_RATE * age;
    }

    /**
     * Tells whether a first request may have come that the server has not read yet. If all CPUs are taken, that lasts.
     *
     * @param age the time since accept in nanoseconds
     * @param waits asks whether bytes have come that nobody has read, or that are being worked on
     */
    public static boolean isDelayed(long age, BooleanSupplier waits) {
        return age < LONGEST_DELAY && waits.getAsBoolean();
    }
}
