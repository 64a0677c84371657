package org.strictkeepalive;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.io.AbstractEndPoint;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Scheduler;

/** A connection in memory whose client sends the same request again and again, and takes whatever comes. */
class BenchEndPoint extends AbstractEndPoint {
    private static final SocketAddress LOCAL = InetSocketAddress.createUnresolved("server", 80);
    private static final SocketAddress REMOTE = InetSocketAddress.createUnresolved("client", 1024);

    private final ByteBuffer request;
    private ByteBuffer sending;
    private long taken;

    BenchEndPoint(Scheduler scheduler) {
        this(
                scheduler,
                BufferUtil.toBuffer(
                        "GET / HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n",
                        StandardCharsets.US_ASCII));
    }

    BenchEndPoint(Scheduler scheduler, ByteBuffer request) {
        super(scheduler);
        this.request = request;
        sending = BufferUtil.EMPTY_BUFFER;
        onOpen();
    }

    /** Sends a request, has it answered on this thread, and returns the size of the response. */
    long request() {
        request.rewind();
        return send(request);
    }

    /** Sends bytes, has them read on this thread, and returns the size of what the server sends. */
    final long send(ByteBuffer bytes) {
        sending = bytes;
        long before = taken;
        getFillInterest().fillable();
        return taken - before;
    }

    @Override
    public int fill(ByteBuffer buffer) {
        int filled = BufferUtil.append(buffer, sending);
        if (filled > 0) {
            notIdle();
        }
        return filled;
    }

    @Override
    public boolean flush(ByteBuffer... buffers) throws EofException {
        if (isOutputShutdown()) {
            throw new EofException();
        }
        for (ByteBuffer buffer : buffers) {
            taken += buffer.remaining();
            buffer.position(buffer.limit());
        }
        notIdle();
        return true;
    }

    @Override
    protected void onIncompleteFlush() {}

    @Override
    protected void needsFillInterest() {}

    @Override
    public SocketAddress getLocalSocketAddress() {
        return LOCAL;
    }

    @Override
    public SocketAddress getRemoteSocketAddress() {
        return REMOTE;
    }

    @Override
    public Object getTransport() {
        return null;
    }
}
