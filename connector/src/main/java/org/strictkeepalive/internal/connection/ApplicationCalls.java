package org.strictkeepalive.internal.connection;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.thread.Invocable;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.eclipse.jetty.util.thread.ThreadPool;

/**
 * Calls the application's callbacks as Jetty's own idle timeout does. A callback that doesn't block (it only wakes up a
 * blocked reader or writer) is called at once on this thread. Another one is called on a reserved thread of the pool
 * or, if there is none, on a new thread. No call waits in the queue of the pool, since the threads that it is to free
 * may be all that the pool has.
 *
 * <p>Bounded: at most {@link #MOST_BLOCKING} calls that may block are under way. Safe for use by any thread.
 */
public final class ApplicationCalls {
    public static final int MOST_BLOCKING = 64;

    private final AtomicInteger blocking = new AtomicInteger();

    /** Takes a place for a call that may block. Returns false if all are taken. */
    boolean begin() {
        return blocking.getAndUpdate(count -> Math.min(count + 1, MOST_BLOCKING)) < MOST_BLOCKING;
    }

    /** Gives a place back. */
    void end() {
        blocking.decrementAndGet();
    }

    /** Makes a call. If it may block, the caller has taken a place for it. */
    static void make(Executor executor, InvocationType type, Runnable call) {
        ThreadPool.executeImmediately(executor, new Invocable.ReadyTask(type, call));
    }

    /**
     * Makes a call. Returns false if it may block and all places are taken. The place is given back when the call
     * returns.
     */
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

    /** The invocation type of a callback. If it doesn't know its own, it may block. */
    static InvocationType type(Object callback) {
        InvocationType type = Invocable.getInvocationType(callback);
        return type == null ? InvocationType.BLOCKING : type;
    }

    /** The invocation type of the callback of an endpoint's pending write; NON_BLOCKING if no write is pending. */
    static InvocationType typeOfWrite(EndPoint endPoint) {
        return endPoint instanceof AbstractEndPoint ep && ep.getWriteFlusher().isPending()
                ? ep.getWriteFlusher().getCallbackInvocationType()
                : InvocationType.NON_BLOCKING;
    }
}
