package org.strictkeepalive;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.eclipse.jetty.http.DateGenerator;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.AbstractMetaDataConnection;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.ProxyConnectionFactory.ProxyEndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.TypeUtil;
import org.eclipse.jetty.util.thread.Invocable;
import org.eclipse.jetty.util.thread.TryExecutor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.ClientWait.Offer;

/**
 * Governs one HTTP/1.1 connection: it is the {@link EndPoint} that Jetty's connection sees, the fill callback of the
 * real one, and what sees each response go out.
 *
 * <p>One word of state, changed by compare-and-set, tells whose move it is. The policy acts only by taking a connection
 * that WAITs for request bytes; a wake-up by request bytes takes it for Jetty. So a deadline, a request and an upgrade
 * can't both win. From then on Jetty's connection neither reads, parses nor writes, so 408, FIN and linger race with
 * nobody. The word counts the waits, so that a decision about one wait can't take the next.
 *
 * <p>Fields that are not volatile are written by whoever has the move, and published by the word.
 */
final class ConnectionGuard extends GovernedConnection
        implements EndPoint, EndPoint.Wrapper, Callback, Function<HttpStream, HttpStream> {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectionGuard.class);

    private static final String CONNECTION = HttpHeader.CONNECTION.asString();
    /**
     * Without it a {@code Keep-Alive} field is nothing to the JDK's {@code HttpURLConnection}, and nothing that an
     * intermediary would drop. Jetty strips the option from the field that it knows, so this one it doesn't.
     */
    private static final HttpField KEEP_ALIVE = new HttpField(null, CONNECTION, HttpHeaderValue.KEEP_ALIVE.asString());

    private static final HttpField CHUNKED =
            new HttpField(HttpHeader.TRANSFER_ENCODING, HttpHeaderValue.CHUNKED.asString());

    /** When to look again at a connection that has no deadline. */
    static final long RELOOK = 60_000_000_000L;
    /** How long a connection lingers while the server stops: plain Jetty may not linger at all. */
    private static final long STOP_LINGER = 150_000_000L;
    /** When to look again at one whose endpoint was closed before its connection was opened. */
    static final long CLOSED_RELOOK = 1_000_000_000L;

    /** Jetty's connection runs: it parses, or finishes an exchange. */
    private static final int RUNNING = 0;
    /** Jetty's connection waits for the bytes of a request. */
    private static final int WAITING = 1;
    /** An exchange is in progress. */
    private static final int BUSY = 2;
    /** The policy has the connection, for good. */
    private static final int OWNED = 3;
    /** Upgraded: everything passes through. */
    private static final int PASS = 4;
    /** The policy looks whether bytes have come that nobody has read yet. */
    private static final int CHECKING = 5;
    /** As BUSY, and the policy looks whether the client has gone: for that moment nobody else reads. */
    private static final int LOOKING = 6;

    // What the closer is to do.
    private static final int CHECK = 1;
    private static final int ANSWER = 1 << 1;
    private static final int SHUT = 1 << 2;
    private static final int CLOSE = 1 << 3;
    private static final int OFFER = 1 << 4;
    private static final int END = 1 << 5;
    private static final int RESUME = 1 << 6;

    private static final int STATE = 7;
    private static final int WAIT = STATE + 1;

    private static final AtomicIntegerFieldUpdater<ConnectionGuard> WORD =
            AtomicIntegerFieldUpdater.newUpdater(ConnectionGuard.class, "word");
    private static final AtomicReferenceFieldUpdater<ConnectionGuard, Callback> DEMAND =
            AtomicReferenceFieldUpdater.newUpdater(ConnectionGuard.class, Callback.class, "demand");

    private static final int TLS_HEADER = 5;
    private static final int TLS_APPLICATION_DATA = 23;
    /** Longer than the record of an alert, which is 19 bytes, or 35 from a JDK; shorter than that of any request. */
    private static final int TLS_SHORTEST_DATA = 40;

    private static final int DISCARD_SIZE = 16 * 1024;
    private static final int DISCARDS_AT_ONCE = 16;

    private final Governor governor;
    /** The endpoint without the guard, as applications see it. */
    private final EndPoint shown;
    /** The same, or where that is PROXY's, what it wraps. */
    private final EndPoint endPoint;

    private final EndPoint innermost;
    /** Where in its jitter this connection's maximum age is. */
    private final float agePart = ThreadLocalRandom.current().nextFloat();

    private AbstractMetaDataConnection connection;
    /** The connection as requests show it, made for the first of them. */
    private ConnectionView view;

    private Callback fillCallback;
    private long openedAt;
    private Object peer;

    private volatile int word = RUNNING;
    private volatile Callback demand;
    private volatile boolean outputShut;
    private volatile CloseReason closing;
    /** Why it is checked whether bytes have come: the reason for the close if none have. */
    private CloseReason checkedFor;

    private ConnectionState phase = ConnectionState.NEW;
    /** When the phase began, and when the linger. */
    private volatile long since;

    private volatile long lingerSince;
    /** Whether bytes of the next request have come. */
    private boolean partial;
    /** Whether {@link #since} is the time of the first byte of the first request. */
    private boolean firstBegun;

    private boolean endOfInput;
    private boolean failed;
    private boolean seenClosed;
    /** Since when the client is known to have shut its output in the middle of an exchange. Of the timer alone. */
    private long goneSince;

    private boolean gone;

    // ---- The exchange in progress, or the last one
    /** How many there had been at the last wait, modulo what an int holds. */
    private int requests;

    private boolean closeAsked;
    private boolean keepAliveAsked;
    private boolean http10;
    /** Whether it asks for an upgrade or a tunnel, and whether for a tunnel. */
    private boolean tunnelAsked;

    private boolean connectAsked;
    private boolean chunked;
    private boolean bodyEnded;
    private boolean bodyUnread;
    /** Whether the read that ended the last request had more behind it; of a chunked one, known at the end of its body. */
    private boolean pipelined;
    /** The last three bytes that were read. */
    private int tail;
    /** The bytes of the body that have to come, negative where only their end tells. */
    private long bodyMissing;

    private int promisedSeconds;
    private ByteBuffer readBuffer;
    /** What the policy has read of a request when it was about to close. */
    private ByteBuffer readAhead;

    // ---- The progress of the exchange
    private volatile ClientWait clientWait;
    private long bytesMoved;
    /** What is being written: not the array, which else would be an object for each response. */
    private ByteBuffer writingFirst;

    private ByteBuffer writingLast;

    private boolean discarded;
    /** Whether it was closed by the policy while no byte of a request was there: such a byte is a request lost. */
    private boolean closedIdle;

    ConnectionGuard(Governor governor, EndPoint endPoint) {
        this.governor = governor;
        shown = endPoint;
        // Only its data are PROXY's; the bytes are those of the endpoint within.
        this.endPoint = endPoint.getClass() == ProxyEndPoint.class ? ((ProxyEndPoint) endPoint).unwrap() : endPoint;
        innermost = Sockets.innermost(this.endPoint);
    }

    /** The guard that an endpoint is, null for none. */
    static ConnectionGuard of(EndPoint endPoint) {
        return endPoint instanceof ConnectionGuard guard ? guard : null;
    }

    @Override
    boolean isOf(Governor other) {
        return governor == other;
    }

    @Override
    Decisions decisions() {
        return governor.decisions();
    }

    /** Whether it is this connection that is governed, not one that it was upgraded to. */
    boolean isGuardOf(Connection other) {
        return connection == other;
    }

    void bind(Connection http) {
        connection = (AbstractMetaDataConnection) http;
    }

    /** The endpoint of the socket. */
    EndPoint innermost() {
        return innermost;
    }

    void begin(long acceptedAt) {
        openedAt = acceptedAt;
        since = acceptedAt;
    }

    /** When the first request is due. */
    long firstDue() {
        return deadline(openedAt, timeout(governor.pressure()));
    }

    // ---- The policy's side

    @Override
    long look(Tick tick) {
        long now = tick.now();
        Pressure pressure = tick.pressure();
        if (!innermost.isOpen()) {
            // Its end was not heard of where the endpoint failed before its connection was opened.
            if (seenClosed) {
                onClosed();
            }
            seenClosed = true;
            return now + CLOSED_RELOOK;
        }
        int seen = word;
        switch (seen & STATE) {
            case WAITING -> {
                boolean drained = phase == ConnectionState.IDLE && tick.ending() != null;
                long timeout = timeout(pressure);
                long stopTimeout = governor.stopTimeout(since, now);
                long limit = drained ? 0 : Math.min(timeout, stopTimeout);
                if (limit == Decisions.NEVER || now - since < limit) {
                    return deadline(now, limit - (now - since));
                }
                take(
                        seen,
                        drained ? tick.ending() : stopTimeout < timeout ? CloseReason.STOP : timeoutReason(pressure),
                        now);
                return now;
            }
            case OWNED -> {
                return lookAtLinger(now);
            }
            case RUNNING, BUSY -> {
                if (outputShut) {
                    // Where Jetty's connection neither waits nor closes, nobody else would read.
                    if ((seen & STATE) == RUNNING) {
                        own();
                    } else if (demand != null && isOver(lingerLimit(), now)) {
                        // The response is out, and the application waits for a body that doesn't come.
                        closeNow();
                    }
                    return now + CLOSED_RELOOK;
                }
                if ((seen & STATE) == BUSY) {
                    if (isAbandoned(seen, now, pressure)) {
                        closeFor(CloseReason.ABANDONED);
                        closeNow();
                        return now + CLOSED_RELOOK;
                    }
                    // So that slow clients don't hold a stop for its whole timeout.
                    judge(now, governor.isShutdown() ? pressure.atLeastElevated() : pressure);
                }
                return deadline(now, Math.min(timeout(ConnectionState.IDLE, squeeze(pressure)), RELOOK));
            }
            case CHECKING, LOOKING -> {
                return now;
            }
            default -> {
                return now + RELOOK;
            }
        }
    }

    /**
     * Whether the client of an exchange has gone. Nobody reads while the application thinks, so nobody else would
     * notice. Where TLS is between, its records can't be read here.
     */
    private boolean isAbandoned(int seen, long now, Pressure pressure) {
        long limit = governor.decisions().abandoned(pressure);
        if (limit == Decisions.NEVER
                || endPoint != innermost
                || !isQuiet()
                || !(innermost.getTransport() instanceof SocketChannel channel)
                || !WORD.compareAndSet(this, seen, seen - BUSY + LOOKING)) {
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
                    goneSince = now;
                }
            }
        } catch (IOException x) {
            LOG.debug("The client of {} has gone", this, x);
            reset = true;
        } finally {
            // Before a close, which may call the application, which may end the exchange.
            WORD.compareAndSet(this, seen - BUSY + LOOKING, seen);
        }
        return reset || (gone && now - goneSince >= limit);
    }

    /** Whether an exchange has its request, and neither reads nor waits to write. */
    private boolean isQuiet() {
        return bodyEnded && !tunnelAsked && readAhead == null && demand == null && !isWritePending();
    }

    /** The word, once nobody looks whether the client has gone: that is a read of one byte. */
    private int awaitLook() {
        int seen = word;
        for (int spins = 0; (seen & STATE) == LOOKING; spins++) {
            if (spins < 100) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(1_000); // the timer has lost its CPU
            }
            seen = word;
        }
        return seen;
    }

    private static long deadline(long from, long timeout) {
        return from + Math.min(timeout, RELOOK);
    }

    /** How long it may wait as it does, counted from {@link #since}. */
    private long timeout(Pressure pressure) {
        double squeeze = squeeze(pressure);
        if (phase != ConnectionState.NEW) {
            return timeout(phase, squeeze);
        }
        if (firstBegun) {
            return governor.decisions().firstHeaders(squeeze, governor.idleTimeout(), since - openedAt);
        }
        return isHandshaking()
                ? governor.decisions().handshake(squeeze, governor.idleTimeout())
                : timeout(phase, squeeze);
    }

    private double squeeze(Pressure pressure) {
        return pressure.squeeze() == 0 ? 0 : pressure.squeeze(isReused(), since - openedAt, peer());
    }

    private boolean keepsTimeouts(Pressure pressure) {
        return pressure.keepsTimeouts(isReused(), since - openedAt, peer());
    }

    private long timeout(ConnectionState state, double squeeze) {
        return governor.decisions().timeout(state, squeeze, governor.idleTimeout(), promisedSeconds * 1_000_000_000L);
    }

    private CloseReason timeoutReason(Pressure pressure) {
        double squeeze = squeeze(pressure);
        return switch (phase) {
            case NEW -> {
                if (firstBegun) {
                    yield timeout(pressure) < timeout(ConnectionState.READING, squeeze)
                            ? CloseReason.FIRST_REQUEST_TIMEOUT
                            : CloseReason.REQUEST_HEADER_TIMEOUT;
                }
                yield timeout(pressure) < timeout(phase, squeeze)
                        ? CloseReason.HANDSHAKE
                        : CloseReason.FIRST_REQUEST_TIMEOUT;
            }
            case READING -> CloseReason.REQUEST_HEADER_TIMEOUT;
            default -> CloseReason.KEEP_ALIVE_TIMEOUT;
        };
    }

    private long lingerLimit() {
        long limit = governor.decisions().linger(governor.pressure().level(), bodyUnread);
        return governor.isShutdown() ? Math.min(limit, STOP_LINGER) : limit;
    }

    private boolean isOver(long limit, long now) {
        return limit != Decisions.NEVER && now - lingerSince >= limit;
    }

    private long lookAtLinger(long now) {
        long limit = lingerLimit();
        if (isOver(limit, now)) {
            closeNow();
            return now + CLOSED_RELOOK;
        }
        return deadline(now, limit - (now - lingerSince));
    }

    @Override
    boolean evict(long asOf, long now) {
        int seen = word;
        if ((seen & STATE) != WAITING || since != asOf || !take(seen, CloseReason.EVICTED, now)) {
            return false;
        }
        governor.due(this, now);
        return true;
    }

    @Override
    void endQuietLinger() {
        if ((word & STATE) == OWNED && outputShut && !discarded) {
            closeNow();
        }
    }

    /** Takes a connection that still waits as it did when it was seen, and closes it gracefully. */
    private boolean take(int seen, CloseReason reason, long now) {
        // While the word is as seen, these belong to that wait.
        boolean begun = partial && phase != ConnectionState.IDLE;
        boolean handshaking = isHandshaking();
        lingerSince = now;
        if (!WORD.compareAndSet(this, seen, begun || handshaking ? OWNED : seen - WAITING + CHECKING)) {
            return false;
        }
        if (handshaking) {
            closeFor(reason);
            execute(CLOSE);
        } else if (begun) {
            closeFor(reason);
            execute(reason == CloseReason.IDLE_TIMEOUT ? SHUT : ANSWER);
        } else {
            checkedFor = reason;
            execute(CHECK);
        }
        return true;
    }

    /** The policy has decided to close. */
    private void closeFor(CloseReason reason) {
        closing = reason;
        governor.closing(connection, reason);
    }

    /** A request that has come in time, and was not read because the machine is busy, is not cut. */
    private void check() {
        int seen = word;
        CloseReason reason = checkedFor;
        ByteBuffer buffer = BufferUtil.allocate(connection.getInputBufferSize());
        int filled;
        try {
            filled = endPoint.fill(buffer);
        } catch (IOException | RuntimeException x) {
            filled = -1;
        }
        if (filled > 0) {
            readAhead = buffer;
            withdraw();
            word = seen - CHECKING + RUNNING;
            handToJetty();
            return;
        }
        if (filled < 0) {
            closing = CloseReason.CLIENT;
        } else {
            closedIdle = true;
            closeFor(reason);
            governor.counters().regret().onClosed(peer(), reason, lingerSince);
        }
        word = OWNED;
        if (LOG.isDebugEnabled()) {
            LOG.debug("{} {}", closing, this);
        }
        shutdown();
        // A wake-up in between was not listened to.
        awaitDiscard();
    }

    /**
     * Takes back this guard's wish to hear of bytes: it may stay unheard, as the bytes are read, and a connection that
     * this one is upgraded to couldn't have a wish of its own.
     */
    private void withdraw() {
        if (endPoint instanceof AbstractEndPoint ep) {
            ep.getFillInterest().fillable(); // not listened to while CHECKING
        }
    }

    private void answerTimeout() {
        boolean date = connection.getHttpConfiguration().getSendDateHeader();
        String response = "HTTP/1.1 408 Request Timeout\r\n"
                + (date ? "Date: " + DateGenerator.formatDate(System.currentTimeMillis()) + "\r\n" : "")
                + "Connection: close\r\nContent-Length: 0\r\n\r\n";
        endPoint.write(
                Callback.from(this::shutdown, this::abort),
                ByteBuffer.wrap(response.getBytes(StandardCharsets.US_ASCII)));
    }

    private void shutdown() {
        lingerSince = governor.now();
        outputShut = true;
        try {
            endPoint.shutdownOutput();
        } catch (Throwable x) {
            abort(x);
        }
    }

    private void abort(Throwable cause) {
        LOG.debug("Unable to close gracefully {}", this, cause);
        innermost.close(cause);
    }

    private boolean isTls() {
        return endPoint instanceof SslConnection.SslEndPoint;
    }

    private boolean isHandshaking() {
        return endPoint instanceof SslConnection.SslEndPoint ssl
                && "NONE"
                        .equals(ssl.getSslConnection()
                                .getSSLEngine()
                                .getSession()
                                .getProtocol());
    }

    private void closeNow() {
        execute(CLOSE);
    }

    /** TLS may hold its lock for long, so it is not touched on the timer's thread. */
    private void execute(int what) {
        if (endPoint == innermost) {
            act(what);
        } else {
            handOn(governor, what);
        }
    }

    @Override
    void act(int what) {
        try {
            if ((what & OFFER) != 0) {
                makeOffer();
            }
            if ((what & END) != 0) {
                endExchange();
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
                innermost.close();
            }
        } catch (Throwable x) {
            innermost.close(x); // What was to be done will not be asked for again.
            throw x;
        }
    }

    /** Hands the bytes that were read here to Jetty's connection, as a wake-up of the selector would. */
    private void handToJetty() {
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

    /** A task of the pool: closed where it is rejected, or never run because the pool stops, as Jetty's own are. */
    private record ResumeTask(ConnectionGuard guard) implements Runnable, Closeable {
        @Override
        public void run() {
            guard.resume();
        }

        @Override
        public void close() {
            guard.innermost.close();
        }
    }

    // ---- Progress of an exchange

    private void judge(long now, Pressure pressure) {
        boolean reading = demand != null;
        boolean writing = isWritePending();
        ClientWait wait = clientWait;
        if (wait == null) {
            if (!reading && !writing) {
                return;
            }
            wait = new ClientWait(now);
            clientWait = wait;
        }
        if (!wait.writing) {
            wait.writeSince = now;
            wait.offer = Offer.NONE;
        }
        wait.writing = writing;
        if ((!reading && !writing) || wait.ending) {
            return;
        }
        long moved = moved(writing);
        if (wait.offer == Offer.FILLED) {
            wait.begin(now, moved);
            wait.offer = Offer.FULL;
        }
        switch (governor.decisions().progress(wait.time(now, reading), moved - wait.judged, pressure)) {
            case MADE -> {
                wait.begin(now, moved);
                wait.offer = Offer.NONE;
            }
            case NONE -> {
                if (!writing || wait.offer == Offer.MADE) {
                    wait.moved = moved;
                    wait.ending = true;
                    handOn(governor, END);
                } else if (wait.offer == Offer.NONE || wait.offer == Offer.FULL) {
                    offer(wait, Offer.MADE);
                }
            }
            case UNJUDGED -> {
                if (writing && wait.offer == Offer.NONE && pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
                    offer(wait, Offer.FILLED);
                }
            }
        }
    }

    /**
     * Offers the client what it hasn't taken: a socket says that it is writable only when a third of its send buffer is
     * free, and takes bytes long before. Once when a wait begins, so that it is counted from a full buffer, and once
     * before the verdict.
     */
    private void offer(ClientWait wait, Offer then) {
        wait.then = then;
        wait.offer = Offer.UNDER_WAY;
        execute(OFFER);
    }

    private void makeOffer() {
        ClientWait wait = clientWait;
        if (wait == null || wait.offer != Offer.UNDER_WAY) {
            return; // The exchange is over.
        }
        if (!(innermost instanceof AbstractEndPoint ep)) {
            wait.offer = wait.then;
            return;
        }
        // Where the client takes all of it, the application is told.
        boolean made = governor.calls().tryMake(governor.executor(), ApplicationCalls.typeOfWrite(endPoint), () -> {
            ep.getWriteFlusher().completeWrite();
            if (wait.offer == Offer.UNDER_WAY) { // else another wait has begun
                wait.offer = wait.then;
            }
        });
        if (!made) {
            wait.offer = Offer.NONE;
        }
    }

    private boolean isWritePending() {
        return endPoint instanceof AbstractEndPoint ep && ep.getWriteFlusher().isPending();
    }

    private long untaken() {
        // Between these two is the header of a chunk at most.
        return (long) BufferUtil.length(writingFirst) + BufferUtil.length(writingLast);
    }

    private long moved(boolean writing) {
        return bytesMoved - (writing ? untaken() : 0);
    }

    private void endExchange() {
        ClientWait wait = clientWait;
        if (wait != null && wait.ending) {
            try {
                end(wait);
            } finally {
                wait.ending = false;
            }
        }
    }

    /**
     * Ends an exchange without progress as Jetty's idle timeout does: its pending read or write fails. From taking the
     * demand to failing it nothing waits for anybody: else a client that resets meanwhile would wake up no reader.
     */
    private void end(ClientWait wait) {
        Callback read = demand;
        boolean writing = isWritePending();
        if ((word & STATE) != BUSY
                || outputShut
                || (read == null && !writing)
                || moved(writing) != wait.moved
                || !wait.beginCall(governor.calls(), read, writing ? endPoint : null)) {
            return;
        }
        // Taking the demand makes sure that no bytes arrive for it meanwhile.
        Callback taken = DEMAND.getAndSet(this, null);
        if (moved(writing) != wait.moved) {
            giveBack(taken);
            wait.endCall(governor.calls());
            return;
        }
        SlowClientException failure = new SlowClientException();
        closeFor(CloseReason.DATA_RATE);
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
        if (taken != null && DEMAND.compareAndSet(this, null, taken) && !endPoint.isFillInterested()) {
            endPoint.tryFillInterested(this); // A wake-up may have met no demand.
        }
    }

    /**
     * What a client doesn't take goes with its connection: else the kernel would hold a full send buffer, megabytes, for
     * minutes after the close, until it has no memory left for anybody's connections.
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

    // ---- The real endpoint's fill callback

    @Override
    public void succeeded() {
        while (true) {
            int seen = word;
            switch (seen & STATE) {
                case WAITING -> {
                    if (WORD.compareAndSet(this, seen, seen - WAITING + RUNNING)) {
                        resume();
                        return;
                    }
                }
                case CHECKING -> {
                    return;
                }
                case RUNNING, BUSY, LOOKING -> {
                    Callback wanted = takeDemand();
                    if (wanted != null) {
                        wanted.succeeded();
                    }
                    return;
                }
                case OWNED -> {
                    discard();
                    return;
                }
                default -> {
                    // Of a wait before the upgrade: its bytes are read, and the next are not for the old connection.
                    return;
                }
            }
        }
    }

    private void resume() {
        fillCallback.succeeded();
        // After a request that couldn't be parsed Jetty's connection leaves without waiting.
        if (outputShut && (word & STATE) == RUNNING) {
            own();
        }
    }

    @Override
    public void failed(Throwable x) {
        while (true) {
            int seen = word;
            switch (seen & STATE) {
                case WAITING -> {
                    if (x instanceof TimeoutException && endPoint.isOpen() && !endPoint.isOutputShutdown()) {
                        onIdleTimeout(seen);
                        return;
                    }
                    if (WORD.compareAndSet(this, seen, seen - WAITING + RUNNING)) {
                        fillCallback.failed(x);
                        return;
                    }
                }
                case CHECKING -> {
                    return;
                }
                case RUNNING, BUSY, LOOKING -> {
                    Callback wanted = takeDemand();
                    if (wanted != null) {
                        wanted.failed(x);
                    }
                    return;
                }
                case OWNED -> {
                    // The linger has its own limit, unless that is off.
                    if (x instanceof TimeoutException && lingerLimit() != Decisions.NEVER) {
                        awaitDiscard();
                    } else {
                        innermost.close(x);
                    }
                    return;
                }
                default -> {
                    return;
                }
            }
        }
    }

    private void onIdleTimeout(int seen) {
        boolean ownTimeout = isIdleTimeoutOfConnector();
        boolean idle = phase == ConnectionState.IDLE;
        if (!endPoint.tryFillInterested(this)) {
            innermost.close();
        } else if (!(idle && ownTimeout && governor.decisions().isKeepAliveTimeoutOn())) {
            CloseReason reason = idleTimeoutReason(ownTimeout);
            long now = governor.now();
            if (take(seen, reason, now)) {
                governor.due(this, now);
            }
        }
    }

    private CloseReason idleTimeoutReason(boolean ownTimeout) {
        Decisions policy = governor.decisions();
        if (governor.isShutdown()) {
            return CloseReason.STOP; // Jetty has shortened it.
        }
        if (ownTimeout && phase == ConnectionState.IDLE && !policy.isKeepAliveTimeoutSet()) {
            return CloseReason.KEEP_ALIVE_TIMEOUT;
        }
        if (ownTimeout && phase == ConnectionState.NEW && !partial && !policy.isFirstRequestTimeoutSet()) {
            return CloseReason.FIRST_REQUEST_TIMEOUT;
        }
        return CloseReason.IDLE_TIMEOUT;
    }

    private void endWait() {
        if (clientWait != null) { // Most exchanges don't wait, and a volatile write costs more than this.
            clientWait = null;
        }
    }

    /** The application has answered to the end of its exchange, if that was ended. */
    private void endCalls() {
        ClientWait wait = clientWait;
        if (wait != null) {
            wait.endCall(governor.calls());
        }
    }

    private Callback takeDemand() {
        Callback wanted = DEMAND.getAndSet(this, null);
        ClientWait wait = clientWait;
        if (wanted != null && wait != null) {
            wait.waited += governor.now() - wait.demandSince;
        }
        return wanted;
    }

    @Override
    public InvocationType getInvocationType() {
        Callback callback = switch (word & STATE) {
            case OWNED -> null;
            case RUNNING, BUSY, LOOKING -> demand;
            default -> fillCallback;
        };
        return callback == null ? InvocationType.NON_BLOCKING : callback.getInvocationType();
    }

    // ---- Linger

    /** Takes a connection that Jetty has finished with, behind its FIN. */
    private void own() {
        int seen;
        do {
            seen = word;
            if ((seen & STATE) == OWNED || (seen & STATE) == PASS) {
                return;
            }
        } while (!WORD.compareAndSet(this, seen, OWNED));
        Callback wanted = DEMAND.getAndSet(this, null);
        if (wanted != null) {
            wanted.failed(new ClosedChannelException());
        }
        awaitDiscard();
        governor.due(this, deadline(lingerSince, lingerLimit()));
    }

    /** Reads at the socket itself, below TLS, until the client's FIN. */
    private void discard() {
        // Jetty's pool has not the same signature in all versions.
        ByteBuffer buffer = BufferUtil.allocate(DISCARD_SIZE);
        try {
            for (int i = 0; i < DISCARDS_AT_ONCE; i++) {
                BufferUtil.clear(buffer);
                int filled = innermost.fill(buffer);
                if (filled < 0) {
                    innermost.close();
                    return;
                }
                if (filled == 0) {
                    break;
                }
                if (closedIdle && !discarded && isRequest(buffer)) {
                    onRace();
                }
                discarded = true;
            }
            awaitDiscard();
        } catch (Throwable x) {
            innermost.close(x);
        }
    }

    /**
     * Whether bytes at the socket belong to a request: over TLS a client answers the close with an alert, which in TLS
     * 1.3 is known by its length only.
     */
    private boolean isRequest(ByteBuffer bytes) {
        int start = bytes.position();
        return !isTls()
                || (bytes.remaining() >= TLS_HEADER
                        && bytes.get(start) == TLS_APPLICATION_DATA
                        && bytes.getShort(start + 3) >= TLS_SHORTEST_DATA);
    }

    private void onRace() {
        SocketAddress peer = innermost.getRemoteSocketAddress();
        governor.counters()
                .races()
                .onRace(
                        closing,
                        peer instanceof InetSocketAddress inet
                                ? inet.getAddress().getHostAddress()
                                : String.valueOf(peer),
                        governor.now() - lingerSince);
    }

    /** Waits at the socket itself; where TLS waits there already, behind TLS, which then passes the wake-up on. */
    private void awaitDiscard() {
        if (!innermost.tryFillInterested(this)) {
            endPoint.tryFillInterested(this);
        }
    }

    // ---- The exchange

    /** The headers of a request are complete; false where it must not be executed. */
    boolean onRequest(Request request) {
        int seen = word;
        if ((seen & STATE) != RUNNING) {
            return (seen & STATE) == PASS;
        }
        if (outputShut || failed) {
            return false;
        }
        long begun = governor.begun(request);
        if (phase == ConnectionState.IDLE) {
            onReuse(begun);
        }
        since = begun;
        // So that a request behind it in the same read is not one that came after a wait.
        phase = ConnectionState.BUSY;
        // Looked up one by one, since Jetty's getField, unlike an iterator, is no object.
        HttpFields fields = request.getHeaders();
        chunked = fields.getField(HttpHeader.TRANSFER_ENCODING) != null;
        boolean connect = HttpMethod.CONNECT.is(request.getMethod());
        closeAsked = !connection.isPersistent();
        keepAliveAsked = isConnection(fields, HttpHeaderValue.KEEP_ALIVE);
        http10 = request.getConnectionMetaData().getHttpVersion() == HttpVersion.HTTP_1_0;
        tunnelAsked = connect || fields.getField(HttpHeader.UPGRADE) != null;
        connectAsked = connect;
        promisedSeconds = 0;
        long length = request.getLength();
        bodyEnded = length <= 0 && !chunked;
        // Jetty has given the buffer back where all of it is read and no body follows.
        int arrived = bodyEnded || readBuffer == null ? 0 : readBuffer.remaining();
        bodyUnread = false;
        pipelined = bodyEnded ? readBuffer != null && !endsWithBlankLine() : !chunked && arrived > Math.max(length, 0);
        // The bytes of a request that an earlier phase handed over, such as PROXY, are not known: as if all were there.
        boolean handedOver = readBuffer == null;
        bodyMissing = handedOver ? 0 : chunked ? (hasLastChunk(arrived) ? 0 : -1) : Math.max(0, length - arrived);
        endWait();
        bytesMoved = 0;
        // Last, since it publishes all of these.
        if (!WORD.compareAndSet(this, seen, seen - RUNNING + BUSY)) {
            return false;
        }
        request.addHttpStreamWrapper(this);
        return true;
    }

    /** The first bytes of a request have come to an idle connection. */
    private void onReuse(long now) {
        governor.counters().reuses().add(TimeUnit.NANOSECONDS.toMillis(now - since));
    }

    /** Whether what has arrived of a chunked body looks as if its end were there. */
    private boolean hasLastChunk(int arrived) {
        if (arrived == 0) {
            return false;
        }
        String body = "\n" + BufferUtil.toString(readBuffer, StandardCharsets.ISO_8859_1);
        int last = body.indexOf("\n0\r\n");
        return last >= 0 && body.indexOf("\r\n\r\n", last) >= 0;
    }

    ConnectionView view() {
        if (view == null) {
            view = ConnectionView.of(connection);
        }
        return view;
    }

    @Override
    public HttpStream apply(HttpStream stream) {
        return new GuardedStream(stream, this);
    }

    /** Whether what was read ends as headers and chunked bodies do, so that no part of another request follows. */
    private boolean endsWithBlankLine() {
        return (tail & 0xFFFFFF) == 0x0A0D0A || (tail & 0xFFFF) == 0x0A0A;
    }

    void onBodyEnd() {
        bodyEnded = true;
        if (chunked) {
            pipelined = !endsWithBlankLine();
        }
    }

    boolean isBodyEnded() {
        return bodyEnded;
    }

    void prepareResponse(HttpFields.Mutable headers) {
        // Whether an upgrade or a tunnel comes of it is known by the status only.
        if (!tunnelAsked) {
            announce(headers);
        }
    }

    /** A last look at a response that is about to be committed. */
    MetaData.Response revise(MetaData.Request request, MetaData.Response response, boolean last) {
        int status = response.getStatus();
        if (HttpStatus.isInformational(status)) {
            return response;
        }
        // A whole response before the body of its request is here: the rest of that will be discarded, so say close. So
        // does Jetty where the client still waits for 100 (Continue), but 12.1.12 forgets it where headers overflow.
        boolean early =
                !bodyEnded && ((last && bodyMissing != 0) || (request != null && request.is100ContinueExpected()));
        boolean unchunked = !last
                && !http10
                && (tunnelAsked || isCloseOurs())
                && isLengthUnknown(response)
                && !(request != null && request.is100ContinueExpected()); // There Jetty closes itself.
        boolean promiseBroken = promisedSeconds > 0 && !connection.isPersistent();
        if (!tunnelAsked && !early && !unchunked && !promiseBroken) {
            return response;
        }
        if (connectAsked && HttpStatus.isSuccess(status)) {
            return response;
        }
        HttpFields.Mutable headers = HttpFields.build(response.getHttpFields());
        if (tunnelAsked) {
            announce(headers);
        }
        if (early && closing == null && connection.isPersistent()) {
            closing = CloseReason.APPLICATION;
            sayClose(headers);
        }
        if (promiseBroken) {
            withdrawPromise(headers);
        }
        if (unchunked && isCloseOurs()) {
            // With the close Jetty would leave out the chunks, and a response that fails midway would look whole.
            headers.put(CHUNKED);
        }
        return new MetaData.Response(
                status,
                response.getReason(),
                response.getHttpVersion(),
                headers,
                response.getContentLength(),
                response.getTrailersSupplier());
    }

    private boolean isCloseOurs() {
        return closing != null && closing != CloseReason.CLIENT && closing != CloseReason.APPLICATION;
    }

    private static boolean isLengthUnknown(MetaData.Response response) {
        HttpFields fields = response.getHttpFields();
        return response.getContentLength() < 0
                && fields.getField(HttpHeader.CONTENT_LENGTH) == null
                && fields.getField(HttpHeader.TRANSFER_ENCODING) == null;
    }

    private static void withdrawPromise(HttpFields.Mutable headers) {
        headers.remove(HttpHeader.KEEP_ALIVE);
        for (Iterator<HttpField> i = headers.iterator(); i.hasNext(); ) {
            if (KEEP_ALIVE.equals(i.next())) {
                i.remove();
            }
        }
    }

    private void announce(HttpFields.Mutable headers) {
        if (closing == null) {
            if (closeAsked) {
                closing = CloseReason.CLIENT;
            } else if (!connection.isPersistent() || isConnection(headers, HttpHeaderValue.CLOSE)) {
                closing = CloseReason.APPLICATION;
            } else {
                decide(headers);
                return;
            }
        }
        if (closing != CloseReason.CLIENT && closing != CloseReason.APPLICATION) {
            sayClose(headers);
        } else if (!http10 && headers.getField(HttpHeader.CONNECTION) == null) {
            // Jetty says it as well, but 12.1.12 forgets it where the headers overflow its buffer.
            headers.ensureField(HttpFields.CONNECTION_CLOSE);
        }
    }

    private void decide(HttpFields.Mutable headers) {
        Decisions policy = governor.decisions();
        Pressure pressure = governor.pressure();
        long count = connection.getMessagesIn();
        // The age as the request began, a time that is there: it is at most one request late.
        CloseReason reason = policy.closeAfter(count, since - openedAt, agePart, pressure);
        if (reason == null || (reason == CloseReason.PRESSURE && count > 1 && pressure.spares(peer()))) {
            reason = governor.farewell();
        }
        if (reason == null && keepAliveAsked && policy.isAdvertiseKeepAlive() && !endsWithClose(headers)) {
            double squeeze = squeeze(pressure);
            long seconds = policy.promisableSeconds(squeeze, governor.idleTimeout(), loweredIdleTimeout());
            if (seconds != 0) {
                promise(headers, policy.keepAliveField(seconds, count), seconds);
            } else if (pressure.level().isAtLeast(PressureLevel.ELEVATED) && !keepsTimeouts(pressure)) {
                reason = CloseReason.PRESSURE;
            }
        }
        if (reason != null) {
            closeFor(reason);
            sayClose(headers);
        }
    }

    /** Whether nothing but its close tells the end of the response: HTTP/1.0 knows no chunks. */
    private boolean endsWithClose(HttpFields headers) {
        return http10 && headers.getField(HttpHeader.CONTENT_LENGTH) == null;
    }

    /** The endpoint's idle timeout in nanoseconds where it is neither the connector's nor that of requests, else 0. */
    private long loweredIdleTimeout() {
        long idleTimeout = endPoint.getIdleTimeout();
        return isIdleTimeoutOfConnector()
                        || idleTimeout == connection.getHttpConfiguration().getIdleTimeout()
                ? 0
                : TimeUnit.MILLISECONDS.toNanos(idleTimeout);
    }

    private boolean isIdleTimeoutOfConnector() {
        return endPoint.getIdleTimeout() * 1_000_000 == governor.idleTimeout();
    }

    private void promise(HttpFields.Mutable headers, String field, long seconds) {
        if (field == null) {
            return;
        }
        headers.put(HttpHeader.KEEP_ALIVE, field);
        // To 1.0 Jetty says it itself; on 1.1 it strips the option from the application's own field.
        if (!http10 && !hasKeepAlive(headers)) {
            headers.add(KEEP_ALIVE);
        }
        promisedSeconds = (int) Math.max(0, Math.min(seconds, Integer.MAX_VALUE));
    }

    /** Whether it was added before: Jetty prepares a response twice where its headers overflow the buffer. */
    private static boolean hasKeepAlive(HttpFields headers) {
        for (int i = 0; i < headers.size(); i++) {
            if (KEEP_ALIVE.equals(headers.getField(i))) {
                return true;
            }
        }
        return false;
    }

    /** Whether there is such a connection option; most messages have none at all, which costs no iterator to see. */
    private static boolean isConnection(HttpFields fields, HttpHeaderValue option) {
        return fields.getField(HttpHeader.CONNECTION) != null
                && fields.contains(HttpHeader.CONNECTION, option.asString());
    }

    private static void sayClose(HttpFields.Mutable headers) {
        withdrawPromise(headers);
        if (HttpHeaderValue.KEEP_ALIVE.is(headers.get(CONNECTION))) {
            headers.remove(CONNECTION);
        }
        headers.ensureField(HttpFields.CONNECTION_CLOSE);
    }

    /**
     * The exchange is over.
     *
     * @param whole whether its response was written whole
     * @param unread whether its request has a body that can't be read to its end without waiting
     */
    void onComplete(boolean whole, boolean unread) {
        endCalls();
        partial = false;
        bodyUnread = unread;
        if (!whole) {
            failed = true;
        } else {
            if (closing == null && (unread || !connection.isPersistent())) {
                // Such as a response to HTTP/1.0 without a length, which ends with the close.
                closing = CloseReason.APPLICATION;
            }
            if (unread && !outputShut) {
                shutdownOutput();
            }
        }
        int seen = awaitLook();
        while ((seen & STATE) == BUSY && !WORD.compareAndSet(this, seen, seen - BUSY + RUNNING)) {
            seen = awaitLook();
        }
    }

    /**
     * Ends the output if the last of a response is out. Behind that Jetty breaks off where the application fails, 12.0
     * also behind its own error response: so it becomes a linger. What a client doesn't take is never out.
     */
    void shutdownIfSent() {
        if (!outputShut && closing != CloseReason.DATA_RATE && !isWritePending() && endPoint.isOpen()) {
            shutdownOutput();
        }
    }

    /** Jetty's connection was closed, or gave way to another. */
    void onClosed() {
        endCalls();
        CloseReason reason = closing;
        if (innermost.isOpen()) {
            word = PASS;
            reason = CloseReason.UPGRADED;
        } else if (reason == null) {
            if (governor.isStopping()) {
                reason = CloseReason.STOP;
            } else if (phase == ConnectionState.NEW && isHandshaking()) {
                reason = CloseReason.HANDSHAKE;
            } else {
                reason = endOfInput ? CloseReason.CLIENT : CloseReason.ERROR;
            }
        }
        governor.closed(this, reason);
    }

    // ---- What the timer asks

    @Override
    ConnectionState state() {
        return switch (word & STATE) {
            case WAITING, CHECKING -> phase;
            case OWNED -> ConnectionState.LINGERING;
            case RUNNING -> outputShut ? ConnectionState.LINGERING : ConnectionState.BUSY;
            default -> ConnectionState.BUSY;
        };
    }

    @Override
    boolean isReused() {
        return requests() > 1;
    }

    @Override
    boolean isComing(long now) {
        // The word is read first: it publishes the phase.
        return state() == ConnectionState.NEW && Arrival.isComing(now - openedAt, bytesIn());
    }

    /** The bytes that have come at the socket, those of a handshake included. */
    private long bytesIn() {
        return endPoint instanceof SslConnection.SslEndPoint ssl
                ? ssl.getSslConnection().getBytesIn()
                : connection.getBytesIn();
    }

    @Override
    long requests() {
        return connection.getMessagesIn();
    }

    @Override
    long since() {
        return since;
    }

    @Override
    long openedAt() {
        return openedAt;
    }

    /** As PROXY says, where it does. */
    @Override
    SocketAddress remoteAddress() {
        return connection.getEndPoint().getRemoteSocketAddress();
    }

    @Override
    Object peer() {
        if (peer == null) {
            peer = Peers.key(remoteAddress());
        }
        return peer;
    }

    // ---- The endpoint that Jetty's connection sees

    @Override
    public int fill(ByteBuffer buffer) throws IOException {
        int state = awaitLook() & STATE;
        if (state == OWNED) {
            return -1;
        }
        int filled;
        try {
            filled = readAhead == null ? endPoint.fill(buffer) : takeReadAhead(buffer);
        } catch (IOException | RuntimeException x) {
            endOfInput = true;
            throw x;
        }
        if (filled > 0) {
            for (int i = Math.min(filled, 3); i > 0; i--) {
                tail = (tail << 8) | buffer.get(buffer.limit() - i);
            }
            partial = true;
            readBuffer = buffer;
            if (state == BUSY) {
                bytesMoved += filled;
                if (bodyMissing > 0) {
                    bodyMissing = Math.max(0, bodyMissing - filled);
                }
            }
        } else if (filled < 0) {
            endOfInput = true;
        }
        return filled;
    }

    private int takeReadAhead(ByteBuffer buffer) {
        int taken = BufferUtil.append(buffer, readAhead);
        if (!readAhead.hasRemaining()) {
            readAhead = null;
        }
        return taken;
    }

    @Override
    public void fillInterested(Callback callback) {
        int seen = word;
        int state = seen & STATE;
        if (state == PASS) {
            endPoint.fillInterested(callback);
            return;
        }
        if (state == OWNED) {
            return;
        }
        fillCallback = callback;
        if (outputShut) {
            own();
            return;
        }
        long now = governor.now();
        int count = (int) connection.getMessagesIn();
        if (count != requests) {
            requests = count;
            phase = partial || pipelined || readAhead != null ? ConnectionState.READING : ConnectionState.IDLE;
            since = now;
        } else if (partial && phase == ConnectionState.IDLE) {
            onReuse(now);
            phase = ConnectionState.READING;
            since = now;
        } else if (partial && phase == ConnectionState.NEW && !firstBegun) {
            firstBegun = true;
            since = now;
        }
        readBuffer = null;
        writingFirst = null;
        writingLast = null;
        endWait();
        governor.due(this, deadline(since, timeout(governor.pressure())));
        // Only the policy acts on a waiting connection besides its wake-up, so until here the word is ours.
        word = (seen - state + WAIT) + WAITING;
        // Where a read is pending already, it is this guard's.
        endPoint.tryFillInterested(this);
        if (readAhead != null) {
            wake();
        }
    }

    /** Reads on at once where the policy has read already what a wake-up would tell of. */
    private void wake() {
        int seen = word;
        if ((seen & STATE) != WAITING || !WORD.compareAndSet(this, seen, seen - WAITING + RUNNING)) {
            return;
        }
        withdraw();
        handToJetty();
    }

    @Override
    public boolean tryFillInterested(Callback callback) {
        int state = word & STATE;
        if (state == PASS) {
            return endPoint.tryFillInterested(callback);
        }
        if (state == OWNED) {
            return false;
        }
        long now = governor.now();
        ClientWait wait = clientWait;
        if (wait == null) {
            clientWait = new ClientWait(now);
        } else {
            wait.demandSince = now;
        }
        if (!DEMAND.compareAndSet(this, null, callback)) {
            return false;
        }
        return endPoint.isFillInterested() || endPoint.tryFillInterested(this);
    }

    @Override
    public boolean isFillInterested() {
        return switch (word & STATE) {
            case PASS -> endPoint.isFillInterested();
            case WAITING -> true;
            default -> demand != null;
        };
    }

    @Override
    public void write(Callback callback, ByteBuffer... buffers) {
        int state = word & STATE;
        if (state == OWNED) {
            callback.failed(new ClosedChannelException());
            return;
        }
        if (state != PASS) {
            bytesMoved += BufferUtil.remaining(buffers);
            writingFirst = buffers.length > 1 ? buffers[0] : null;
            writingLast = buffers.length > 0 ? buffers[buffers.length - 1] : null;
        }
        endPoint.write(callback, buffers);
    }

    @Override
    public void shutdownOutput() {
        int state = word & STATE;
        if (state == OWNED) {
            return;
        }
        if (state != PASS && !outputShut) {
            lingerSince = governor.now();
            outputShut = true;
            if (closing == null && governor.isShutdown()) {
                closeFor(CloseReason.STOP); // Its response had begun before.
            }
            governor.due(this, deadline(lingerSince, lingerLimit()));
        }
        try {
            endPoint.shutdownOutput();
        } catch (RuntimeException x) {
            if (state == PASS) {
                throw x;
            }
            abort(x); // Some Jettys would leave it open.
        }
    }

    @Override
    public void close(Throwable cause) {
        int state = word & STATE;
        if (state == OWNED) {
            // The linger closes, unless the server stops before.
            if (governor.isStopping()) {
                innermost.close(cause);
            }
            return;
        }
        // An abort behind a response that was written whole would destroy it: it becomes a linger.
        if (state != PASS && cause != null && outputShut && !endOfInput && !isWritePending() && endPoint.isOpen()) {
            own();
            return;
        }
        endPoint.close(cause);
    }

    @Override
    public void close() {
        close(null);
    }

    @Override
    public void setConnection(Connection newConnection) {
        if (newConnection != connection) {
            word = PASS;
        }
        endPoint.setConnection(newConnection);
    }

    @Override
    public void upgrade(Connection newConnection) {
        endPoint.upgrade(newConnection);
    }

    @Override
    public EndPoint unwrap() {
        return shown;
    }

    @Override
    public SocketAddress getLocalSocketAddress() {
        return shown.getLocalSocketAddress();
    }

    @Override
    public SocketAddress getRemoteSocketAddress() {
        return shown.getRemoteSocketAddress();
    }

    /** Abstract in Jetty 12.0, gone in 12.1. */
    public InetSocketAddress getLocalAddress() {
        return getLocalSocketAddress() instanceof InetSocketAddress address ? address : null;
    }

    /** Abstract in Jetty 12.0, gone in 12.1. */
    public InetSocketAddress getRemoteAddress() {
        return getRemoteSocketAddress() instanceof InetSocketAddress address ? address : null;
    }

    @Override
    public boolean isOpen() {
        return endPoint.isOpen();
    }

    @Override
    public long getCreatedTimeStamp() {
        return endPoint.getCreatedTimeStamp();
    }

    @Override
    public boolean isOutputShutdown() {
        return endPoint.isOutputShutdown();
    }

    @Override
    public boolean isInputShutdown() {
        return endPoint.isInputShutdown();
    }

    @Override
    public SocketAddress receive(ByteBuffer buffer) throws IOException {
        return endPoint.receive(buffer);
    }

    @Override
    public boolean flush(ByteBuffer... buffers) throws IOException {
        return endPoint.flush(buffers);
    }

    @Override
    public boolean send(SocketAddress address, ByteBuffer... buffers) throws IOException {
        return endPoint.send(address, buffers);
    }

    @Override
    public void write(Callback callback, SocketAddress address, ByteBuffer... buffers) {
        endPoint.write(callback, address, buffers);
    }

    @Override
    public void write(boolean last, ByteBuffer buffer, Callback callback) {
        endPoint.write(last, buffer, callback);
    }

    @Override
    public Callback cancelWrite(Throwable cause) {
        return endPoint.cancelWrite(cause);
    }

    @Override
    public Object getTransport() {
        return endPoint.getTransport();
    }

    @Override
    public long getIdleTimeout() {
        return endPoint.getIdleTimeout();
    }

    @Override
    public void setIdleTimeout(long idleTimeout) {
        endPoint.setIdleTimeout(idleTimeout);
    }

    @Override
    public Connection getConnection() {
        return endPoint.getConnection();
    }

    @Override
    public void onOpen() {
        endPoint.onOpen();
    }

    @Override
    public void onClose(Throwable cause) {
        endPoint.onClose(cause);
    }

    @Override
    public SslSessionData getSslSessionData() {
        return shown.getSslSessionData();
    }

    @Override
    public boolean isSecure() {
        return shown.isSecure();
    }

    @Override
    public String toString() {
        return "%s@%x{%s,requests=%d,%s}"
                .formatted(TypeUtil.toShortName(getClass()), hashCode(), state(), requests(), endPoint);
    }
}
