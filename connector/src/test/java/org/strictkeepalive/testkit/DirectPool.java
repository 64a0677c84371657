package org.strictkeepalive.testkit;

import java.util.concurrent.RejectedExecutionException;
import org.eclipse.jetty.util.thread.ThreadPool;

/** A pool without threads: each task runs at once on the caller's thread, unless the pool rejects it. */
public class DirectPool implements ThreadPool {
    public volatile boolean rejecting;

    @Override
    public void execute(Runnable task) {
        if (rejecting) {
            throw new RejectedExecutionException("on purpose");
        }
        task.run();
    }

    @Override
    public void join() {}

    @Override
    public int getThreads() {
        return 1;
    }

    @Override
    public int getIdleThreads() {
        return 1;
    }

    @Override
    public boolean isLowOnThreads() {
        return false;
    }
}
