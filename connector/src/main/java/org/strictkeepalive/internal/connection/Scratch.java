package org.strictkeepalive.internal.connection;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.eclipse.jetty.util.BufferUtil;

/**
 * Direct buffers for reads whose bytes are not kept. Reading into a heap buffer would cost a copy and garbage, and
 * teach the compiler a second kind of buffer on the path of every request, whose compiled code it then throws away.
 *
 * <p>Not from Jetty's buffer pool, whose methods differ between versions. Not one a thread, since that would stay with
 * the application's threads. So many are kept as there may be threads that read at once; more are dropped. Safe for use
 * by any thread.
 */
final class Scratch {
    /** In bytes. */
    static final int SIZE = 16 * 1024;

    static final int MOST_KEPT = 16;

    private static final AtomicReferenceArray<ByteBuffer> KEPT = new AtomicReferenceArray<>(MOST_KEPT);

    private Scratch() {}

    /** Returns an empty buffer for the caller alone, in flush mode. It is to be given back. */
    static ByteBuffer take() {
        for (int i = 0; i < MOST_KEPT; i++) {
            ByteBuffer kept = KEPT.get(i);
            if (kept != null && KEPT.compareAndSet(i, kept, null)) {
                BufferUtil.clear(kept);
                return kept;
            }
        }
        return BufferUtil.allocateDirect(SIZE);
    }

    static void giveBack(ByteBuffer buffer) {
        for (int i = 0; i < MOST_KEPT; i++) {
            if (KEPT.get(i) == null && KEPT.compareAndSet(i, null, buffer)) {
                return;
            }
        }
    }

    /** A copy of what a buffer holds, of just that size. */
    static ByteBuffer copy(ByteBuffer buffer) {
        return ByteBuffer.allocate(buffer.remaining()).put(buffer).flip();
    }
}
