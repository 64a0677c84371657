package org.strictkeepalive.internal.time;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Goes round all connections in steps of bounded size: those that have come since first, then on from where the last
 * step ended. In constant time for each that is added, removed or handed out.
 *
 * <p>The connections sit in one array, each of which knows its place, in three parts: those that this round has still
 * to come to, those that it has been at, and the new ones. A place that becomes free is filled from the end of its part,
 * and so on, so that no connection that is there all the time is left out of a round. Not safe for use by many threads.
 */
final class Round<T extends Timed> {
    private static final int SMALLEST = 16;

    private Timed[] all = new Timed[SMALLEST];
    private int size;
    /** Behind those that this round has still to come to. */
    private int ahead;
    /** Behind those that it has been at: from here on they are new. */
    private int known;

    private boolean over = true;

    void add(T node) {
        if (size == all.length) {
            all = Arrays.copyOf(all, size * 2);
        }
        put(node, size++);
    }

    void remove(T node) {
        int hole = node.place;
        if (hole < ahead) {
            hole = fill(hole, --ahead);
        }
        if (hole < known) {
            hole = fill(hole, --known);
        }
        fill(hole, --size);
        all[size] = null;
        node.place = -1;
        if (size < all.length / 4 && all.length > SMALLEST) {
            all = Arrays.copyOf(all, all.length / 2);
        }
    }

    private int fill(int hole, int from) {
        if (from != hole) {
            put(all[from], hole);
        }
        return from;
    }

    private void put(Timed node, int at) {
        all[at] = node;
        node.place = at;
    }

    @SuppressWarnings("unchecked") // Only those that were added are there.
    private T at(int place) {
        return (T) all[place];
    }

    int size() {
        return size;
    }

    /** The next connections, as many at most; a round that is over begins anew. */
    List<T> next(int most) {
        if (over) {
            ahead = size;
            known = size;
        }
        List<T> next = new ArrayList<>(Math.min(most, size));
        while (next.size() < most && known < size) {
            next.add(at(known++));
        }
        while (next.size() < most && ahead > 0) {
            next.add(at(--ahead));
        }
        over = ahead == 0 && known == size;
        return next;
    }

    /** Whether the last step has ended its round, so that the next one begins another. */
    boolean isOver() {
        return over;
    }
}
