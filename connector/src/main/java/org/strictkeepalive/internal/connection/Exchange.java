package org.strictkeepalive.internal.connection;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;

/**
 * The exchange in progress, or the last one: what its request asks for, how far its body has come, and what has moved.
 * One a connection, made with its first byte and reset for each request.
 *
 * <p>Written by the threads that have the move. The timer reads {@link #moved} only.
 */
final class Exchange {
    private static final AtomicLongFieldUpdater<Exchange> MOVED =
            AtomicLongFieldUpdater.newUpdater(Exchange.class, "moved");
    private static final int CRLFCRLF_TAIL = 0x0A0D0A;
    private static final int LFLF_TAIL = 0x0A0A;

    private boolean closeAsked;
    private boolean keepAliveAsked;
    private boolean http10;
    private boolean upgradeAsked;
    private boolean connectAsked;
    private boolean chunked;
    private boolean bodyEnded;
    private boolean moreBehind;
    private boolean lastSent;
    /** The last three bytes that were read. */
    private int tail;
    /** The bytes of the body that have to come, negative where only their end tells. */
    private long bodyMissing;
    /** What was read last, until the next wait. */
    private ByteBuffer input;
    /** What is being written: not the array, which else would be an object for each response. */
    private ByteBuffer writingFirst;

    private ByteBuffer writingLast;
    /** The bytes read and handed to write. Published with each ordered write of it, the buffers before as well. */
    private volatile long moved;

    /**
     * Bytes were read.
     *
     * @param busy whether they belong to a request in progress
     */
    void read(ByteBuffer buffer, int count, boolean busy) {
        for (int i = Math.min(count, 3); i > 0; i--) {
            tail = (tail << 8) | buffer.get(buffer.limit() - i);
        }
        input = buffer;
        if (busy) {
            if (bodyMissing > 0) {
                moreBehind = count > bodyMissing;
                bodyMissing = Math.max(0, bodyMissing - count);
            }
            MOVED.lazySet(this, moved + count);
        }
    }

    /** Bytes are being written. */
    void writes(ByteBuffer... buffers) {
        writingFirst = buffers.length > 1 ? buffers[0] : null;
        writingLast = buffers.length > 0 ? buffers[buffers.length - 1] : null;
        MOVED.lazySet(this, moved + BufferUtil.remaining(buffers));
    }

    /** The connection is about to wait: the buffers go back to their pool. */
    void waits() {
        input = null;
        writingFirst = null;
        writingLast = null;
    }

    /**
     * The bytes that have moved.
     *
     * @param writing whether a write is pending, whose client has not taken all
     */
    long moved(boolean writing) {
        long all = moved;
        // Between these two buffers is the header of a chunk at most.
        return writing ? all - BufferUtil.length(writingFirst) - BufferUtil.length(writingLast) : all;
    }

    /**
     * The headers of a request are complete.
     *
     * @param persistent whether the connection may be kept, for all that the request says
     */
    void begins(Request request, boolean persistent) {
        // Looked up one by one: getField allocates nothing; an iterator would.
        HttpFields fields = request.getHeaders();
        chunked = fields.getField(HttpHeader.TRANSFER_ENCODING) != null;
        connectAsked = HttpMethod.CONNECT.is(request.getMethod());
        closeAsked = !persistent;
        keepAliveAsked = ResponseHeaders.isConnection(fields, HttpHeaderValue.KEEP_ALIVE);
        http10 = request.getConnectionMetaData().getHttpVersion() == HttpVersion.HTTP_1_0;
        upgradeAsked = connectAsked || fields.getField(HttpHeader.UPGRADE) != null;
        lastSent = false;
        long length = request.getLength();
        bodyEnded = length <= 0 && !chunked;
        if (bodyEnded) {
            // Jetty has given the buffer back if all of it is read.
            bodyMissing = 0;
            moreBehind = input != null && !endsWithBlankLine();
        } else if (input == null) {
            // An earlier phase, such as PROXY, has handed the bytes over: take the body for whole.
            bodyMissing = 0;
            moreBehind = false;
        } else if (chunked) {
            bodyMissing = Chunks.isWhole(input) ? 0 : -1;
            moreBehind = false;
        } else {
            bodyMissing = Math.max(0, length - input.remaining());
            moreBehind = input.remaining() > length;
        }
        MOVED.lazySet(this, 0);
    }

    /** The body of the request was read to its end. */
    void bodyEnds() {
        bodyEnded = true;
        if (chunked) {
            moreBehind = !endsWithBlankLine();
        }
    }

    /** Whether what was read ends as headers and chunked bodies do, so that no part of another request follows. */
    private boolean endsWithBlankLine() {
        return (tail & 0xFFFFFF) == CRLFCRLF_TAIL || (tail & 0xFFFF) == LFLF_TAIL;
    }

    void lastSent() {
        lastSent = true;
    }

    boolean isLastSent() {
        return lastSent;
    }

    boolean isBodyEnded() {
        return bodyEnded;
    }

    /** Whether bytes of a further request came with the end of this one. */
    boolean isMoreBehind() {
        return moreBehind;
    }

    /** Whether the request asks for the close. */
    boolean isCloseAsked() {
        return closeAsked;
    }

    boolean isKeepAliveAsked() {
        return keepAliveAsked;
    }

    boolean isHttp10() {
        return http10;
    }

    /** Whether the request asks for an upgrade or a tunnel: only the status tells whether one comes of it. */
    boolean isUpgradeAsked() {
        return upgradeAsked;
    }

    boolean isConnectAsked() {
        return connectAsked;
    }

    /**
     * Whether a response comes before the body of its request, the rest of which is then discarded.
     *
     * @param last whether the response is whole
     */
    boolean isEarly(MetaData.Request request, boolean last) {
        // Jetty says close if the client still waits for 100 (Continue), but 12.1.12 forgets it if headers overflow.
        return !bodyEnded && ((last && bodyMissing != 0) || isContinueExpected(request));
    }

    static boolean isContinueExpected(MetaData.Request request) {
        return request != null && request.is100ContinueExpected();
    }
}
