package org.strictkeepalive;

/**
 * How close the connections of a server are to using up the descriptors that are left for them, or exchanges that wait for
 * their clients to using up its threads. By a level of the threads alone, exchanges are judged, and nothing else happens.
 */
public enum PressureLevel {
    /** The configured times hold. */
    NORMAL,
    /** Timeouts shrink, and exchanges whose client makes no progress are ended. */
    ELEVATED,
    /** Responses close connections that were never reused, and idle connections are evicted. */
    HIGH,
    /**
     * Only the reserve is free, or {@code maxConnections} is reached: as {@link #HIGH}, without grace, and accepting
     * pauses. If requests wait for a thread, or if nothing idle is left and visitors come, the slowest exchanges end.
     */
    CRITICAL;

    /**
     * Tells whether this level is another one or above it.
     *
     * @param level the other level
     * @return true if it is
     */
    public boolean isAtLeast(PressureLevel level) {
        return compareTo(level) >= 0;
    }
}
