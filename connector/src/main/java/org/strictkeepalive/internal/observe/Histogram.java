package org.strictkeepalive.internal.observe;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * Counts values in buckets whose bounds are powers of two: milliseconds, or requests.
 *
 * <p>Counting takes no lock. Safe for use by any thread.
 */
public final class Histogram {
    /** The last bucket is open: in milliseconds, from 70 minutes on. */
    public static final int BUCKETS = 24;

    private final LongAdder[] counts = new LongAdder[BUCKETS];

    Histogram() {
        for (int i = 0; i < BUCKETS; i++) {
            counts[i] = new LongAdder();
        }
    }

    public void add(long value) {
        add(value, 1);
    }

    /** Counts a value so many times. */
    public void add(long value, int times) {
        counts[bucket(value)].add(times);
    }

    static int bucket(long value) {
        return Math.min(Long.SIZE - Long.numberOfLeadingZeros(Math.max(value, 0)), BUCKETS - 1);
    }

    /** The bound of a bucket. Its values are less than the bound, and at least half of it. */
    static long bound(int bucket) {
        return bucket == BUCKETS - 1 ? Long.MAX_VALUE : 1L << bucket;
    }

    /** A snapshot. It maps each bound to the number of values that are below it but not below the bound before. */
    public Map<Long, Long> byBound() {
        Map<Long, Long> result = new LinkedHashMap<>();
        long[] sums = counts();
        for (int i = 0; i < BUCKETS; i++) {
            result.put(bound(i), sums[i]);
        }
        return result;
    }

    /** A snapshot: how many values are in each bucket. */
    public long[] counts() {
        long[] result = new long[BUCKETS];
        for (int i = 0; i < BUCKETS; i++) {
            result[i] = counts[i].sum();
        }
        return result;
    }
}
