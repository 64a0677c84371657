package org.strictkeepalive.internal.time;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A daemon thread that runs tasks in their order. What a task throws doesn't end the thread. {@link #execute} never
 * rejects or loses a task.
 *
 * <p>It runs what neither the timer's thread nor an accepting thread may wait for. The application's pool can't run it,
 * since that may have no thread left. Safe for use by any thread.
 */
public final class TaskThread implements Executor {
    private static final Logger LOG = LoggerFactory.getLogger(TaskThread.class);

    private final String name;
    private final Consumer<Throwable> failures;
    private final boolean threaded;
    private final Mutex lock = new Mutex();
    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private volatile boolean begun;
    private volatile long handed;
    private Thread thread;

    /**
     * Creates it without starting the thread.
     *
     * @param name the name of the thread
     * @param threaded whether it has a thread; if not, the caller runs a task, as in virtual time
     * @param failures told what a task throws
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

    /** Ends the thread after the tasks that wait. */
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
                add(task);
                if (ensureThread()) {
                    adding.signal();
                    return;
                }
            }
            runWaiting(); // The machine can't start another thread.
        } else {
            runOne(task);
        }
    }

    /**
     * Runs a task after those that wait, but never on the thread of the caller.
     *
     * @return false if the task is not run, because the machine can't start another thread
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
            add(task);
            adding.signal();
            return true;
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock
    private void add(Runnable task) {
        tasks.add(task);
        handed++;
    }

    /** How many tasks the thread has got so far. */
    public long handed() {
        return handed;
    }

    private boolean ensureThread() {
        if (thread != null) {
            return true;
        }
        try {
            Thread starting = new Thread(null, this::work, name, 0, false);
            starting.setDaemon(true);
            // Otherwise it would keep the class loader of the web application whose thread happens to be here.
            starting.setContextClassLoader(TaskThread.class.getClassLoader());
            starting.start();
            thread = starting;
            return true;
        } catch (Throwable x) {
            begun = false; // The next call of begin tries again.
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
                // A callback has interrupted this thread. The interrupt would close the next socket that the thread
                // uses.
                LOG.debug("Interrupted by {}", task);
            }
        }
    }

    /** Waits for the next task. Returns null if the thread has to end. */
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
                    // An interrupt doesn't end this thread.
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
