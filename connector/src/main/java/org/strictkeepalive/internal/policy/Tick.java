package org.strictkeepalive.internal.policy;

import org.strictkeepalive.CloseReason;

/**
 * What a tick knows. Made once a tick, and handed to each connection that is looked at.
 *
 * @param now the nanoTime
 * @param pressure the pressure
 * @param ending why connections that are idle between two requests are closed now, null if they are not
 */
public record Tick(long now, Pressure pressure, CloseReason ending) {
    public Tick(long now, Pressure pressure) {
        this(now, pressure, null);
    }

    /**
     * The pressure by which exchanges are judged.
     *
     * @param isShutdown whether the connector shuts down. Then they are judged as at ELEVATED at least, so that slow
     *     clients don't delay the stop for its whole timeout
     */
    public Pressure onExchanges(boolean isShutdown) {
        Pressure onExchanges = pressure.onExchanges();
        return isShutdown ? onExchanges.atLeastElevated() : onExchanges;
    }
}
