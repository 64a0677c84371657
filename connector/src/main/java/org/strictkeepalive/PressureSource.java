package org.strictkeepalive;

/**
 * A further source of pressure beside descriptors, for example memory or a licence count.
 *
 * <p>It is asked at each sample, on a thread that must not be held up: answer from a field. A source that throws, or
 * that answers anything but a number, counts as 0 and as a probe failure.
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
