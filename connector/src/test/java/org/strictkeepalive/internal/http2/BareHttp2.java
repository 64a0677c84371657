package org.strictkeepalive.internal.http2;

import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
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

/** A connection without Jetty, in virtual time. It remembers what it was asked to do. */
class BareHttp2 extends Http2Deadlines {
    final List<Integer> done = new ArrayList<>();
    boolean open = true;
    boolean sessionClosed;
    int streams;
    long opened;
    long ended;
    long moved;
    CloseReason told;
    boolean counted;

    BareHttp2(long now) {
        this(new Virtual(now));
    }

    BareHttp2(Virtual governor) {
        super(governor, governor.now, 0);
    }

    /** A connector in virtual time. */
    static class Virtual implements Governor {
        long now;
        long due = Long.MAX_VALUE;
        Decisions decisions = new Decisions(KeepAlivePolicy.defaults());
        Pressure pressure = Pressure.NONE;
        CloseReason farewell;
        boolean shutdown;
        private final Counters counters = new Counters();
        private final ApplicationCalls calls = new ApplicationCalls();

        Virtual(long now) {
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
        public CloseReason farewell() {
            return farewell;
        }

        @Override
        public void due(GovernedConnection connection, long at) {
            due = Math.min(due, at);
        }

        @Override
        public void closing(Connection connection, CloseReason reason) {}

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

    @Override
    public void act(int what) {
        if (what != GOAWAY || confirm()) {
            done.add(what);
        }
    }

    @Override
    boolean isSocketOpen() {
        return open;
    }

    @Override
    boolean isSessionClosed() {
        return sessionClosed;
    }

    @Override
    int streams() {
        return streams;
    }

    @Override
    long ended() {
        return ended;
    }

    @Override
    long bytesIn() {
        return 0;
    }

    @Override
    long moved() {
        return moved;
    }

    @Override
    boolean isBlocked() {
        return true;
    }

    @Override
    void onClosed() {
        counted = true;
    }

    @Override
    void tellClosing(CloseReason reason) {
        told = reason;
    }

    @Override
    public long requests() {
        return opened;
    }

    @Override
    public SocketAddress remoteAddress() {
        return null;
    }

    @Override
    public void endQuietLinger() {}
}
