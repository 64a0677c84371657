package org.strictkeepalive.simulation;

import java.util.PriorityQueue;
import org.strictkeepalive.testkit.FakeScheduler;

/** What happens in virtual time: the scheduler's tasks and a simulation's own events, in their order. */
final class VirtualTime {
    private record Event(long at, long order, Runnable action) implements Comparable<Event> {
        @Override
        public int compareTo(Event that) {
            return at != that.at ? Long.compare(at, that.at) : Long.compare(order, that.order);
        }
    }

    final FakeScheduler scheduler = new FakeScheduler();
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long order;

    long now() {
        return scheduler.now;
    }

    void at(long time, Runnable action) {
        events.add(new Event(time, order++, action));
    }

    void in(long delay, Runnable action) {
        at(now() + delay, action);
    }

    boolean isOver() {
        return events.isEmpty() && scheduler.pending.isEmpty();
    }

    /** Lets the next thing happen; true if it was the scheduler's. */
    boolean step() {
        long tick = scheduler.pending.stream()
                .mapToLong(FakeScheduler.FakeTask::at)
                .min()
                .orElse(Long.MAX_VALUE);
        if (events.isEmpty() || tick <= events.element().at) {
            scheduler.advance(Math.max(0, tick - now()));
            return true;
        }
        Event event = events.remove();
        scheduler.advance(event.at - now());
        event.action.run();
        return false;
    }
}
