package org.strictkeepalive.internal.http2;

import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http2.HTTP2Stream;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.testkit.VirtualGovernor;

/** A connection without Jetty, in virtual time. It remembers what it was asked to do. */
class BareHttp2 extends Http2Bodies {
    final List<Integer> done = new ArrayList<>();
    boolean open = true;
    boolean sessionClosed;
    int streams;
    int lastStream;
    long opened;
    long ended;
    long moved;
    CloseReason told;
    boolean unread;
    boolean moreComes;
    boolean counted;
    /** What happens just before it does what it is asked to do. */
    Runnable late;

    BareHttp2(long now) {
        this(new VirtualGovernor(now));
    }

    BareHttp2(VirtualGovernor governor) {
        super(governor, governor.now, 0);
    }

    @Override
    public void act(int what) {
        if (late != null) {
            late.run();
        }
        if (what == SLOWEST) {
            endSlowest();
        } else if (what != GOAWAY || confirm()) {
            done.add(what);
            sessionClosed |= what == GOAWAY || what == GOAWAY_BUSY || what == CALM;
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
    int lastStream() {
        return lastStream;
    }

    @Override
    long ended() {
        return ended;
    }

    @Override
    boolean adaptIdleTimeout(boolean isIdle) {
        return false;
    }

    @Override
    long bytesIn() {
        return 0;
    }

    @Override
    boolean hasMoreCome() {
        return moreComes;
    }

    @Override
    boolean isServersTurn() {
        return unread;
    }

    @Override
    long moved() {
        return moved;
    }

    @Override
    HTTP2Stream stream(int id) {
        return null;
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
