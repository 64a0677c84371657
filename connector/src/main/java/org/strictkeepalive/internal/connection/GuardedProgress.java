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
import org.strictkeepalive.internal.policy.ClientRate;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * Watches the progress of an exchange. If the client has gone, the connection is closed. If the client moves too few
 * bytes, the exchange is ended as Jetty's idle timeout ends it.
 */
abstract class GuardedProgress extends GuardEndPoint {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedProgress.class);
    private static final AtomicReferenceFieldUpdater<GuardedProgress, Callback> DEMAND =
            AtomicReferenceFieldUpdater.newUpdater(GuardedProgress.class, Callback.class, "demand");

    // What the thread that ends connections is asked to do.
    static final int OFFER = 1;
    static final int END_EXCHANGE = 1 << 1;

    /**
     * Jetty's connection. Written before other threads know the guard. Null from the moment on when it has made place for
     * one of HTTP/2 before its first request.
     */
    AbstractMetaDataConnection connection;
    /** Bytes that the policy has read; Jetty's connection gets them first. Published by the word. */
    ByteBuffer readAhead;
    /**
     * The callback to call when bytes of a body come, null if no bytes are demanded. Set and taken with atomic
     * operations.
     */
    private volatile Callback demand;
    /** Null while the exchange has not waited for its client. */
    private volatile StallJudge stall;

    /**
     * Since when the client is known to have shut its output during an exchange, null if it is not. Few clients do, so an
     * object costs less memory than two fields. Written by the timer.
     */
    private volatile Long goneSince;

    GuardedProgress(Governor governor, EndPoint shown) {
        super(governor, shown);
    }

    /**
     * Does an action at once or, over TLS, on the thread that ends connections: the timer's must not wait for a lock of
     * TLS.
     */
    final void execute(int what) {
        if (endPoint == innermost()) {
            act(what);
        } else {
            handOn(governor, what);
        }
    }

    /** How many bytes have come at the socket, those of a handshake included. */
    final long bytesIn() {
        if (endPoint instanceof SslConnection.SslEndPoint ssl) {
            return ssl.getSslConnection().getBytesIn();
        }
        AbstractMetaDataConnection http = connection;
        return http == null ? 0 : http.getBytesIn();
    }

    /**
     * Forgets Jetty's connection, which has carried no request: this guard stays the endpoint of the one that follows, and
     * would keep some 2.5 kB for its whole life.
     */
    void forget() {
        connection = null;
        forgetBuffers();
    }

    // ---- The demand for a body

    final Callback demand() {
        return demand;
    }

    /** The application demands bytes of the body. Returns false if it has demanded them already. */
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

    /** Takes the demand, because bytes have come or will never come. Returns null if there is none. */
    final Callback takeDemand() {
        Callback wanted = DEMAND.getAndSet(this, null);
        StallJudge judge = stall;
        if (wanted != null && judge != null) {
            judge.isMet(governor.now());
        }
        return wanted;
    }

    /** Forgets how the last exchange waited: a new one begins, or the connection waits. */
    final void forgetStall() {
        if (stall != null) { // Most exchanges never wait, and reading costs less than a volatile write.
            stall = null;
        }
    }

    /** The exchange is over. If a call of the application has ended it, this gives back the place of that call. */
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
    public final boolean isGone() {
        return goneSince != null;
    }

    @Override
    public final boolean lookAtExchange(int seen, Tick tick) {
        if (isAbandoned(seen, tick)) {
            return true;
        }
        judge(tick.now(), tick.onExchanges(governor.isShutdown()));
        return false;
    }

    @Override
    public final ClientRate clientRate() {
        StallJudge judge = stall;
        ClientRate rate = judge == null || state(seen()) != BUSY || isOutputShut() ? null : judge.clientRate();
        return rate == null || isEventStream() ? null : rate;
    }

    @Override
    public final boolean endAsSlowest() {
        StallJudge judge = stall;
        if (judge == null || !judge.endAsSlowest()) {
            return false;
        }
        handOn(governor, END_EXCHANGE);
        return true;
    }

    /** Whether the exchange was ended because its client is too slow. */
    final boolean isEndedForItsClient() {
        return closing() == CloseReason.DATA_RATE || closing() == CloseReason.SLOWEST;
    }

    /**
     * Whether the client of an exchange has gone. While the application works on its response, nobody else reads, so
     * nobody else would notice. Over TLS this is not checked: a byte that is read here would be missing from a TLS
     * record.
     */
    private boolean isAbandoned(int seen, Tick tick) {
        long limit = governor.decisions().abandoned(tick.pressure().onExchanges());
        if (limit == Decisions.NEVER
                || endPoint != innermost()
                || !isQuiet()
                || !(innermost().getTransport() instanceof SocketChannel channel)
                || !beginLook(seen)) {
            return false;
        }
        boolean reset = false;
        try {
            // Check again: from here on the exchange can't end.
            if (isQuiet() && readOne(channel) < 0 && goneSince == null) {
                goneSince = tick.now();
            }
        } catch (IOException x) {
            LOG.debug("The client of {} has gone", this, x);
            reset = true;
        } finally {
            // Before the close: it may call the application, which may end the exchange, and that waits for the end of
            // the look.
            endLook(seen);
        }
        return reset || (goneSince != null && tick.now() - goneSince >= limit);
    }

    private int readOne(SocketChannel channel) throws IOException {
        ByteBuffer buffer = Scratch.take();
        try {
            int read = channel.read(buffer.limit(1));
            if (read > 0) {
                readAhead = Scratch.copy(buffer.flip());
            }
            return read;
        } finally {
            Scratch.giveBack(buffer);
        }
    }

    /** Whether the request has come whole, and the exchange waits neither for a read nor for a write. */
    private boolean isQuiet() {
        return isBodyEnded() && !isUpgradeAsked() && readAhead == null && demand == null && !isWritePending();
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
        if ((reading || writing) && isEventStream()) {
            return;
        }
        switch (judge.judge(now, reading, writing, moved(writing), governor.decisions(), pressure)) {
            case LEAVE -> {}
            case OFFER -> {
                // At a stop Jetty's idle timeout ends it soon, and each byte that moves would begin that anew.
                boolean spared = governor.isShutdown() || (endPoint == innermost() && !isOfferCheap());
                if (spared && !judge.isLastOffer()) {
                    judge.withheld();
                } else {
                    execute(OFFER);
                }
            }
            case END -> {
                if (!isTls() || !judge.spareWithinRecord(now, idleOfSocket(), governor.decisions())) {
                    handOn(governor, END_EXCHANGE);
                }
            }
        }
    }

    // ---- On the thread that ends connections, or the timer's

    /**
     * Tries to write again what the client has not taken. If the client takes all of it, the application's write
     * completes.
     */
    final void makeOffer() {
        StallJudge judge = stall;
        if (judge == null || !judge.isOffering()) {
            return; // The exchange is over.
        }
        if (!(innermost() instanceof AbstractEndPoint ep)) {
            judge.withheld();
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

    /** Ends the exchange if nothing has moved since it was judged. */
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
     * Fails the pending read or write, as Jetty's idle timeout does. From taking the demand to failing it this thread
     * waits for nothing: if the client resets the connection in between, no reader is woken up.
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
        // In the state LOOKING the exchange that was judged can't end, and no other one can begin.
        if (!beginLook(seen)) {
            judge.endCall(governor.calls());
            return;
        }
        Callback taken = null;
        CloseReason reason = judge.reason();
        boolean stalled = judge == stall;
        try {
            if (stalled) {
                taken = DEMAND.getAndSet(this, null);
                stalled = judge.isStalled(moved(writing)) && (taken != null || isWritePending());
                if (stalled) {
                    closing(reason); // From now on no pipelined request is executed.
                }
            }
        } finally {
            endLook(seen);
        }
        if (stalled) {
            tellClosing(reason);
            fail(taken, new SlowClientException(reason));
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

    /** Bytes have moved at the last moment: puts the demand back. */
    private void giveBack(Callback taken) {
        if (taken != null && DEMAND.compareAndSet(this, null, taken)) {
            demandBytes(); // A wake-up may have come while there was no demand.
        }
    }

    /** Asks the real endpoint to report bytes, unless it is asked already. */
    abstract boolean demandBytes();

    /**
     * Makes the close discard what the client has not taken. Otherwise the kernel would hold a full send buffer,
     * megabytes, for minutes after the close.
     */
    private void dropOutput() {
        if (innermost().getTransport() instanceof SocketChannel channel) {
            try {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            } catch (IOException | RuntimeException x) {
                LOG.debug("Unable to drop the output of {}", this, x);
            }
        }
    }
}
