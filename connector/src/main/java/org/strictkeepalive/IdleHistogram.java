package org.strictkeepalive;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * How long connections had been idle when they were reused, in buckets whose bounds are powers of two milliseconds.
 *
 * <p>Counting takes no lock. Safe for use by any thread.
 */
final class IdleHistogram {
    /** The last bucket is open: from 70 minutes on. */
    static final int BUCKETS = 24;

    private final LongAdder[] counts = new LongAdder[BUCKETS];

    IdleHistogram() {
        for (int i = 0; i < BUCKETS; i++) {
            counts[i] = new LongAdder();
        }
    }

    void add(long nanos) {
        counts[bucket(TimeUnit.NANOSECONDS.toMillis(nanos))].increment();
    }

    static int bucket(long millis) {
        return Math.min(Long.SIZE - Long.numberOfLeadingZeros(Math.max(millis, 0)), BUCKETS - 1);
    }

    /** The idle times of a bucket are shorter than that, and at least half of it. */
    static long boundMillis(int bucket) {
        return bucket == BUCKETS - 1 ? Long.MAX_VALUE : 1L << bucket;
    }

    /** A snapshot. */
    long[] counts() {
        long[] result = new long[BUCKETS];
        for (int i = 0; i < BUCKETS; i++) {
            result[i] = counts[i].sum();
        }
        return result;
    }
}
