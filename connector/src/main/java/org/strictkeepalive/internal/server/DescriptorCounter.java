package org.strictkeepalive.internal.server;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.strictkeepalive.internal.observe.Failures;

/**
 * Counts descriptors with a probe that may fail, be wrong or hang for a moment. {@link #count} is used by one thread at
 * a time; the other methods are safe for use by any thread.
 */
public final class DescriptorCounter {
    /** How long the last count holds if counting fails. */
    private static final long COUNT_HOLDS = TimeUnit.SECONDS.toNanos(1);
    /**
     * How long a count at or above the limit is used although a descriptor can be opened. If the limit was lowered,
     * evictions make the count true within this time.
     */
    private static final long DOUBT_LASTS = TimeUnit.SECONDS.toNanos(5);
    /** How often the limit, which an operator may change while running, is read again. */
    private static final long LIMIT_INTERVAL = TimeUnit.SECONDS.toNanos(1);

    private final DescriptorProbe probe;
    private final List<Failures.Failure> failed = new ArrayList<>();
    private volatile long countedAt;
    private volatile long limit = -1;
    private long limitReadAt;
    private long used = -1;
    /** The connections that held a descriptor at the last count. */
    private int heldAtCount;

    private boolean doubted;
    private long doubtedAt;

    DescriptorCounter(DescriptorProbe probe, long now) {
        this.probe = probe;
        readLimit(now);
    }

    /**
     * A count.
     *
     * @param used the open descriptors, -1 for unknown
     * @param failed what failed meanwhile; the caller reports it when it holds no lock
     */
    record Count(long used, List<Failures.Failure> failed) {}

    /**
     * What a reader sees.
     *
     * @param used the open descriptors, -1 for unknown
     * @param limit the limit of the process, -1 for unknown
     */
    record Seen(long used, long limit) {}

    public String probeName() {
        return probe.name();
    }

    /** Whether a count costs so little that it may be taken at each accept. */
    boolean isCheap() {
        return probe.isCheap();
    }

    /** The limit of the process as it was read last, -1 for unknown. */
    public long limit() {
        return limit;
    }

    /** How long ago the last count was. */
    long age(long now) {
        return now - countedAt;
    }

    /**
     * Counts the open descriptors.
     *
     * @param held the connections that hold a descriptor now
     */
    Count count(long now, int held) {
        if (now - limitReadAt >= LIMIT_INTERVAL) {
            readLimit(now);
        }
        long result = tryCount(now, held);
        if (failed.isEmpty()) {
            return new Count(result, List.of());
        }
        Count count = new Count(result, List.copyOf(failed));
        failed.clear();
        return count;
    }

    private long tryCount(long now, int held) {
        try {
            used = plausible(probe.used(), now);
            heldAtCount = held;
            countedAt = now;
            return used;
        } catch (IOException | RuntimeException | Error x) {
            fail("count descriptors", x);
            if (limit > 0 && !probe.hasRoom()) {
                return limit; // Some probes need a descriptor themselves.
            }
            // For a while the last count is used, with the connections that were opened since.
            boolean unknown = used < 0 || age(now) > COUNT_HOLDS;
            return unknown ? -1 : used + held - heldAtCount;
        }
    }

    /** The count of the probe if it can be true; a corrected one, or an exception, if not. */
    private long plausible(long counted, long now) throws IOException {
        if (limit <= 0) {
            return counted;
        }
        if (counted <= 0) {
            throw new IOException(counted + " descriptors are open");
        }
        if (counted > limit) {
            // True if the limit was lowered while running.
            fail("make sense of the count", new IOException(counted + " of " + limit + " descriptors are open"));
        }
        // A wrong count of "full" would pause accepting for good, so it is verified by opening a socket.
        if (counted < limit || !probe.hasRoom()) {
            doubted = false;
            return counted;
        }
        if (!doubted) {
            doubted = true;
            doubtedAt = now;
        }
        if (now - doubtedAt > DOUBT_LASTS) {
            throw new IOException(counted + " of " + limit + " descriptors are open, but another one can be opened");
        }
        return limit - 1;
    }

    private void readLimit(long now) {
        limitReadAt = now;
        try {
            long read = probe.limit();
            if (isWrongLimit(read)) {
                throw new IllegalStateException("the limit is " + read);
            }
            limit = read;
        } catch (RuntimeException | Error x) {
            fail("read the descriptor limit", x);
        }
    }

    private static boolean isWrongLimit(long read) {
        return read == 0 || read < -1;
    }

    private void fail(String what, Throwable cause) {
        failed.add(new Failures.Failure(what, cause));
    }

    /** Counts for a reader, and changes nothing: no failure is counted and no count is kept. */
    Seen look() {
        long seenLimit = limit;
        long seenUsed = -1;
        try {
            long read = probe.limit();
            seenLimit = isWrongLimit(read) ? seenLimit : read;
            long counted = probe.used();
            seenUsed = seenLimit > 0 && counted <= 0 ? -1 : counted;
        } catch (IOException | RuntimeException | Error x) {
            // The next count reports the failure.
        }
        return new Seen(seenUsed, seenLimit);
    }
}
