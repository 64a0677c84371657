package org.strictkeepalive.internal.time;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * A timing wheel of all governed connections.
 *
 * <p>A connection is in the bucket of the earliest time at which it could be due, and is looked at then. An event in
 * between moves the connection only if it becomes due earlier. So nothing is scheduled for a request, and a tick costs
 * only the connections of its buckets. Later turns of the wheel use the same buckets, so a look may come early, which
 * does no harm.
 *
 * <p>Times are kept as nanoseconds since the wheel's origin, so {@code nanoTime} may wrap. Safe for use by any thread;
 * {@link #advance} by one at a time.
 */
public final class DeadlineWheel<T extends Timed> {
    private static final int NONE = -1;
    private static final int BUCKETS = 2048;
    /** In place of a bucket, of a connection that is being looked at. It stays in the wheel meanwhile. */
    private static final int LOOKED_AT = BUCKETS;
    /** A bucket is 2^24 ns, 17 ms, wide. */
    private static final int SHIFT = 24;

    private final Mutex lock = new Mutex();
    /** The first and the last connection of each bucket. */
    private final Timed[] buckets = new Timed[BUCKETS];

    private final Timed[] ends = new Timed[BUCKETS];
    private final long origin;
    /** All connections. */
    private final Round<T> round = new Round<>();
    /** The earliest bucket in which a connection may be. Its time has not come, or has come at the last advance. */
    private long cursor;

    public DeadlineWheel(long now) {
        origin = now;
    }

    /** Looks at a connection, and returns the nanoTime of the next look. It must not throw. */
    @FunctionalInterface
    public interface Look<T> {
        long look(T connection);
    }

    /** Adds a connection, and schedules a look at it for that nanoTime or earlier. */
    public void add(T node, long due) {
        try (Mutex ignored = lock.hold()) {
            round.add(node);
            link(node, due - origin);
        }
    }

    /**
     * Removes a connection.
     *
     * @return false if it was not there
     */
    public boolean remove(T node) {
        try (Mutex ignored = lock.hold()) {
            if (node.bucket == NONE) {
                return false;
            }
            setAside(node);
            node.bucket = NONE;
            round.remove(node);
            return true;
        }
    }

    /** Replaces a connection by its successor. Returns false if the connection was not there. */
    public boolean replace(T node, T by, long due) {
        try (Mutex ignored = lock.hold()) {
            if (!remove(node)) {
                return false;
            }
            add(by, due);
            return true;
        }
    }

    /** Schedules a look at a connection for that nanoTime or earlier. */
    public void due(T node, long due) {
        long at = due - origin;
        if (node.dueAt <= at) {
            return;
        }
        try (Mutex ignored = lock.hold()) {
            if (node.bucket == LOOKED_AT) {
                node.dueAt = Math.min(node.dueAt, at);
            } else if (node.bucket != NONE) {
                unlink(node);
                link(node, at);
            }
        }
    }

    /**
     * As {@link #due}, for a connection that was looked at.
     *
     * @return false if it is no longer in the wheel
     */
    public boolean lookAgain(T node, long due) {
        try (Mutex ignored = lock.hold()) {
            due(node, due);
            return node.bucket != NONE;
        }
    }

    /** Schedules a look at all connections that match for that nanoTime or earlier. */
    public void due(Predicate<T> which, long due) {
        try (Mutex ignored = lock.hold()) {
            // The array of the round, since following the links of so many connections costs ten times as much.
            round.forEach(node -> {
                if (which.test(node)) {
                    due(node, due);
                }
            });
        }
    }

    /**
     * Looks at the connections whose time has come, at each once, until there are no more or it is enough. It looks at
     * one at least, and at the others the next time.
     *
     * @return whether it has looked at all of them
     */
    public boolean advance(long now, BooleanSupplier enough, Look<T> look) {
        long target = (now - origin) >> SHIFT;
        List<T> again = new ArrayList<>();
        boolean stopped = false;
        for (T node = take(target); node != null; node = stopped ? null : take(target)) {
            long due = look.look(node) - origin;
            stopped = enough.getAsBoolean();
            putBack(node, due, target, again);
        }
        try (Mutex ignored = lock.hold()) {
            boolean all = first(target) == null;
            for (T node : again) {
                if (node.bucket == LOOKED_AT) {
                    link(node, node.dueAt);
                }
            }
            return all;
        }
    }

    private T take(long target) {
        try (Mutex ignored = lock.hold()) {
            Timed node = first(target);
            if (node != null) {
                setAside(node);
            }
            return own(node);
        }
    }

    /** Goes on to the next bucket with connections. Returns its first one, null if there is none up to the target. */
    private Timed first(long target) {
        cursor = Math.max(cursor, target - BUCKETS + 1);
        while (cursor < target && buckets[index(cursor)] == null) {
            cursor++;
        }
        return cursor <= target ? buckets[index(cursor)] : null;
    }

    /** Puts a connection back that was looked at. If it is in one of this advance's buckets, it has to wait for the next. */
    private void putBack(T node, long due, long target, List<T> again) {
        try (Mutex ignored = lock.hold()) {
            if (node.bucket != LOOKED_AT) {
                return;
            }
            long at = Math.min(node.dueAt, due);
            if (index(bucketOf(at) - cursor) <= target - cursor) {
                node.dueAt = at;
                again.add(node);
            } else {
                link(node, at);
            }
        }
    }

    /**
     * The time from {@code now} until all of a bucket with connections is due, in nanoseconds; {@code most} at most.
     */
    public long next(long now, long most) {
        try (Mutex ignored = lock.hold()) {
            long at = now - origin;
            long last = Math.min((at + most) >> SHIFT, cursor + BUCKETS - 1);
            for (long i = cursor; i <= last; i++) {
                if (buckets[index(i)] != null) {
                    return Math.min(((i + 1) << SHIFT) - at, most);
                }
            }
            return most;
        }
    }

    /** How late the next look is: the time since a connection was due that {@link #advance} has left, else 0 or less. */
    public long late(long now) {
        try (Mutex ignored = lock.hold()) {
            Timed node = first((now - origin) >> SHIFT);
            return node == null ? 0 : now - origin - node.dueAt;
        }
    }

    /** All connections at this moment. */
    public List<T> list() {
        try (Mutex ignored = lock.hold()) {
            List<T> all = new ArrayList<>(round.size());
            round.forEach(all::add);
            return all;
        }
    }

    /**
     * Some of the connections, at most so many. Who goes on with {@code from + most} next time sees all of them after
     * some calls, but for those that others' closes have moved meanwhile.
     *
     * @param from where to begin; if there are not so many, the first ones are returned
     */
    public List<T> some(int from, int most) {
        try (Mutex ignored = lock.hold()) {
            return round.some(from, most);
        }
    }

    /**
     * The next step of a round over all connections.
     *
     * @param most how many connections it has at most
     */
    public Step<T> step(int most) {
        try (Mutex ignored = lock.hold()) {
            List<T> next = round.next(most);
            return new Step<>(next, round.isOver());
        }
    }

    /**
     * A step of a round.
     *
     * @param connections the connections of this step
     * @param last whether the round has now reached all of them
     */
    public record Step<T>(List<T> connections, boolean last) {}

    public int size() {
        try (Mutex ignored = lock.hold()) {
            return round.size();
        }
    }

    @SuppressWarnings("unchecked") // Only those that were added are there.
    private T own(Timed node) {
        return (T) node;
    }

    private static int index(long bucket) {
        return (int) (bucket & (BUCKETS - 1));
    }

    private long bucketOf(long at) {
        return Math.max(at >> SHIFT, cursor);
    }

    /** Adds a connection at the end of its bucket. */
    private void link(Timed node, long at) {
        int index = index(bucketOf(at));
        Timed end = ends[index];
        node.dueAt = at;
        node.bucket = index;
        node.previous = end;
        node.next = null;
        if (end == null) {
            buckets[index] = node;
        } else {
            end.next = node;
        }
        ends[index] = node;
    }

    private void unlink(Timed node) {
        if (node.previous == null) {
            buckets[node.bucket] = node.next;
        } else {
            node.previous.next = node.next;
        }
        if (node.next == null) {
            ends[node.bucket] = node.previous;
        } else {
            node.next.previous = node.previous;
        }
        node.previous = null;
        node.next = null;
    }

    private void setAside(Timed node) {
        if (node.bucket != LOOKED_AT) {
            unlink(node);
            node.bucket = LOOKED_AT;
            node.dueAt = Long.MAX_VALUE;
        }
    }
}
