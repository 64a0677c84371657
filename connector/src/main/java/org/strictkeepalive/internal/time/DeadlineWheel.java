package org.strictkeepalive.internal.time;

import java.util.ArrayList;
import java.util.List;
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
    /** A further bucket, for connections that are being looked at, so that they stay in the wheel meanwhile. */
    private static final int LOOKED_AT = BUCKETS;
    /** A bucket is 2^24 ns, 17 ms, wide. */
    private static final int SHIFT = 24;

    private final Mutex lock = new Mutex();
    private final Timed[] buckets = new Timed[BUCKETS + 1];
    private final long origin;
    private final Round<T> round = new Round<>();
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
            unlink(node);
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

    /** Looks at all connections whose time has come. */
    public void advance(long now, Look<T> look) {
        long target = (now - origin) >> SHIFT;
        List<T> due;
        try (Mutex ignored = lock.hold()) {
            if (target < cursor) {
                return;
            }
            due = new ArrayList<>();
            long first = Math.max(cursor, target - BUCKETS + 1);
            for (long i = first; i <= target; i++) {
                int index = (int) (i & (BUCKETS - 1));
                for (Timed node = buckets[index]; node != null; node = node.next) {
                    due.add(own(node));
                }
            }
            cursor = target;
            due.forEach(this::setAside);
        }
        visit(due, look);
    }

    /** Looks at all connections whose time has come, and at those that match. */
    public void advance(long now, Predicate<T> also, Look<T> look) {
        List<T> matching;
        try (Mutex ignored = lock.hold()) {
            long target = Math.max(cursor, (now - origin) >> SHIFT);
            long passed = Math.min(target - cursor, BUCKETS - 1);
            int first = (int) ((target - passed) & (BUCKETS - 1));
            matching = list();
            matching.removeIf(node -> ((node.bucket - first) & (BUCKETS - 1)) > passed && !also.test(node));
            cursor = target;
            matching.forEach(this::setAside);
        }
        visit(matching, look);
    }

    private void visit(List<T> nodes, Look<T> look) {
        for (T node : nodes) {
            long due = look.look(node);
            try (Mutex ignored = lock.hold()) {
                if (node.bucket == LOOKED_AT) {
                    unlink(node);
                    link(node, Math.min(node.dueAt, due - origin));
                }
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
                if (buckets[(int) (i & (BUCKETS - 1))] != null) {
                    return Math.min(((i + 1) << SHIFT) - at, most);
                }
            }
            return most;
        }
    }

    /** All connections at this moment. */
    public List<T> list() {
        try (Mutex ignored = lock.hold()) {
            List<T> all = new ArrayList<>(round.size());
            for (Timed head : buckets) {
                for (Timed node = head; node != null; node = node.next) {
                    all.add(own(node));
                }
            }
            return all;
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

    private void link(Timed node, long at) {
        linkInto((int) (Math.max(at >> SHIFT, cursor) & (BUCKETS - 1)), node, at);
    }

    private void linkInto(int index, Timed node, long at) {
        Timed head = buckets[index];
        node.dueAt = at;
        node.bucket = index;
        node.previous = null;
        node.next = head;
        if (head != null) {
            head.previous = node;
        }
        buckets[index] = node;
    }

    private void unlink(Timed node) {
        if (node.previous == null) {
            buckets[node.bucket] = node.next;
        } else {
            node.previous.next = node.next;
        }
        if (node.next != null) {
            node.next.previous = node.previous;
        }
        node.previous = null;
        node.next = null;
    }

    private void setAside(Timed node) {
        unlink(node);
        linkInto(LOOKED_AT, node, Long.MAX_VALUE);
    }
}
