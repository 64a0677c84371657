package org.strictkeepalive.internal.connection;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.strictkeepalive.internal.observe.Counters;

/**
 * Knows the exchange in progress, or the last one: what its request asks for, how much of its body has come, and how
 * many bytes have moved. A layer of the connection, since an object of its own would take 16 bytes more.
 *
 * <p>The thread that has the move writes its fields, anew for each request, and the word publishes them. The timer reads
 * {@link #bodyEnded} and {@link #upgradeAsked} at any time, and again in the state LOOKING before it relies on them. Who
 * looks reads {@link #moved} before the headers of the response: a write of the response publishes both.
 */
abstract class ConnectionExchange extends ConnectionDeadlines {
    private static final int MOST_COPIED = 128 * 1024;

    private static final AtomicLongFieldUpdater<ConnectionExchange> MOVED =
            AtomicLongFieldUpdater.newUpdater(ConnectionExchange.class, "moved");
    private static final byte NOTHING_READ = 0;
    private static final byte READ = 1;
    private static final byte PIPELINED = 2;
    private static final int CRLFCRLF_TAIL = 0x0A0D0A;
    private static final int LFLF_TAIL = 0x0A0A;

    private boolean closeAsked;
    private boolean keepAliveAsked;
    private boolean upgradeAsked;
    /** Whether nothing more of the body has to come from the client: it was read to its end, or came with the headers. */
    private boolean bodyEnded;

    private boolean moreBehind;
    private boolean lastSent;
    /** Whether the end of the exchange may not be reported, since nobody watched it at its begin. */
    private boolean unheard;
    /** Whether somebody watches the exchange. */
    private boolean watched;
    /** {@link #READ} or {@link #NOTHING_READ} since the last request began, or {@link #PIPELINED} for good. */
    private byte reads;
    /** The last three bytes that were read. */
    private int tail;
    /** The request of the exchange in progress, null if there is none. In the state LOOKING also read by who looks. */
    private ExchangeRequest request;
    /** How many bytes of the body are still to come; negative if only the end of the body tells. */
    private long bodyMissing;
    /** The buffer that was read last, null from the next wait on. */
    private ByteBuffer input;
    /**
     * The first and the last buffer of a write; the first is null if there is only one. Keeping the array instead would
     * make it an object on the heap for each response.
     */
    private ByteBuffer writingFirst;

    private ByteBuffer writingLast;
    /**
     * How many bytes were read and handed to write. The timer and the thread that ends connections read it at any time.
     * Each ordered write of it also publishes the buffers above to them.
     */
    private volatile long moved;

    ConnectionExchange(Governor governor) {
        super(governor);
    }

    @Override
    public final Counters counters() {
        return governor.counters();
    }

    /**
     * Bytes were read.
     *
     * @param busy whether they belong to a request in progress
     */
    final void onRead(ByteBuffer buffer, int count, boolean busy) {
        for (int i = Math.min(count, 3); i > 0; i--) {
            tail = (tail << 8) | buffer.get(buffer.limit() - i);
        }
        input = buffer;
        reads |= READ;
        if (busy) {
            if (bodyMissing > 0) {
                moreBehind = count > bodyMissing;
                bodyMissing = Math.max(0, bodyMissing - count);
            }
            MOVED.lazySet(this, moved + count);
        }
    }

    /** Bytes are being written. */
    final void onWrite(ByteBuffer... buffers) {
        writingFirst = buffers.length > 1 ? buffers[0] : null;
        writingLast = buffers.length > 0 ? buffers[buffers.length - 1] : null;
        MOVED.lazySet(this, moved + BufferUtil.remaining(buffers));
    }

    /**
     * The connection is about to wait. Jetty then gives the buffers back to their pool, so they must not be used again.
     */
    final void forgetBuffers() {
        input = null;
        writingFirst = null;
        writingLast = null;
    }

    /**
     * How many bytes have been read, or written and taken by the socket.
     *
     * @param writing whether a write is pending: what remains in its buffers has not moved
     */
    final long moved(boolean writing) {
        long all = moved;
        // Between these two buffers there is at most the header of a chunk, which doesn't matter.
        return writing ? all - BufferUtil.length(writingFirst) - BufferUtil.length(writingLast) : all;
    }

    /** Whether the pending write can be tried again at little cost: the JDK copies all that lies on the heap. */
    final boolean isOfferCheap() {
        return isCheap(writingFirst) && isCheap(writingLast);
    }

    private static boolean isCheap(ByteBuffer buffer) {
        return buffer == null || buffer.isDirect() || buffer.remaining() <= MOST_COPIED;
    }

