package org.strictkeepalive.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;

/**
 * Clients that never close, not even behind the server's FIN, and worse: one thread holds them all. Run as a process
 * by {@link Attack}, until its input ends.
 */
final class Attackers {
    static final String BEGUN = "begun";
    /** Said when nearly all of them have connected. */
    static final String COME = "come";

    /** What such a client does. */
    enum Kind {
        /** Takes one response. */
        LEAKY,
        /** Says nothing. */
        SILENT,
        /** Sends the header of its first request a byte each half second. */
        TRICKLE_FIRST,
        /** Takes one response, then sends the header of the next request a byte each half second. */
        TRICKLE_BETWEEN,
        /** Asks for one response and a close, takes both, and goes on sending a byte each half second. */
        TRICKLE_AFTER_FIN,
        /** Asks for a large response and does not read. */
        NEVER_READING,
        /** Asks for a response of 1 MiB, of more TLS would take the CPU, and resets the connection when it begins. */
        RESET,
        /** Sends the body of its request a byte each half second. */
        SLOW_BODY,
        /** Sends the body of its request, 300 bytes a second: enough for {@code minDataRate}. */
        SLOW_POST,
        /** Asks for a large response and reads 2 KiB of it a second. */
        SLOW_READER,
        /** Sends two requests at once, takes their responses, and says no more. */
        TWO,
        /** Connects and closes: alone, again and again. */
        CONNECT_CLOSE,
        /** Sends half of a TLS ClientHello, or the whole of it, and then nothing. */
        HALF_HANDSHAKE,
        /** Sends its TLS ClientHello a byte each half second. */
        TRICKLE_HANDSHAKE;

        /** Whether its request is in progress for as long as it is not ended. */
        boolean isBusy() {
            return switch (this) {
                case NEVER_READING, SLOW_BODY, SLOW_POST, SLOW_READER -> true;
                default -> false;
            };
        }

        boolean isTlsOnly() {
            return this == HALF_HANDSHAKE || this == TRICKLE_HANDSHAKE;
        }
    }

