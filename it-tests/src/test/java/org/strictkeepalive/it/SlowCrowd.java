package org.strictkeepalive.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.SSLSocket;

/**
 * Slow clients that come back whenever they are closed, from many addresses: one thread holds them all. Run as a process
 * of its own. It says that it is ready, begins when a byte comes, and goes on until its input ends.
 */
final class SlowCrowd {
    static final String READY = "ready";
    /** Else the first handshakes of all its clients take all CPU for seconds. */
    private static final int WARM_HANDSHAKES = 1000;

    /** What such a client does. */
    enum Kind {
        /** Sends the body of its request, 300 bytes a second. */
        POST,
        /** As POST, to an application that blocks in its reads. */
        BLOCKING,
        /** Reads a large response, 2 KiB a second. */
        READ,
        /** Waits for an application that takes its time. */
        SLOW_APP
    }

    private static final long BEAT = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int SENT = 75;
    private static final int READ = 512;
    /** Of those that come back, so many at once. */
    private static final int MOST_AT_ONCE = 400;

    /** The handshakes of the crowd take CPU from the server on the same machine, so no more than 200 come a second. */
    private static final long TLS_EVERY = TimeUnit.MILLISECONDS.toNanos(5);

    private static final String[] UPLOADS = {"/blocking", "/echo", "/core"};
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final InetSocketAddress address;
    private final SSLContext tls;
    private final boolean http2;
    private final Kind kind;
    private final int addresses;
    private final Set<Client> clients = new HashSet<>();
    private final ByteBuffer in = ByteBuffer.allocate(64 * 1024);
    private final ByteBuffer sink = ByteBuffer.allocate(64 * 1024);
    private final ByteBuffer out = ByteBuffer.allocate(64 * 1024);
    private int come;

    private volatile boolean running = true;

    private SlowCrowd(int port, SSLContext tls, boolean http2, Kind kind, int addresses) {
        address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        this.tls = tls;
        this.http2 = http2;
        this.kind = kind;
        this.addresses = addresses;
    }

    /** The port, whether TLS, whether HTTP/2, the kind, how many, from how many addresses. */
    public static void main(String[] args) throws Exception {
        SlowCrowd crowd = new SlowCrowd(
                Integer.parseInt(args[0]),
                Boolean.parseBoolean(args[1]) ? Http.trustAll() : null,
                Boolean.parseBoolean(args[2]),
                Kind.valueOf(args[3]),
                Integer.parseInt(args[5]));
        if (crowd.tls != null) {
            crowd.warmUp();
        }
        System.out.println(READY);
        if (System.in.read() < 0) {
            System.exit(0);
        }
        Thread end = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (IOException x) {
                // The same as an end.
            }
            crowd.running = false;
        });
        end.setDaemon(true);
        end.start();
        crowd.run(Integer.parseInt(args[4]));
        System.out.println(crowd.come);
        System.exit(0);
    }

    private void warmUp() throws IOException {
        for (int i = 0; i < WARM_HANDSHAKES; i++) {
            try (SSLSocket socket =
                    (SSLSocket) tls.getSocketFactory().createSocket(address.getAddress(), address.getPort())) {
                socket.startHandshake();
                socket.getSession().invalidate();
            }
        }
    }

    private void run(int count) throws IOException {
        long start = System.nanoTime();
        try (Selector selector = Selector.open()) {
            while (running) {
                long now = System.nanoTime();
                long most = tls == null ? Long.MAX_VALUE : (now - start) / TLS_EVERY;
                for (int i = 0; i < MOST_AT_ONCE && clients.size() < count && come < most; i++) {
                    clients.add(new Client(selector));
                }
                Set.copyOf(clients).forEach(client -> client.beat(now));
                selector.select(key -> ((Client) key.attachment()).serve(), 10);
            }
        }
    }

    private final class Client {
        private final SocketChannel channel;
        private final SelectionKey key;
        private final int number = come++;
        private SSLEngine engine;
        private boolean begun;
        private long next;
        private byte[] rest = {};

        private Client(Selector selector) throws IOException {
            channel = SocketChannel.open();
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            int from = number % addresses;
            channel.bind(new InetSocketAddress("127.1." + from / 250 + "." + (2 + from % 250), 0));
            key = channel.register(selector, SelectionKey.OP_CONNECT, this);
            channel.connect(address);
        }

        private void end() {
            key.cancel();
            clients.remove(this);
            try {
                channel.close();
            } catch (IOException x) {
                // It is closed.
            }
        }

        private void serve() {
            try {
                if (key.isConnectable() && channel.finishConnect()) {
                    key.interestOps(SelectionKey.OP_READ);
                    if (tls == null) {
                        begin();
                    } else {
                        engine = tls.createSSLEngine();
                        engine.setUseClientMode(true);
                        engine.beginHandshake();
                        shake(false);
                    }
                } else if (key.isReadable()) {
                    boolean closed = begun ? channel.read(sink.clear()) < 0 : shake(true);
                    if (closed) {
                        end();
                    }
                }
            } catch (IOException x) {
                end();
            }
        }

        /** Goes on with the handshake. Returns whether the server has closed. */
        private boolean shake(boolean read) throws IOException {
            in.clear().put(rest);
            boolean closed = read && channel.read(in) < 0;
            in.flip();
            for (boolean more = true; more; ) {
                switch (engine.getHandshakeStatus()) {
                    case NEED_TASK -> engine.getDelegatedTask().run();
                    case NEED_WRAP -> send(NOTHING);
                    default -> {
                        if (engine.getHandshakeStatus() == HandshakeStatus.NOT_HANDSHAKING) {
                            begin();
                            return closed;
                        }
                        more = engine.unwrap(in, sink.clear()).getStatus() == SSLEngineResult.Status.OK;
                    }
                }
            }
            rest = new byte[in.remaining()];
            in.get(rest);
            return closed;
        }

        private void begin() throws IOException {
            begun = true;
            next = System.nanoTime();
            switch (kind) {
                case POST, BLOCKING -> {
                    if (http2) {
                        send(Frames.opening(1 << 16));
                        send(Frames.post(upload()));
                    } else {
                        send(Frames.ascii(
                                "POST " + upload() + " HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n"));
                    }
                }
                case READ -> {
                    if (http2) {
                        send(Frames.opening(READ));
                        send(Frames.get("/big"));
                    } else {
                        send(Frames.ascii("GET /big HTTP/1.1\r\nHost: t\r\n\r\n"));
                        key.interestOps(0); // It reads by the beat.
                    }
                }
                case SLOW_APP -> send(Frames.ascii("GET /slow?600000 HTTP/1.1\r\nHost: t\r\n\r\n"));
            }
        }

        private String upload() {
            return kind == Kind.BLOCKING ? UPLOADS[0] : UPLOADS[number % UPLOADS.length];
        }

        private void beat(long now) {
            if (!begun || now - next < 0 || kind == Kind.SLOW_APP) {
                return;
            }
            next = Math.max(next + BEAT, now);
            try {
                if (kind == Kind.POST || kind == Kind.BLOCKING) {
                    send(http2 ? Frames.data(SENT) : ByteBuffer.allocate(SENT));
                } else if (http2) {
                    send(Frames.window(1, READ));
                    send(Frames.window(0, READ));
                } else if (channel.read(sink.clear().limit(READ)) < 0) {
                    end();
                }
            } catch (IOException x) {
                end();
            }
        }

        private void send(ByteBuffer bytes) throws IOException {
            if (engine == null) {
                channel.write(bytes);
            } else {
                engine.wrap(bytes, out.clear());
                channel.write(out.flip());
            }
        }
    }
}
