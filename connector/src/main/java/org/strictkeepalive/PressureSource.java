package org.strictkeepalive;

/**
 * A further source of pressure beside descriptors, for example memory or a licence count.
 *
 * <p>While connections are open it is asked once in {@code sampleInterval}, on a daemon thread of its own, never twice at
 * once, and its last answer counts: one that takes its time holds up nobody. A source that throws, or that answers
 * anything but a number, counts as 0 and as a {@linkplain DescriptorMonitor#getProbeFailureCount() probe failure}. One
 * without an answer for ten intervals, and a second at least, counts so as well until it answers: an old answer must not
 * go on to cost connections. When the last governed connector stops, a source that is being asked is interrupted.
 */
@FunctionalInterface
public interface PressureSource {
    /**
     * Returns the share of the resource that is in use.
     *
     * @return the share, from 0 for none to 1 for all; larger counts as 1, smaller as 0
     */
    double getPressure();
}
