package org.strictkeepalive.testkit;

import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.SelectorProvider;

/** A channel without a descriptor, which stands for an accepted one. */
public final class FakeChannel extends AbstractSelectableChannel {
    public FakeChannel() {
        super(SelectorProvider.provider());
    }

    @Override
    protected void implCloseSelectableChannel() {}

    @Override
    protected void implConfigureBlocking(boolean block) {}

    @Override
    public int validOps() {
        return 0;
    }
}
