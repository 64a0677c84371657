package org.strictkeepalive.internal.connection;

import java.util.concurrent.Executor;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;

/** What a connection asks of its connector, and tells it. Safe for use by any thread. */
public interface Governor extends Executor {
    /** The policy that is in force now. */
    Decisions decisions();

    /** The pressure as it was found last. */
    Pressure pressure();

    /** The nanoTime. */
    long now();

    /** The nanoTime at which a request began, without another look at the clock where Jetty has taken it. */
    long begun(Request request);

    /** The connector's idle timeout in nanoseconds, not positive for none. */
    long idleTimeout();

    /** Whether the connector shuts down: it answers the requests that come, and keeps no connection. */
    boolean isShutdown();

    /** Whether the connector has stopped. */
    boolean isStopping();

    /**
     * Returns how long a connection may wait for a request at a stop.
     *
     * @param since the nanoTime since when it waits
     * @return the time since then in nanoseconds, {@link Decisions#NEVER} where there is no stop, or no limit
     */
    long stopTimeout(long since, long now);

    /** Why the response that is written now says close, null where a stop or a drain doesn't want it. */
    CloseReason farewell();

    /** Sees to it that a connection is looked at by that nanoTime. */
    void due(GovernedConnection connection, long due);

    /** The policy has decided to close a connection. */
    void closing(Connection connection, CloseReason reason);

    /** A connection has closed, or has left the policy. */
    void closed(GovernedConnection connection, CloseReason reason);

    /**
     * Runs a task on the thread that ends connections. It is neither rejected nor lost, and waits for no thread of the
     * application.
     */
    @Override
    void execute(Runnable task);

    /** The application's threads, which may reject a task. */
    Executor executor();

    /** The calls of the application's callbacks that end exchanges. */
    ApplicationCalls calls();

    /** What is counted. */
    Counters counters();
}
