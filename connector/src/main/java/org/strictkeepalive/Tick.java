package org.strictkeepalive;

/**
 * What a tick knows, made once and handed to each connection that is looked at.
 *
 * @param now the nanoTime
 * @param pressure the pressure
 * @param ending why connections that are idle between two requests are closed now, null where they are not
 */
record Tick(long now, Pressure pressure, CloseReason ending) {
    Tick(long now, Pressure pressure) {
        this(now, pressure, null);
    }
}
