package org.strictkeepalive.testkit;

import java.io.IOException;
import org.strictkeepalive.internal.server.DescriptorProbe;

/** A descriptor probe whose count a test sets. */
public class FakeProbe implements DescriptorProbe {
    public volatile long used = 100;
    public volatile long limit = 1000;
    public boolean cheap = true;
    /** What counting throws; null: it works. */
    public volatile Throwable failure;
    /** Whether a descriptor can be opened, whatever the count says. */
    public boolean room;

    public int asked;
    /** Runs while it counts. */
    public Runnable counting = () -> {};

    public synchronized void add(long descriptors) {
        used += descriptors;
    }

    @Override
    public String name() {
        return "fake";
    }

    @Override
    public long used() throws IOException {
        asked++;
        counting.run();
        if (failure instanceof IOException x) {
            throw x;
        } else if (failure instanceof RuntimeException x) {
            throw x;
        } else if (failure instanceof Error x) {
            throw x;
        }
        return used;
    }

    @Override
    public long limit() {
        if (failure != null) {
            throw new IllegalStateException("no limit", failure);
        }
        return limit;
    }

    @Override
    public boolean isCheap() {
        return cheap;
    }

    @Override
    public boolean hasRoom() {
        return room || used < limit;
    }
}
