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
}
