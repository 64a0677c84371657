package org.strictkeepalive.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.thread.Scheduler;

/** A scheduler whose tasks are run by hand, with the clock that goes with it. */
public class FakeScheduler extends AbstractLifeCycle implements Scheduler {
    public final List<FakeTask> pending = new ArrayList<>();
    public long now;

    public record FakeTask(FakeScheduler scheduler, Runnable command, long delay, long at) implements Task {
        @Override
        public boolean cancel() {
            return scheduler.pending.removeIf(other -> isSame(other));
        }

        @SuppressWarnings("ReferenceEquality")
        private boolean isSame(FakeTask other) {
            return other == this;
        }
    }

    @Override
    public Task schedule(Runnable command, long delay, TimeUnit unit) {
        FakeTask task = new FakeTask(this, command, unit.toNanos(delay), now + unit.toNanos(delay));
        pending.add(task);
        return task;
    }

    /** Moves the clock on, and runs what is due meanwhile, each at its time. */
    public void advance(long nanos) {
        long end = now + nanos;
        while (true) {
            FakeTask next = null;
            for (FakeTask task : pending) {
                if (task.at - end <= 0 && (next == null || task.at - next.at < 0)) {
                    next = task;
                }
            }
            if (next == null) {
                break;
            }
            next.cancel();
            if (next.at - now > 0) {
                now = next.at;
            }
            next.command.run();
        }
        now = end;
    }
}
