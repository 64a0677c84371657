package org.strictkeepalive;

/**
 * A further source of pressure beside descriptors and threads, for example {@linkplain MemoryPressure memory} or a
 * licence count. Under pressure connections are closed, so the resource should be one that this gives back, and the
 * answer should show it soon: while it stays high, further connections are closed.
 *
 * <p>While connections are open it is asked once in {@code sampleInterval}, on a daemon thread of its own and never
 * twice at once. Its last answer counts, so a slow source delays nobody. A source that throws or answers NaN counts as
 * 0, and as a {@linkplain DescriptorMonitor#getProbeFailureCount() probe failure}. So does a source that has not
 * answered for ten intervals and for a second at least, until it answers: an old answer must not cost connections any
 * longer. When the last governed connector stops, a source that is being asked is interrupted.
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
