package org.strictkeepalive.internal.time;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A daemon thread that runs tasks in their order: one is neither rejected nor lost, and what it throws ends nothing.
 *
 * <p>It takes what neither the timer's thread nor an accepting one may wait for, and what the application's pool can't
 * be given, since that may have no thread left. Safe for use by any thread.
 */
public final class TaskThread implements Executor {
    private static final Logger LOG = LoggerFactory.getLogger(TaskThread.class);

    private final String name;
    private final Consumer<Throwable> failures;
    private final boolean threaded;
    private final Mutex lock = new Mutex();
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private volatile boolean begun;
    private Thread thread;

    /**
     * Makes one.
     *
     * @param name the name of the thread
     * @param threaded whether it has a thread; else the caller runs a task, as in virtual time
     * @param failures told of what a task throws
     */
    public TaskThread(String name, boolean threaded, Consumer<Throwable> failures) {
        this.name = name;
        this.threaded = threaded;
        this.failures = failures;
    }

    /** Starts the thread, which then waits for tasks. */
    public void begin() {
        if (begun || !threaded) {
            return;
        }
        try (Mutex ignored = lock.hold()) {
            begun = true;
            ensureThread();
        }
    }

    /** Ends the thread, behind the tasks that wait. */
    public void end() {
        try (Mutex ending = lock.hold()) {
            begun = false;
            ending.signal();
        }
    }

    /** Interrupts the task that runs, if one does. */
    public void interrupt() {
        try (Mutex ignored = lock.hold()) {
            if (thread != null) {
                thread.interrupt();
            }
        }
    }

    /** Runs a task after those that wait. */
    @Override
    public void execute(Runnable task) {
        if (threaded) {
            try (Mutex adding = lock.hold()) {
                tasks.add(task);
                if (ensureThread()) {
                    adding.signal();
                    return;
                }
            }
            runWaiting(); // The machine has no thread left.
        } else {
            runOne(task);
        }
    }

    /**
     * Runs a task after those that wait, but never on the thread of the caller.
     *
     * @return false if it is not run, since the machine has no thread left
     */
    public boolean tryExecute(Runnable task) {
        if (!threaded) {
            runOne(task);
            return true;
        }
        try (Mutex adding = lock.hold()) {
            if (!ensureThread()) {
                return false;
            }
            tasks.add(task);
            adding.signal();
            return true;
        }
    }

    private boolean ensureThread() {
        if (thread != null) {
            return true;
        }
        try {
            Thread starting = new Thread(null, this::work, name, 0, false);
            starting.setDaemon(true);
            // Not that of the web application whose thread is here by chance.
            starting.setContextClassLoader(TaskThread.class.getClassLoader());
            starting.start();
            thread = starting;
            return true;
        } catch (Throwable x) {
            begun = false; // The next connection tries again.
            return false;
        }
    }

    private void work() {
        while (true) {
            Runnable task = next();
            if (task == null) {
                return;
            }
            runOne(task);
            if (Thread.interrupted()) {
                // By a callback: it would close the next socket that is touched.
                LOG.debug("Interrupted by {}", task);
            }
        }
    }

    /** Waits for the next task; null where the thread is to end. */
    private Runnable next() {
        try (Mutex waiting = lock.hold()) {
            while (true) {
                Runnable task = tasks.poll();
                if (task != null) {
                    return task;
                }
                if (!begun) {
                    thread = null;
                    return null;
                }
                try {
                    waiting.await();
                } catch (InterruptedException x) {
                    // Nobody may end it so.
                }
            }
        }
    }

    private void runWaiting() {
        while (true) {
            Runnable task;
            try (Mutex ignored = lock.hold()) {
                task = tasks.poll();
            }
            if (task == null) {
                return;
            }
            runOne(task);
        }
    }

    private void runOne(Runnable task) {
        try {
            task.run();
        } catch (Throwable x) {
            failures.accept(x);
        }
    }
}
