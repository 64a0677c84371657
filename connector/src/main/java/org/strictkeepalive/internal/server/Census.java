package org.strictkeepalive.internal.server;

import java.lang.ref.WeakReference;
import java.net.SocketAddress;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Holders;
import org.strictkeepalive.internal.observe.Protocol;
import org.strictkeepalive.internal.observe.StateCounts;
import org.strictkeepalive.internal.time.DeadlineWheel;
import org.strictkeepalive.internal.time.Mutex;

/**
 * What operators see of single connections: those that have been idle for the longest time, and who holds the busy
 * ones. It must cost visitors nothing, however many connections are open and however many readers there are. So there is
 * one snapshot for all readers, at most one a second, and each looks at a bounded number of connections: at {@link
 * #MOST} that follow those of the snapshot before, and again at the longest idle ones that it knows. Safe for use by any
 * thread.
 */
public final class Census {
    /** How many connections a snapshot looks at. If there are no more, it looks at all. */
    static final int MOST = 1024;
    /** How many of the longest idle ones a snapshot shows. */
    public static final int SHOWN = 10;
    /** How many of the longest idle ones are looked at again, so that some are left if others have gone. */
    private static final int REMEMBERED = 4 * SHOWN;

    private static final long FRESH = TimeUnit.SECONDS.toNanos(1);

    private final DeadlineWheel<GovernedConnection> wheel;
    private final StateCounts states;
    private final Mutex lock = new Mutex();
    private volatile Snapshot latest;
    private int next;
    /** Those found since the first connection was looked at, and those of the last round. */
    private int eventStreams;

    private int eventStreamsBefore;
    /** Weak, since they may be closed long before the next snapshot. */
    private List<WeakReference<GovernedConnection>> remembered = List.of();

    Census(DeadlineWheel<GovernedConnection> wheel, StateCounts states) {
        this.wheel = wheel;
        this.states = states;
    }

    /** How many connections are in each state. */
    StateCounts states() {
        return states;
    }

    /**
     * What was seen at one moment.
     *
     * @param at the nanoTime
     * @param looked how many connections were looked at
     * @param longestIdle the longest idle ones of them, the longest first
     * @param holders who holds the busy ones of them
     * @param eventStreams how many of all connections have server-sent events; if they are looked at in parts, as of the
     *     last time that all were looked at
     */
    public record Snapshot(long at, int looked, List<Idle> longestIdle, Holders holders, int eventStreams) {}

    /**
     * A connection that is idle.
     *
     * @param idle for how long, in nanoseconds
     * @param age the time since its accept, in nanoseconds
     */
    public record Idle(long idle, long age, long requests, Protocol protocol, SocketAddress address) {}

    /** A snapshot that is at most a second old. */
    public Snapshot snapshot(long now) {
        Snapshot seen = latest;
        if (isFresh(seen, now)) {
            return seen;
        }
        try (Mutex ignored = lock.hold()) {
            return isFresh(latest, now) ? latest : look(now);
        }
    }

    private static boolean isFresh(Snapshot seen, long now) {
        return seen != null && now - seen.at < FRESH;
    }

    /** A new snapshot, however old the last one is. */
    Snapshot anew(long now) {
        try (Mutex ignored = lock.hold()) {
            return look(now);
        }
    }

    private Snapshot look(long now) {
        if (next >= wheel.size()) {
            next = 0; // Many have closed.
        }
        if (next == 0) {
            eventStreams = 0;
        }
        List<GovernedConnection> some = wheel.some(next, MOST);
        next = some.size() < MOST ? 0 : next + MOST;
        Holders holders = new Holders();
        Longest longest = new Longest(now);
        for (GovernedConnection connection : some) {
            ConnectionState state = connection.state();
            if (state == ConnectionState.BUSY) {
                holders.add(connection.waitsFor(), connection.isGone(), connection.peer());
                eventStreams += connection.isEventStream() ? 1 : 0;
            } else if (state == ConnectionState.IDLE) {
                longest.add(connection);
            }
        }
        for (WeakReference<GovernedConnection> reference : remembered) {
            GovernedConnection connection = reference.get();
            if (connection != null && connection.isCounted() && connection.state() == ConnectionState.IDLE) {
                longest.add(connection);
            }
        }
        if (next == 0 || next >= wheel.size()) {
            eventStreamsBefore = eventStreams;
        }
        List<Seen> sorted = longest.sorted();
        remembered = sorted.stream()
                .map(seen -> new WeakReference<>(seen.connection))
                .toList();
        latest = new Snapshot(
                now,
                some.size(),
                sorted.stream().limit(SHOWN).map(seen -> seen.row(now)).toList(),
                holders,
                Math.max(eventStreams, eventStreamsBefore));
        return latest;
    }

    /**
     * Keeps the longest idle ones. Only these are sorted: this runs once a second, so the JVM interprets it for a long
     * time, and to sort all would cost more than to look at them.
     */
    static final class Longest {
        private final long now;
        private final PriorityQueue<Seen> kept = new PriorityQueue<>(Comparator.comparingLong(Seen::idle));

        private Longest(long now) {
            this.now = now;
        }

        private void add(GovernedConnection connection) {
            long idle = now - connection.since();
            if (kept.size() < REMEMBERED || idle > kept.peek().idle) {
                kept.add(new Seen(connection, idle));
                if (kept.size() > REMEMBERED) {
                    kept.remove();
                }
            }
        }

        /** The longest first. One that was added twice is there once. */
        private List<Seen> sorted() {
            return kept.stream()
                    .sorted(Comparator.comparingLong(Seen::idle).reversed())
                    .distinct()
                    .toList();
        }
    }

    /** The time is read once, so that sorting is not confused by a connection that changes meanwhile. */
    record Seen(GovernedConnection connection, long idle) {
        Idle row(long now) {
            return new Idle(
                    idle,
                    now - connection.openedAt(),
                    connection.requests(),
                    connection.protocol(),
                    connection.remoteAddress());
        }
    }
}
