package org.strictkeepalive.internal.policy;

import org.strictkeepalive.PressureLevel;

/**
 * How far exchanges that wait for their clients hold the threads of the server's pool. Idle connections hold no thread,
 * so this costs them nothing: exchanges alone are judged by it.
 *
 * @param share the share of the threads that such exchanges block, from 0 to 1
 * @param level the level of pressure that follows
 * @param squeeze how far the times in which exchanges are judged are shrunk, from 0 to 1
 * @param excess how many such exchanges have to end, to come down below {@link PressureLevel#HIGH}
 */
public record Threads(double share, PressureLevel level, double squeeze, int excess) {
    public static final Threads NONE = new Threads(0, PressureLevel.NORMAL, 0, 0);
}
