package org.strictkeepalive.internal.policy;

/**
 * A drain before a stop, in HAProxy's two phases. For its time responses say close with a probability that rises to
 * certainty. Idle connections are left alone, since a FIN would race with their next request. When the drain is over,
 * connections that are still idle get their FIN. Pure.
 *
 * @param from the nanoTime of its begin
 * @param spread its time in nanoseconds, not negative
 */
public record Drain(long from, long spread) {
    public boolean isOver(long now) {
        return now - from >= spread;
    }

    /**
     * Tells whether a response says close.
     *
     * @param draw a random number from 0 to 1, 1 excluded
     */
    public boolean saysClose(long now, double draw) {
        return isOver(now) || draw < (double) (now - from) / spread;
    }
}
