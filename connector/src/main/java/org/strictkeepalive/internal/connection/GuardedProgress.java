package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.AbstractMetaDataConnection;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Invocable.InvocationType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * The progress of an exchange: whether its client has gone, or moves too few bytes. Such an exchange is ended as Jetty's
 * idle timeout ends it.
 */
abstract class GuardedProgress extends GuardEndPoint {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedProgress.class);
    private static final AtomicReferenceFieldUpdater<GuardedProgress, Callback> DEMAND =
            AtomicReferenceFieldUpdater.newUpdater(GuardedProgress.class, Callback.class, "demand");

    // What the thread that ends connections is asked to do.
    static final int OFFER = 1;
    static final int END_EXCHANGE = 1 << 1;

    /** Jetty's connection. Written before the guard is known to others. */
    AbstractMetaDataConnection connection;
    /** Null until the first byte of the first request. */
    private Exchange exchange;
    /** Bytes that the policy has read; Jetty's connection gets them first. Published by the word. */
    ByteBuffer readAhead;
    /** Called when bytes of a body come. Taken by compare-and-set. */
    private volatile Callback demand;
    /** Null while the exchange has not waited for its client. */
    private volatile StallJudge stall;

    // ---- Of the timer alone
    /** Whether, and since when, the client is known to have shut its output in the middle of an exchange. */
    private boolean gone;

    private long goneSince;

    GuardedProgress(Governor governor, EndPoint shown) {
        super(governor, shown);
    }

    final Exchange exchangeInProgress() {
        if (exchange == null) {
            exchange = new Exchange();
        }
        return exchange;
    }

    /** The exchange in progress, or the last one; null if no byte of a request has come yet. */
    final Exchange exchangeSoFar() {
        return exchange;
    }

    /** Does something that may wait for a lock of TLS, so not on the timer's thread if there is one. */
    final void execute(int what) {
        if (endPoint == innermost) {
            act(what);
        } else {
            handOn(governor, what);
        }
    }

    /** The bytes that have come at the socket, those of a handshake included. */
    final long bytesIn() {
        return endPoint instanceof SslConnection.SslEndPoint ssl
                ? ssl.getSslConnection().getBytesIn()
                : connection.getBytesIn();
    }

    // ---- The demand for a body

    final Callback demand() {
        return demand;
    }

    /** The application demands bytes of the body; false where it has demanded them already. */
    final boolean demand(Callback callback) {
        StallJudge judge = stall;
        long now = governor.now();
        if (judge == null) {
            stall = new StallJudge(now);
        } else {
            judge.demands(now);
        }
        return DEMAND.compareAndSet(this, null, callback);
    }

    /** Takes the demand, since bytes have come or will never come; null for none. */
    final Callback takeDemand() {
        Callback wanted = DEMAND.getAndSet(this, null);
        StallJudge judge = stall;
        if (wanted != null && judge != null) {
            judge.isMet(governor.now());
        }
        return wanted;
    }

    /** An exchange begins, or the connection waits. */
    final void forgetStall() {
        if (stall != null) { // Most exchanges don't wait, and a volatile write costs more than this.
            stall = null;
        }
    }

    /** The application has answered to the end of its exchange, if that was ended. */
    final void endCalls() {
        StallJudge judge = stall;
        if (judge != null) {
            judge.endCall(governor.calls());
        }
    }

    // ---- What the timer asks

    @Override
    public final boolean isBodyAwaited() {
        return demand != null;
    }

    @Override
    public final boolean lookAtExchange(int seen, Tick tick) {
        if (isAbandoned(seen, tick)) {
            return true;
        }
        // So that slow clients don't hold a stop for its whole timeout.
        judge(tick.now(), governor.isShutdown() ? tick.pressure().atLeastElevated() : tick.pressure());
        return false;
    }

    /**
     * Whether the client of an exchange has gone. Nobody reads while the application thinks, so nobody else would
     * notice. Over TLS there are records of TLS at the socket, which can't be read here.
     */
    private boolean isAbandoned(int seen, Tick tick) {
        long limit = governor.decisions().abandoned(tick.pressure());
        if (limit == Decisions.NEVER
                || endPoint != innermost
                || !isQuiet()
                || !(innermost.getTransport() instanceof SocketChannel channel)
                || !beginLook(seen)) {
            return false;
        }
        boolean reset = false;
        try {
            // Only now it is sure of which exchange these are.
            if (isQuiet()) {
                ByteBuffer one = ByteBuffer.allocate(1);
                int read = channel.read(one);
                if (read > 0) {
                    readAhead = one.flip();
                } else if (read < 0 && !gone) {
                    gone = true;
                    goneSince = tick.now();
                }
            }
        } catch (IOException x) {
            LOG.debug("The client of {} has gone", this, x);
            reset = true;
        } finally {
            // Before a close, which may call the application, which may end the exchange.
            endLook(seen);
        }
        return reset || (gone && tick.now() - goneSince >= limit);
    }

    /** Whether an exchange has its request, and neither reads nor waits to write. */
    private boolean isQuiet() {
        Exchange current = exchange;
        return current != null
                && current.isBodyEnded()
                && !current.isUpgradeAsked()
                && readAhead == null
                && demand == null
                && !isWritePending();
    }

    private void judge(long now, Pressure pressure) {
        boolean reading = demand != null;
        boolean writing = isWritePending();
        StallJudge judge = stall;
        if (judge == null) {
            if (!reading && !writing) {
                return;
            }
            judge = new StallJudge(now);
            stall = judge;
        }
        switch (judge.judge(now, reading, writing, moved(writing), governor.decisions(), pressure)) {
            case LEAVE -> {}
            case OFFER -> execute(OFFER);
            case END -> handOn(governor, END_EXCHANGE);
        }
    }

    private long moved(boolean writing) {
        Exchange current = exchange;
        return current == null ? 0 : current.moved(writing);
    }

    // ---- On the thread that ends connections, or the timer's

    /** Offers the client what it has not taken. Where it takes all of that, the application is told. */
    final void makeOffer() {
        StallJudge judge = stall;
        if (judge == null || !judge.isOffering()) {
            return; // The exchange is over.
        }
        if (!(innermost instanceof AbstractEndPoint ep)) {
            judge.offered();
            return;
        }
        boolean made = governor.calls().tryMake(governor.executor(), ApplicationCalls.typeOfWrite(endPoint), () -> {
            ep.getWriteFlusher().completeWrite();
            judge.offered();
        });
        if (!made) {
            judge.notOffered();
        }
    }

    /** Ends the exchange if nothing has moved since that was judged. */
    final void endStalled() {
        StallJudge judge = stall;
        if (judge != null) {
            try {
                endStalled(judge);
            } finally {
                judge.ended();
            }
        }
    }

    /**
     * As Jetty's idle timeout does: its pending read or write fails. From taking the demand to failing it nothing waits
     * for anybody: else a client that resets meanwhile would wake up no reader.
     */
    private void endStalled(StallJudge judge) {
        int seen = seen();
        Callback read = demand;
        boolean writing = isWritePending();
        boolean blocking = (read != null && ApplicationCalls.type(read) == InvocationType.BLOCKING)
                || (writing && ApplicationCalls.typeOfWrite(endPoint) == InvocationType.BLOCKING);
        if (state(seen) != BUSY
                || isOutputShut()
                || (read == null && !writing)
                || !judge.isStalled(moved(writing))
                || !judge.beginCall(governor.calls(), blocking)) {
            return;
        }
        // While it looks, the exchange that was judged can't end and no other begin.
        if (!beginLook(seen)) {
            judge.endCall(governor.calls());
            return;
        }
        Callback taken = null;
        boolean stalled = judge == stall;
        try {
            if (stalled) {
                taken = DEMAND.getAndSet(this, null);
                stalled = judge.isStalled(moved(writing));
                if (stalled) {
                    closing(CloseReason.DATA_RATE); // From now on no request behind this one is executed.
                }
            }
        } finally {
            endLook(seen);
        }
        if (stalled) {
            tellClosing(CloseReason.DATA_RATE);
            fail(taken, new SlowClientException());
        } else {
            giveBack(taken);
            judge.endCall(governor.calls());
        }
    }

    private void fail(Callback taken, SlowClientException failure) {
        if (taken != null) {
            try {
                connection.onIdleExpired(failure);
            } catch (Throwable x) {
                taken.failed(x);
            }
        }
        if (endPoint instanceof AbstractEndPoint ep) {
            if (ep.getWriteFlusher().isPending()) {
                dropOutput();
            }
            ApplicationCalls.make(
                    governor.executor(),
                    ApplicationCalls.typeOfWrite(endPoint),
                    () -> ep.getWriteFlusher().onFail(failure));
        }
    }

    /** Bytes have come at the last moment: the demand goes on. */
    private void giveBack(Callback taken) {
        if (taken != null && DEMAND.compareAndSet(this, null, taken)) {
            demandBytes(); // A wake-up may have met no demand.
        }
    }

    /** Asks the real endpoint to tell of bytes, unless that is done already. */
    abstract boolean demandBytes();

    /**
     * What a client doesn't take goes with its connection. Else the kernel would hold a full send buffer, megabytes, for
     * minutes after the close.
     */
    private void dropOutput() {
        if (innermost.getTransport() instanceof SocketChannel channel) {
            try {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            } catch (IOException | RuntimeException x) {
                LOG.debug("Unable to drop the output of {}", this, x);
            }
        }
    }
}
