package org.strictkeepalive.internal.observe;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.strictkeepalive.CloseReason;

/**
 * Says, from what was counted, which idle connections another keep-alive timeout would hold and which reuses it would
 * lose. Pure.
 */
public final class Advice {
    /** With fewer reuses there is no advice. */
    static final int LEAST_REUSES = 100;
    /** The share of the reuses that a shorter timeout may lose. */
    private static final double BEARABLE_LOSS = 0.01;
    /** The shortest timeout that is proposed. */
    private static final long SHORTEST_MILLIS = 1024;

    private Advice() {}

    /**
     * Returns the advice that follows from what was counted.
     *
     * @param expired how many connections were closed at the timeout
     * @param timeout the timeout in nanoseconds, {@code Long.MAX_VALUE} for none
     */
    public static String of(Counters counters, long expired, long timeout) {
        return of(
                counters.reuses().counts(),
                expired,
                counters.regret().byReason().getOrDefault(CloseReason.KEEP_ALIVE_TIMEOUT, 0L),
                timeout == Long.MAX_VALUE ? timeout : TimeUnit.NANOSECONDS.toMillis(timeout));
    }

    /**
     * Returns the advice.
     *
     * @param reuses the reuses by idle time, as {@link Histogram} counts them
     * @param expired how many connections were closed at the timeout
     * @param missed how many of their clients came back within a second
     * @param timeoutMillis the timeout in milliseconds, {@code Long.MAX_VALUE} for none
     */
    public static String of(long[] reuses, long expired, long missed, long timeoutMillis) {
        long all = LongStream.of(reuses).sum();
        if (all < LEAST_REUSES) {
            return "No advice on keepAliveTimeout yet: %d reuses".formatted(all);
        }
        int shorter = shorter(reuses, all, timeoutMillis);
        long shorterMillis = Histogram.bound(shorter);
        long lost = from(reuses, shorter + 1);
        double held = held(reuses, expired, timeoutMillis);
        StringBuilder text = new StringBuilder();
        text.append("Of %d reuses %s came within %s".formatted(all, percent(all - lost, all), seconds(shorterMillis)));
        boolean limited = timeoutMillis != Long.MAX_VALUE;
        if (shorterMillis < timeoutMillis) {
            text.append(": keepAliveTimeout %s instead of %s would lose %s of them"
                    .formatted(seconds(shorterMillis), limited ? seconds(timeoutMillis) : "none", percent(lost, all)));
            if (limited) {
                text.append(" and hold %s fewer idle connections"
                        .formatted(percent(held - held(reuses, expired, shorterMillis), held)));
            }
        }
        if (limited && expired > 0) {
            // Each connection that was closed at the timeout might stay idle for all of the time that is added.
            text.append("; %s would hold up to %s more and have kept at least %d of %d that it closed"
                    .formatted(
                            seconds(timeoutMillis * 2),
                            percent((double) expired * timeoutMillis, held),
                            missed,
                            Math.max(expired, missed))); // Lingering connections are not counted as closed yet.
        }
        return text.toString();
    }

    /** The first bucket after which there are so few reuses that losing them is bearable. */
    private static int shorter(long[] reuses, long all, long timeoutMillis) {
        int bucket = Histogram.bucket(SHORTEST_MILLIS - 1);
        while (bucket < reuses.length - 2
                && Histogram.bound(bucket) < timeoutMillis
                && from(reuses, bucket + 1) > all * BEARABLE_LOSS) {
            bucket++;
        }
        return bucket;
    }

    private static long from(long[] reuses, int bucket) {
        long sum = 0;
        for (int i = bucket; i < reuses.length; i++) {
            sum += reuses[i];
        }
        return sum;
    }

    /** For how long, in milliseconds, connections would have been idle with a timeout. */
    private static double held(long[] reuses, long expired, long timeoutMillis) {
        double sum = timeoutMillis == Long.MAX_VALUE ? 0 : (double) expired * timeoutMillis;
        for (int i = 0; i < reuses.length; i++) {
            sum += reuses[i] * Math.min(0.75 * (1L << i), (double) timeoutMillis);
        }
        return sum;
    }

    private static String percent(long part, long all) {
        return percent((double) part, (double) all);
    }

    private static String percent(double part, double all) {
        return String.format(Locale.ROOT, "%.1f %%", all == 0 ? 0 : 100 * part / all);
    }

    private static String seconds(long millis) {
        return String.format(Locale.ROOT, millis % 1000 == 0 ? "%.0f s" : "%.1f s", millis / 1000.0);
    }
}
