package org.strictkeepalive.simulation;

import java.util.SplittableRandom;

/** What a visitor wants, and how long it takes. It depends on its number alone, whatever the settings. */
class SimulatedVisitor {
    private static final long SEED = 42_000_000_000L;
    private static final long SECOND = 1_000_000_000L;
    static final long ROUND_TRIP = 50_000_000L;

    final SplittableRandom random;
    /** Doesn't close: takes one answer, or not even that. */
    final boolean leaky;

    final boolean silent;
    /** Speaks HTTP/2, one request after the other. */
    final boolean http2;
    /** Like a pool of another service: many requests, seconds apart. */
    private final boolean pool;
    /** The requests that it still wants to make. */
    int left;

    SimulatedVisitor(int number, SimulationLoad load) {
        random = new SplittableRandom(SEED + number);
        leaky = random.nextDouble() < load.leaky();
        silent = leaky && random.nextInt(4) == 0;
        pool = !leaky && random.nextInt(20) == 0;
        left = silent ? 0 : leaky ? 1 : 1 + (int) exponential(pool ? 100 : 3);
        // Not from the same numbers, so that a visitor wants the same in either protocol.
        http2 = new SplittableRandom(-SEED - number).nextDouble() < load.http2();
    }

    private double exponential(double mean) {
        return -mean * Math.log(1 - random.nextDouble());
    }

    /** Between two requests; a page's parts come fast, the next page when this one is read. */
    final long think() {
        return ROUND_TRIP + (long) (exponential(pool ? 2 : random.nextInt(4) == 0 ? 10 : 0.2) * SECOND);
    }

    final long service() {
        return (long) (exponential(random.nextInt(50) == 0 ? 2 : 0.03) * SECOND);
    }
}
