package org.strictkeepalive.internal.time;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Goes round all connections in steps of bounded size: first those added since the last step, then on from where that
 * step ended. To add, remove or hand out a connection takes constant time.
 *
 * <p>The connections are in one array, and each knows its place there. The array has three parts: those that this round
 * has still to reach, those that it has reached, and the new ones. A place that becomes free is filled from the end of
 * its part, and the place that this frees from the end of the next part. So a round leaves out no connection that is
 * there all the time. Not safe for use by several threads at once.
 */
final class Round<T extends Timed> {
    private static final int SMALLEST = 16;

    private Timed[] all = new Timed[SMALLEST];
    private int size;
    /** The end of those that this round has still to reach. */
    private int ahead;
    /** The end of those that it has reached. The new ones follow. */
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

    void forEach(Consumer<T> action) {
        for (int place = 0; place < size; place++) {
            action.accept(at(place));
        }
    }

    /** Connections of neighbouring places, at most so many; from the first place on if there is none at {@code from}. */
    List<T> some(int from, int most) {
        int begin = from < size ? from : 0;
        int end = Math.min(size, begin + most);
        List<T> some = new ArrayList<>(end - begin);
        for (int place = begin; place < end; place++) {
            some.add(at(place));
        }
        return some;
    }

    /** The next connections, at most so many. After the end of a round the next one begins. */
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
