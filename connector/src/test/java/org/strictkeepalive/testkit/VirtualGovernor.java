package org.strictkeepalive.testkit;

import java.util.concurrent.Executor;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.connection.ApplicationCalls;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;

/** A connector in virtual time. */
public final class VirtualGovernor implements Governor {
    public long now;
    public long due = Long.MAX_VALUE;
    public Decisions decisions = new Decisions(KeepAlivePolicy.defaults());
    public Pressure pressure = Pressure.NONE;
    public CloseReason farewell;
    public boolean shutdown;
    public boolean refusing;
    /** How often listeners were told of a close. */
    public int told;

    private final Counters counters = new Counters();
    private final ApplicationCalls calls = new ApplicationCalls();

    public VirtualGovernor(long now) {
        this.now = now;
    }

    @Override
    public Decisions decisions() {
        return decisions;
    }

    @Override
    public Pressure pressure() {
        return pressure;
    }

    @Override
    public long now() {
        return now;
    }

    @Override
    public long begun(Request request) {
        return now;
    }

    @Override
    public long idleTimeout() {
        return 30_000_000_000L;
    }

    @Override
    public boolean isShutdown() {
        return shutdown;
    }

    @Override
    public long calm() {
        return 0;
    }

    @Override
    public boolean isStopping() {
        return false;
    }

    @Override
    public long stopTimeout(long since, long at) {
        return Decisions.NEVER;
    }

    @Override
    public boolean isRefusing() {
        return refusing;
    }

    @Override
    public CloseReason farewell() {
        return farewell;
    }

    @Override
    public void due(GovernedConnection connection, long at) {
        due = Math.min(due, at);
    }

    @Override
    public void closing(Connection connection, CloseReason reason) {
        told++;
    }

    @Override
    public void closed(GovernedConnection connection, CloseReason reason) {}

    @Override
    public void execute(Runnable task) {
        task.run();
    }

    @Override
    public Executor executor() {
        return Runnable::run;
    }

    @Override
    public ApplicationCalls calls() {
        return calls;
    }

    @Override
    public Counters counters() {
        return counters;
    }
}
