package org.strictkeepalive.internal.observe;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts failures. Logs the first one at WARN and the others at DEBUG. Safe for use by any thread. */
public final class Failures {
    private static final Logger LOG = LoggerFactory.getLogger(OperatorLog.LOGGER);

    private final AtomicLong count = new AtomicLong();
    private final AtomicBoolean logged = new AtomicBoolean();

    /**
     * Something that could not be done.
     *
     * @param what the attempt, as the words after "Unable to"
     * @param cause what was thrown
     */
    public record Failure(String what, Throwable cause) {}

    public void add(Failure failure) {
        add(failure.what, failure.cause);
    }

    public void add(String what, Throwable cause) {
        count.incrementAndGet();
        if (logged.compareAndSet(false, true)) {
            LOG.warn("Unable to {}: {} (further failures are counted, and logged at DEBUG)", what, cause.toString());
        } else {
            LOG.debug("Unable to {}", what, cause);
        }
    }

    /** Adds what it is given as failures of that attempt. */
    public Consumer<Throwable> of(String what) {
        return cause -> add(what, cause);
    }

    public long count() {
        return count.get();
    }
}
