package org.strictkeepalive.internal.connection;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executor;
import org.eclipse.jetty.http.DateGenerator;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.Invocable;
import org.eclipse.jetty.util.thread.TryExecutor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;

/** Ends a connection for the policy: a last check for bytes, a 408, the FIN, the linger after it, the close. */
public abstract class GuardedClose extends GuardedExchange implements Callback {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedClose.class);

    // What the thread that ends connections is asked to do, besides the actions of GuardedProgress.
    private static final int CHECK = 1 << 2;
    private static final int ANSWER = 1 << 3;
    private static final int SHUT = 1 << 4;
    private static final int CLOSE = 1 << 5;
    private static final int RESUME = 1 << 6;

    /** Jetty's callback for bytes of a request. Published by the word. */
    private Callback fillCallback;

    private boolean endOfInput;
    /**
     * Whether the thread that Jetty's callback was called on is inside it, so that it handles the exchange. Published by
     * the word, but for the end of a call that leaves an exchange to other threads: the timer may see that late.
     */
    private boolean handling;
    /** Null until the policy reads after its FIN. Made by the thread that owns the connection, read by the timer. */
    private volatile Linger linger;

    GuardedClose(Governor governor, EndPoint shown) {
        super(governor, shown);
    }

    /** Jetty's connection is about to wait for bytes of a request. */
    final void waitsWith(Callback callback) {
        fillCallback = callback;
        handling = false;
    }

    final Callback fillCallback() {
        return fillCallback;
    }

    @Override
    final void forget() {
        super.forget();
        fillCallback = null;
    }

    /** Nothing more comes from the client. */
    final void inputEnds() {
        endOfInput = true;
    }

    final boolean hasInputEnded() {
        return endOfInput;
    }

    // ---- The policy ends it

    @Override
    public final void end(Ending how) {
        execute(
                switch (how) {
                    case CLOSE -> CLOSE;
                    case SHUT -> SHUT;
                    case ANSWER -> ANSWER;
                    case CHECK -> CHECK;
                });
    }

    @Override
    public final void tellClosing(CloseReason reason) {
        governor.closing(connection, reason);
    }

    @Override
    public final void act(int what) {
        try {
            if ((what & OFFER) != 0) {
                makeOffer();
            }
            if ((what & END_EXCHANGE) != 0) {
                endStalled();
            }
            if ((what & CHECK) != 0) {
                check();
            }
            if ((what & ANSWER) != 0) {
                answerTimeout();
            }
            if ((what & SHUT) != 0) {
                shutdown();
            }
            if ((what & RESUME) != 0) {
                resumeWithoutBlocking();
            }
            if ((what & CLOSE) != 0) {
                innermost().close();
            }
        } catch (Throwable x) {
            innermost().close(x); // The action will not be asked for again.
            throw x;
        }
    }

    /**
     * Reads once before the close. A request that came in time, but was not read because the machine is busy, is not
     * cut.
     */
    private void check() {
        CloseReason reason = checkedFor();
        int filled = readOnce();
        if (filled > 0) {
            withdraw();
            foundBytes();
            handToJetty();
            return;
        }
        if (filled < 0) {
            closing(CloseReason.CLIENT);
        } else {
            closeFor(reason);
            governor.counters().regret().onClosed(peer(), reason, since(), governor.now());
            linger = new Linger(innermost(), isTls(), this::onRace);
        }
        shut(governor.now()); // The linger begins before a wake-up can find bytes in it.
        foundNothing();
        if (LOG.isDebugEnabled()) {
            LOG.debug("{} {}", closing(), this);
        }
        shutdown();
        // A wake-up while CHECKING was ignored.
        awaitDiscard();
    }

    private int readOnce() {
        ByteBuffer buffer = Scratch.take();
        try {
            int filled = endPoint.fill(buffer);
            if (filled > 0) {
                readAhead = Scratch.copy(buffer);
            }
            return filled;
        } catch (IOException | RuntimeException x) {
            return -1;
        } finally {
            Scratch.giveBack(buffer);
        }
    }

    /**
     * Cancels the pending fill interest: the bytes were already read. Otherwise a connection that this one is upgraded
     * to couldn't register its own.
     */
    final void withdraw() {
        if (endPoint instanceof AbstractEndPoint ep) {
            ep.getFillInterest().fillable(); // ignored: nothing is waiting for it now
        }
    }

    private void answerTimeout() {
        shut(governor.now()); // If the client doesn't take the answer, the linger ends all the same.
        boolean date = connection.getHttpConfiguration().getSendDateHeader();
        String response = "HTTP/1.1 408 Request Timeout\r\n"
                + (date ? "Date: " + DateGenerator.formatDate(System.currentTimeMillis()) + "\r\n" : "")
                + "Connection: close\r\nContent-Length: 0\r\n\r\n";
        endPoint.write(
                Callback.from(this::shutdown, this::abort),
                ByteBuffer.wrap(response.getBytes(StandardCharsets.US_ASCII)));
    }

    private void shutdown() {
        shut(governor.now());
        try {
            endPoint.shutdownOutput();
        } catch (Throwable x) {
            abort(x);
        }
    }

    final void abort(Throwable cause) {
        LOG.debug("Unable to close gracefully {}", this, cause);
        innermost().close(cause);
    }

    /** Jetty's connection was closed, or replaced by another one. */
    public final void onClosed() {
        endCalls();
        CloseReason reason = closing();
        if (innermost().isOpen()) {
            leaves();
            reason = CloseReason.UPGRADED;
        } else if (reason == null) {
            if (governor.isStopping()) {
                reason = CloseReason.STOP;
            } else if (phase() == ConnectionState.NEW && isHandshaking()) {
                reason = CloseReason.HANDSHAKE;
            } else {
                reason = endOfInput ? CloseReason.CLIENT : CloseReason.ERROR;
            }
        }
        governor.closed(this, reason);
    }

    @Override
    public final void closedUnheard() {
        onClosed();
    }

    @Override
    final void onCompleteAgain() {
        int state = state(seen());
        if (state == OWNED || state == PASS) {
            return; // No exchange of Jetty's follows that it could end.
        }
        LOG.debug("An exchange of {} was completed twice: closing", this);
        closing(CloseReason.ERROR);
        innermost().close(new IllegalStateException("exchange completed twice"));
    }

    // ---- Threads

    /** A thread of the application's own that is blocked is not known. */
    @Override
    public final int blockedThreads() {
        int state = state(seen());
        return handling && (state == BUSY || state == LOOKING) && (isWritePending() || isBodyAwaited()) ? 1 : 0;
    }

    @Override
    public final Executor executor() {
        return governor.executor();
    }

    // ---- Bytes that the policy has read go to Jetty

    /** Calls Jetty's fill callback, as the selector does at a wake-up. */
    final void handToJetty() {
        Executor executor = governor.executor();
        ResumeTask task = new ResumeTask(this);
        try {
            if (ApplicationCalls.type(fillCallback) == InvocationType.BLOCKING) {
                executor.execute(task);
            } else if (!(executor instanceof TryExecutor pool && pool.tryExecute(task))) {
                handOn(governor, RESUME);
            }
        } catch (Throwable x) {
            LOG.debug("Unable to hand on {}", this, x);
            task.close();
        }
    }

    private void resumeWithoutBlocking() {
        if (ApplicationCalls.type(fillCallback) == InvocationType.EITHER) {
            Invocable.invokeNonBlocking(this::resume);
        } else {
            resume();
        }
    }

    /**
     * A task for the pool. As with Jetty's own tasks, its close closes the socket: the pool calls it for a task that it
     * never runs because it stops.
     */
    private record ResumeTask(GuardedClose guard) implements Runnable, Closeable {
        @Override
        public void run() {
            guard.resume();
        }

        @Override
        public void close() {
            guard.innermost().close();
        }
    }

    final void resume() {
        handling = true;
        fillCallback.succeeded();
        handling = false; // If another thread handles the next exchange by now, that one isn't known to block.
        // After a request that can't be parsed Jetty's connection returns without waiting.
        if (state(seen()) == RUNNING && isOutputShut()) {
            takeOver();
        }
    }

    // ---- Linger

    /** Takes over a connection after its FIN, when Jetty has finished with it. */
    @Override
    public final void takeOver() {
        if (!outputShut()) {
            return;
        }
        Callback wanted = takeDemand();
        if (wanted != null) {
            wanted.failed(new ClosedChannelException());
        }
        awaitDiscard();
        if (closing() == CloseReason.REFUSED
                && isBodyEnded()
                && !isPipelined()
                && !isMoreBehind()
                && !Sockets.hasUnread(innermost())) {
            endQuietLinger(); // Nothing more has come, and the next visitor needs the descriptor.
        }
        governor.due(this, deadline(lingerSince(), lingerLimit(governor.pressure())));
    }

    final void discard() {
        try {
            Linger reading = linger;
            if (reading == null) {
                reading = new Linger(innermost(), isTls(), null);
                linger = reading;
            }
            if (reading.discard()) {
                awaitDiscard();
            } else {
                innermost().close();
            }
        } catch (Throwable x) {
            innermost().close(x);
        }
    }

    /**
     * Registers a fill interest at the socket itself. If TLS has one there already, registers with TLS, which then
     * passes the wake-up on.
     */
    final void awaitDiscard() {
        if (!innermost().tryFillInterested(this)) {
            endPoint.tryFillInterested(this);
        }
    }

    private void onRace() {
        SocketAddress address = innermost().getRemoteSocketAddress();
        String client = address instanceof InetSocketAddress inet
                ? inet.getAddress().getHostAddress()
                : String.valueOf(address);
        governor.counters().races().onRace(closing(), client, governor.now() - lingerSince());
    }

    @Override
    public final void endQuietLinger() {
        Linger reading = linger;
        if (state(seen()) == OWNED && isOutputShut() && (reading == null || !reading.hasDiscarded())) {
            end(Ending.CLOSE);
        }
    }
}