    private static final ByteBuffer GET = ascii("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    private static final ByteBuffer LAST_GET = ascii("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    private static final ByteBuffer BIG = ascii("GET /big?mib=64 HTTP/1.1\r\nHost: test\r\n\r\n");
    private static final ByteBuffer ONE_MIB = ascii("GET /big?mib=1 HTTP/1.1\r\nHost: test\r\n\r\n");
    private static final ByteBuffer HEADER = ascii("GET / HTTP/1.1\r\nHost: test\r\nX-Trickle: ");
    private static final ByteBuffer POST =
            ascii("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    private static final ByteBuffer LONG_POST =
            ascii("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n");
    private static final ByteBuffer TWO_GETS =
            ascii("GET / HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    private static final ByteBuffer BYTE = ascii("x");
    /** Of a slow body, in each turn. */
    private static final ByteBuffer PART = ascii("x".repeat(150));

    private static final int READ_AT_ONCE = 1024;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
    private static final long TRICKLE_EVERY = TimeUnit.MILLISECONDS.toNanos(500);
    private static final int SMALL_WINDOW = 4096;
    private static final int FLOODING_THREADS = 2;

    private final InetSocketAddress address;
    private final SSLContext tls;
    private final ByteBuffer hello;
    private final List<Client> clients = new ArrayList<>();
    private final ByteBuffer in = ByteBuffer.allocate(64 * 1024);
    private final ByteBuffer sink = ByteBuffer.allocate(64 * 1024);
    private final ByteBuffer out = ByteBuffer.allocate(64 * 1024);
    private final AtomicInteger connected = new AtomicInteger();
    private int expected;
    /** The longest turn of the loop, in which nobody did anything. */
    private long stall;

    private volatile boolean running = true;

    private Attackers(InetSocketAddress address, boolean withTls) throws IOException {
        this.address = address;
        tls = withTls ? Http.trustAll() : null;
        hello = withTls ? hello(tls) : null;
    }

    public static void main(String[] args) throws Exception {
        Attackers attackers = new Attackers(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0])),
                Boolean.parseBoolean(args[1]));
        List<Kind> kinds = Stream.of(args[2].split(",", -1)).map(Kind::valueOf).toList();
        Thread end = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (IOException x) {
                // The same as an end.
            }
            attackers.running = false;
        });
        end.setDaemon(true);
        end.start();
        attackers.expected = (int) (0.95 * Integer.parseInt(args[3]));
        System.out.println(BEGUN);
        if (kinds.equals(List.of(Kind.CONNECT_CLOSE))) {
            attackers.flood(Integer.parseInt(args[4]));
        } else {
            attackers.run(kinds, Integer.parseInt(args[3]), Integer.parseInt(args[4]));
        }
        System.out.println(attackers.connected);
        System.out.println(TimeUnit.NANOSECONDS.toMillis(attackers.stall));
        System.exit(0);
    }

    private void run(List<Kind> kinds, int count, int perSecond) throws IOException {
        long start = System.nanoTime();
        long nextTrickle = start;
        try (Selector selector = Selector.open()) {
            long last = start;
            while (running) {
                long now = System.nanoTime();
                stall = Math.max(stall, now - last);
                last = now;
                while (clients.size() < count && (perSecond == 0 || clients.size() < perSecond * (now - start) / 1e9)) {
                    clients.add(new Client(kinds.get(clients.size() % kinds.size()), selector));
                }
                if (now - nextTrickle >= 0) {
                    nextTrickle += TRICKLE_EVERY;
                    clients.forEach(Client::trickle);
                }
                selector.select(key -> ((Client) key.attachment()).serve(), 10);
            }
        }
    }

    private void count() {
        if (connected.incrementAndGet() == expected) {
            System.out.println(COME);
        }
    }

    private void flood(int perSecond) throws InterruptedException {
        long start = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < FLOODING_THREADS; i++) {
            threads.add(new Thread(() -> {
                while (running) {
                    if (perSecond > 0 && connected.get() >= perSecond * (System.nanoTime() - start) / 1e9) {
                        Http.pause(1);
                        continue;
                    }
                    try (SocketChannel channel = SocketChannel.open()) {
                        // From many addresses, since each has only some 28,000 ports.
                        channel.bind(new InetSocketAddress(
                                "127.0.0." + ThreadLocalRandom.current().nextInt(2, 250), 0));
                        channel.connect(address);
                        count();
                    } catch (IOException x) {
                        Thread.onSpinWait();
                    }
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static ByteBuffer hello(SSLContext tls) throws IOException {
        SSLEngine engine = tls.createSSLEngine();
        engine.setUseClientMode(true);
        ByteBuffer result = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(NOTHING, result);
        return result.flip();
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)).asReadOnlyBuffer();
    }

    private final class Client {
        private final Kind kind;
        private final SocketChannel channel;
        private final SelectionKey key;
        private final int number = clients.size();
        private SSLEngine engine;
        private boolean begun;
        private byte[] rest = {};
        private boolean trickles;
        private int trickled;

        private Client(Kind kind, Selector selector) throws IOException {
            this.kind = kind;
            channel = SocketChannel.open();
            channel.configureBlocking(false);
            if (kind == Kind.NEVER_READING || kind == Kind.SLOW_READER) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, SMALL_WINDOW);
            }
            key = channel.register(selector, SelectionKey.OP_CONNECT, this);
            channel.connect(address);
        }

        private void serve() {
            try {
                if (key.isConnectable() && channel.finishConnect()) {
                    count();
                    key.interestOps(SelectionKey.OP_READ);
                    connect();
                } else if (key.isReadable()) {
                    onRead(engine == null ? channel.read(sink.clear()) : pump(true));
                }
            } catch (IOException x) {
                end();
            }
        }

        private void end() {
            trickles = false;
            key.cancel(); // and the socket stays open
        }

        private void connect() throws IOException {
            switch (kind) {
                case SILENT -> {}
                case CONNECT_CLOSE -> channel.close();
                case HALF_HANDSHAKE ->
                    channel.write(number % 2 == 0 ? hello.duplicate() : hello.slice(0, hello.limit() / 2));
                case TRICKLE_HANDSHAKE -> trickles = true;
                default -> {
                    if (tls == null) {
                        begin();
                    } else {
                        engine = tls.createSSLEngine();
                        engine.setUseClientMode(true);
                        engine.beginHandshake();
                        pump(false);
                    }
                }
            }
        }

        private void begin() throws IOException {
            begun = true;
            switch (kind) {
                case LEAKY, TRICKLE_BETWEEN -> send(GET);
                case TRICKLE_AFTER_FIN -> send(LAST_GET);
                case TWO -> send(TWO_GETS);
                case NEVER_READING, SLOW_READER -> {
                    send(BIG);
                    key.interestOps(0);
                    trickles = kind == Kind.SLOW_READER;
                }
                case RESET -> send(ONE_MIB);
                case TRICKLE_FIRST -> {
                    send(HEADER);
                    trickles = true;
                }
                case SLOW_BODY, SLOW_POST -> {
                    send(kind == Kind.SLOW_BODY ? POST : LONG_POST);
                    trickles = true;
                }
                default -> throw new IllegalStateException(kind.toString());
            }
        }

        private void onRead(int count) throws IOException {
            if (count < 0) {
                key.cancel();
                trickles = kind == Kind.TRICKLE_AFTER_FIN;
            } else if (count > 0 && kind == Kind.TRICKLE_BETWEEN && !trickles) {
                trickles = true;
                send(HEADER);
            } else if (count > 0 && kind == Kind.RESET) {
                channel.setOption(StandardSocketOptions.SO_LINGER, 0);
                channel.close();
            }
        }

        private void trickle() {
            try {
                if (!trickles) {
                    return;
                } else if (kind == Kind.TRICKLE_HANDSHAKE) {
                    channel.write(hello.slice(trickled++ % hello.limit(), 1));
                } else if (kind == Kind.TRICKLE_AFTER_FIN) {
                    channel.write(BYTE.duplicate());
                } else if (kind == Kind.SLOW_READER) {
                    if (channel.read(sink.clear().limit(READ_AT_ONCE)) < 0) {
                        end();
                    }
                } else if (kind == Kind.SLOW_POST) {
                    send(PART);
                } else {
                    send(BYTE);
                }
            } catch (IOException x) {
                end();
            }
        }

        private void send(ByteBuffer bytes) throws IOException {
            if (engine == null) {
                channel.write(bytes.duplicate());
            } else {
                engine.wrap(bytes.duplicate(), out.clear());
                channel.write(out.flip());
            }
        }

        /** Does what TLS wants next; returns the bytes for the application, negative at the end. */
        private int pump(boolean read) throws IOException {
            in.clear().put(rest);
            boolean end = read && channel.read(in) < 0;
            in.flip();
            int count = 0;
            for (boolean more = true; more && !engine.isInboundDone(); ) {
                switch (engine.getHandshakeStatus()) {
                    case NEED_TASK -> engine.getDelegatedTask().run();
                    case NEED_WRAP -> send(NOTHING);
                    default -> {
                        if (!begun && engine.getHandshakeStatus() == SSLEngineResult.HandshakeStatus.NOT_HANDSHAKING) {
                            begin();
                        }
                        SSLEngineResult result = engine.unwrap(in, sink.clear());
                        count += result.bytesProduced();
                        more = result.bytesConsumed() > 0
                                || result.getHandshakeStatus() == SSLEngineResult.HandshakeStatus.NEED_TASK;
                    }
                }
            }
            rest = new byte[in.remaining()];
            in.get(rest);
            return end || engine.isInboundDone() ? -1 : count;
        }
    }
}
