package org.strictkeepalive.internal.connection;

import java.util.concurrent.ThreadLocalRandom;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Jetty;
import org.strictkeepalive.internal.observe.Wait;

/**
 * Knows whether a {@code GuardedStream} watches the exchange in progress. Most exchanges need none: the connection is
 * kept, so the response says nothing about it.
 */
abstract class GuardedWatch extends GuardedProgress {
    /** Jetty 12.0 may fail an exchange after the end of its response. Later versions ignore such a failure. */
    private static final boolean FAILS_BEHIND_LAST = Jetty.VERSION.startsWith("12.0.");

    /** One in so many exchanges is watched in any case. A power of two. */
    private static final int SAMPLE = 128;

    private static final int AGE_PARTS = 1 << 15;

    /** A random number below {@link #AGE_PARTS}. */
    private final short agePart = (short) ThreadLocalRandom.current().nextInt(AGE_PARTS);

    GuardedWatch(Governor governor, EndPoint shown) {
        super(governor, shown);
    }

    /**
     * Whether the exchange needs no {@code GuardedStream} unless the connection has to be closed after it. A stream costs
     * a tenth of a microsecond and 24 bytes.
     */
    final boolean mayBeUnwatched() {
        return isPlainRequest()
                && !isHttp10()
                && !(isKeepAliveAsked() && governor.decisions().isAdvertiseKeepAlive())
                && !FAILS_BEHIND_LAST;
    }

    /**
     * Whether the exchange has to be watched, as far as is known when it begins. It has if the connection may be closed
     * after it. The first one has, and one in {@link #SAMPLE}, so that the compiler sees both ways from the start: where
     * a way is taken for the first time, it throws away the compiled code of all requests. Each branch would be such a
     * way, so there is one only: a term is negative if it applies.
     */
    final boolean isToBeWatched() {
        long count = connection.getMessagesIn();
        long sample = ((count + agePart) & (SAMPLE - 1)) - 1;
        long first = count - 2;
        return (first
                        | sample
                        | governor.calm()
                        | governor.decisions().beforeClose(count, since() - openedAt(), agePart()))
                < 0;
    }

    /** Watches the exchange in progress, if nobody does, so that its response can say something. */
    @Override
    public final void watch() {
        int seen = awaitLook();
        while (state(seen) == BUSY && unwatched() != null) {
            if (beginLook(seen)) {
                try {
                    Request request = unwatched();
                    if (request != null) { // Another thread may have been faster.
                        addStream(request);
                        watched();
                    }
                } catch (IllegalStateException x) {
                    // The exchange is over, and Jetty is about to go on.
                } finally {
                    endLook(seen);
                }
                return;
            }
            seen = awaitLook();
        }
    }

    /** Adds a stream to the request's own. */
    abstract void addStream(Request request);

    /** How much of {@code maxConnectionAgeJitter} applies to this connection, from 0 to 1. */
    final double agePart() {
        return (double) agePart / AGE_PARTS;
    }

    @Override
    public final Wait waitsFor() {
        if (isBodyAwaited()) {
            return Wait.CLIENT_BODY;
        }
        return isWritePending() ? Wait.CLIENT_READING : Wait.APPLICATION;
    }

    /** Jetty goes on. An exchange that nobody has watched is over. Returns true if there was one. */
    final boolean goesOn() {
        int seen = awaitLook();
        if (state(seen) != BUSY || !isUnheard()) {
            return false;
        }
        endCalls();
        requestEnds(false);
        endsUnheard();
        exchangeOver(exchange());
        return true;
    }

    final boolean isHttp10() {
        return connection.getHttpVersion() == HttpVersion.HTTP_1_0;
    }
}
