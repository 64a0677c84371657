package org.strictkeepalive.internal.http2;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.strictkeepalive.internal.connection.Governor;

/** Counts what moves in the bodies of a connection's exchanges, and how many of these wait for bytes. */
abstract class Http2Bodies extends Http2Deadlines {
    private static final AtomicIntegerFieldUpdater<Http2Bodies> DEMANDING =
            AtomicIntegerFieldUpdater.newUpdater(Http2Bodies.class, "demanding");
    private static final AtomicLongFieldUpdater<Http2Bodies> READ =
            AtomicLongFieldUpdater.newUpdater(Http2Bodies.class, "read");

    /** How many exchanges have demanded bytes that have not come. */
    private volatile int demanding;
    /** How many bytes of requests' bodies were read. */
    private volatile long read;

    Http2Bodies(Governor governor, long acceptedAt, float agePart) {
        super(governor, acceptedAt, agePart);
    }

    /** An exchange demands bytes; {@code begins} says whether it did not wait before. */
    final void demands(boolean begins) {
        DEMANDING.incrementAndGet(this);
        if (begins) {
            waits();
        }
    }

    /** Bytes have come, or the exchange is over; {@code ends} says whether it no longer waits. */
    final void isMet(boolean ends) {
        DEMANDING.decrementAndGet(this);
        if (ends) {
            goesOn();
        }
    }

    final void onRead(int bytes) {
        if (bytes > 0) {
            READ.addAndGet(this, bytes);
        }
    }

    final int demanding() {
        return demanding;
    }

    final long read() {
        return read;
    }
}
