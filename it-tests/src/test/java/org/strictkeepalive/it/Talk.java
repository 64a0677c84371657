package org.strictkeepalive.it;

import java.time.Duration;
import java.util.concurrent.Callable;

/** How long other protocols talk beside the policy, and how. */
final class Talk {
    static final Duration TRAFFIC = Duration.ofSeconds(Integer.getInteger("neighbours.seconds", 15));
    static final Duration PAUSE = Duration.ofMillis(200);
    /** Beyond every timeout of the policy. */
    static final Duration SILENCE = Duration.ofSeconds(4);

    private Talk() {}

    /** Traffic for as long as it goes on, with a silence in it. */
    static void keepTalking(Callable<?> exchange) throws Exception {
        long start = System.nanoTime();
        boolean beenSilent = false;
        Duration elapsed = Duration.ZERO;
        while (elapsed.compareTo(TRAFFIC) < 0) {
            exchange.call();
            boolean silent = !beenSilent && elapsed.compareTo(TRAFFIC.dividedBy(3)) > 0;
            beenSilent |= silent;
            Thread.sleep((silent ? SILENCE : PAUSE).toMillis());
            elapsed = Duration.ofNanos(System.nanoTime() - start);
        }
    }
}
