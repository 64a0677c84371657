package org.strictkeepalive.internal.connection;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.thread.Invocable;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.eclipse.jetty.util.thread.ThreadPool;

/**
 * Calls of callbacks that are the application's, as Jetty's own idle timeout makes them: those that don't block (a
 * blocked reader or writer is only woken up) at once on this thread, others on a reserved thread of the pool or, where
 * it has none, on one of their own. Never in the queue of the pool, behind the threads that they are to free.
 *
 * <p>Bounded: where so many that may block are not back yet, no further one begins. Safe for use by any thread.
 */
public final class ApplicationCalls {
    public static final int MOST_BLOCKING = 64;

    private final AtomicInteger blocking = new AtomicInteger();

    /** Takes the place of a call that may block; false where there is none left. */
    boolean begin() {
        return blocking.getAndUpdate(count -> Math.min(count + 1, MOST_BLOCKING)) < MOST_BLOCKING;
    }

    /** Gives a place back. */
    void end() {
        blocking.decrementAndGet();
    }

    /** Makes a call that has its place, where it needs one. */
    static void make(Executor executor, InvocationType type, Runnable call) {
        ThreadPool.executeImmediately(executor, new Invocable.ReadyTask(type, call));
    }

    /** Makes a call if there is a place for it, and gives that back behind it. */
    public boolean tryMake(Executor executor, InvocationType type, Runnable call) {
        if (type != InvocationType.BLOCKING) {
            make(executor, type, call);
            return true;
        }
        if (!begin()) {
            return false;
        }
        make(executor, type, () -> {
            try {
                call.run();
            } finally {
                end();
            }
        });
        return true;
    }

    /** The type of a callback; one that doesn't know its own may block. */
    static InvocationType type(Object callback) {
        InvocationType type = Invocable.getInvocationType(callback);
        return type == null ? InvocationType.BLOCKING : type;
    }

    /** The type of the callback of an endpoint's pending write. */
    static InvocationType typeOfWrite(EndPoint endPoint) {
        return endPoint instanceof AbstractEndPoint ep && ep.getWriteFlusher().isPending()
                ? ep.getWriteFlusher().getCallbackInvocationType()
                : InvocationType.NON_BLOCKING;
    }
}
