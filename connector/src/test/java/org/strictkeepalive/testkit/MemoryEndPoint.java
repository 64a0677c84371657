package org.strictkeepalive.testkit;

import org.eclipse.jetty.io.ByteArrayEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.util.thread.Scheduler;

/** An endpoint in memory that does all on the calling thread; what is written waits there for who takes it. */
public class MemoryEndPoint extends ByteArrayEndPoint {
    /** How much it takes before a write has to wait. */
    public static final int OUTPUT = 4 * 1024;

    public MemoryEndPoint(Scheduler scheduler) {
        super(scheduler, 0, "", OUTPUT);
    }

    public boolean isWritePending() {
        return getWriteFlusher().isPending();
    }

    @Override
    protected void execute(Runnable task) {
        task.run();
    }

    @Override
    public void onClose(Throwable cause) {
        // As the selector does.
        Connection connection = getConnection();
        if (connection != null) {
            connection.onClose(cause);
        }
        super.onClose(cause);
    }
}
