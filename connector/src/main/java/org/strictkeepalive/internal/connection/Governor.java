package org.strictkeepalive.internal.connection;

import java.util.concurrent.Executor;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;

/** What a connection asks its connector, and what it tells it. Safe for use by any thread. */
public interface Governor extends Executor {
    /** The decisions of the policy that is in force now. */
    Decisions decisions();

    /** The pressure as it was measured last. */
    Pressure pressure();

    /** The nanoTime. */
    long now();

    /** The nanoTime at which a request began. If Jetty has recorded it, the clock is not read again. */
    long begun(Request request);

    /** The connector's idle timeout in nanoseconds, zero or less for none. */
    long idleTimeout();

    /** Whether the connector shuts down: it answers the requests that come, and keeps no connection. */
    boolean isShutdown();

    /** Whether the first request of a connection is answered with 503, since busy requests hold all the room. */
    boolean isRefusing();

    /** Negative if a stop, a drain or high pressure may close a connection after its exchange, else 0. */
    long calm();

    /** Whether the connector has stopped. */
    boolean isStopping();

    /**
     * Returns how long a connection may wait for a request during a stop.
     *
     * @param since the nanoTime at which the wait began
     * @return the time since then in nanoseconds, {@link Decisions#NEVER} if there is no stop or no limit
     */
    long stopTimeout(long since, long now);

    /** Why the response that is written now says close, null if neither a stop nor a drain requires it. */
    CloseReason farewell();

    /** Schedules a look at a connection for that nanoTime or earlier. */
    void due(GovernedConnection connection, long due);

    /** The policy has decided to close a connection. */
    void closing(Connection connection, CloseReason reason);

    /**
     * A connection is about to be upgraded to another one.
     *
     * @param shown the endpoint without the guard, null if the other connection needs the guard's
     * @return the connection that it is upgraded to: that one, or its equal that uses the endpoint without the guard
     */
    default Connection upgrading(GovernedConnection connection, Connection to, EndPoint shown) {
        return to;
    }

    /** A connection has closed, or has left the policy. */
    void closed(GovernedConnection connection, CloseReason reason);

    /**
     * Runs a task on the thread that ends connections. The task is never rejected or lost, and waits for no thread of
     * the application.
     */
    @Override
    void execute(Runnable task);

    /** The executor of the application's threads, which may reject a task. */
    Executor executor();

    /** Makes the calls of the application's callbacks that end exchanges. */
    ApplicationCalls calls();

    /** The counters of the server. */
    Counters counters();
}