    /**
     * The headers of a request are complete.
     *
     * @param persistent whether the request lets the connection be kept
     */
    final void exchangeBegins(ExchangeRequest begun, boolean persistent) {
        request = begun;
        watched = true;
        HttpFields headers = begun.getHeaders();
        boolean chunked = look(headers);
        // A request that came with the bytes of the one before.
        reads = reads == READ ? NOTHING_READ : PIPELINED;
        upgradeAsked |= HttpMethod.CONNECT.is(begun.getMethod());
        closeAsked = !persistent;
        lastSent = false;
        unheard = false;
        long length = begun.getLength();
        bodyEnded = length <= 0 && !chunked;
        if (bodyEnded) {
            // If Jetty has parsed the whole buffer, it has given it back to its pool. So look at the last bytes, not at
            // the buffer.
            bodyMissing = 0;
            moreBehind = input != null && !endsWithBlankLine();
        } else if (input == null) {
            // An earlier phase (PROXY) has read the bytes. How much of the body came is unknown: take it as whole.
            bodyMissing = 0;
            moreBehind = false;
        } else if (chunked) {
            boolean whole = Chunks.isWhole(input);
            bodyMissing = whole ? 0 : -1;
            moreBehind = whole && !endsWithBlankLine();
        } else {
            bodyMissing = Math.max(0, length - input.remaining());
            moreBehind = input.remaining() > length;
            // A client that expects 100 (Continue) may get another answer first, which has to say close.
            bodyEnded = bodyMissing == 0 && !headers.contains(HttpHeader.EXPECT);
        }
        MOVED.lazySet(this, 0);
    }

    /**
     * Looks once at each field. By index, since an iterator would be an object on the heap.
     *
     * @return whether the request has a body in chunks
     */
    private boolean look(HttpFields fields) {
        boolean chunked = false;
        keepAliveAsked = false;
        upgradeAsked = false;
        int size = fields.size();
        for (int i = 0; i < size; i++) {
            HttpField field = fields.getField(i);
            HttpHeader header = field.getHeader();
            if (header == HttpHeader.TRANSFER_ENCODING) {
                chunked = true;
            } else if (header == HttpHeader.UPGRADE) {
                upgradeAsked = true;
            } else if (header == HttpHeader.CONNECTION) {
                keepAliveAsked |= field.contains(HttpHeaderValue.KEEP_ALIVE.asString());
            }
        }
        return chunked;
    }

    /** Whether the client has sent a request before the response to the one before. */
    final boolean isPipelined() {
        return (reads & PIPELINED) != 0;
    }

    /** Whether nothing more comes of the request, and it asks neither for a close nor for an upgrade. */
    final boolean isPlainRequest() {
        return bodyEnded && !closeAsked && !upgradeAsked;
    }

    /** Nobody watches the exchange from its begin. */
    final void leaveUnwatched() {
        watched = false;
        unheard = true;
    }

    /** The request of an exchange that nobody watches, null if somebody does. */
    final Request unwatched() {
        return watched ? null : request;
    }

    /** From now on somebody watches the exchange. Its end may be reported nevertheless by nobody. */
    final void watched() {
        watched = true;
    }

    /** Whether the exchange may end without a report. If so, it is over when Jetty goes on. */
    final boolean isUnheard() {
        return unheard;
    }

    /** An exchange has ended without a report. */
    final void endsUnheard() {
        forgetRequest();
        unheard = false;
    }

    /** The exchange is over: what it was about must not stay in memory while the connection is idle. */
    final void forgetRequest() {
        request = null;
    }

    @Override
    public final boolean isEventStream() {
        int seen = awaitLook();
        while (state(seen) == BUSY) {
            if (beginLook(seen)) {
                try {
                    ExchangeRequest answered = moved == 0 ? null : request;
                    return answered != null && answered.isEventStream();
                } finally {
                    endLook(seen);
                }
            }
            seen = awaitLook();
        }
        return false;
    }

    /** The body of the request was read to its end. */
    final void bodyEnds() {
        bodyEnded = true;
        if (bodyMissing < 0) {
            moreBehind = !endsWithBlankLine();
        }
    }

    /**
     * Whether the bytes that were read end with an empty line, as headers and chunked bodies do. If so, no part of
     * another request follows.
     */
    private boolean endsWithBlankLine() {
        return (tail & 0xFFFFFF) == CRLFCRLF_TAIL || (tail & 0xFFFF) == LFLF_TAIL;
    }

    final void lastSent() {
        lastSent = true;
    }

    final boolean isLastSent() {
        return lastSent;
    }

    final boolean isBodyEnded() {
        return bodyEnded;
    }

    /** Whether bytes of a further request came with the end of this one. */
    final boolean isMoreBehind() {
        return moreBehind;
    }

    /** Whether the request asks to close the connection. */
    final boolean isCloseAsked() {
        return closeAsked;
    }

    final boolean isKeepAliveAsked() {
        return keepAliveAsked;
    }

    /**
     * Whether the request asks for an upgrade or a tunnel. Only the status of the response tells whether there is one.
     */
    final boolean isUpgradeAsked() {
        return upgradeAsked;
    }

    /**
     * Whether a response is sent before the body of its request has come. The rest of the body is then discarded.
     *
     * @param last whether the response is sent to its end
     */
    final boolean isEarly(MetaData.Request request, boolean last) {
        // Jetty itself says close if the client still waits for 100 (Continue), but 12.1.12 forgets it if the headers
        // overflow.
        return !bodyEnded && ((last && bodyMissing != 0) || isContinueExpected(request));
    }

    static boolean isContinueExpected(MetaData.Request request) {
        return request != null && request.is100ContinueExpected();
    }
}
