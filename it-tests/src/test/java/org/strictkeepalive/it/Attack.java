package org.strictkeepalive.it;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Clients that never close, not even behind the server's FIN: one thread holds them all. */
final class Attack implements AutoCloseable {
    /** What such a client does. */
    enum Kind {
        /** Takes one response. */
        LEAKY,
        /** Asks for one response and a close, takes both, and stays. */
        FIN_IGNORING,
        /** Says nothing. */
        SILENT,
        /** Sends the header of its first request a byte each half second. */
        TRICKLE_FIRST,
        /** Takes one response, then sends the header of the next request a byte each half second. */
        TRICKLE_BETWEEN,
        /** Sends the body of its request a byte each half second. */
        SLOW_BODY
    }

    private static final ByteBuffer GET = ascii("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    private static final ByteBuffer LAST_GET = ascii("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    private static final ByteBuffer HEADER = ascii("GET / HTTP/1.1\r\nHost: test\r\nX-Trickle: ");
    private static final ByteBuffer POST =
            ascii("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n");
    private static final ByteBuffer BYTE = ascii("x");
    private static final long TRICKLE_EVERY = TimeUnit.MILLISECONDS.toNanos(500);

    private final List<Client> clients = new ArrayList<>();
    private final AtomicInteger connected = new AtomicInteger();
    private final Thread thread;
    private volatile boolean running = true;
    private volatile Throwable failure;

    private static final class Client {
        private final Kind kind;
        private final SocketChannel channel;
        private boolean trickles;
        private boolean ended;

        private Client(Kind kind, SocketChannel channel) {
            this.kind = kind;
            this.channel = channel;
        }
    }

    /**
     * Starts an attack.
     *
     * @param kinds what the clients do, in turn
     * @param count how many there are
     * @param perSecond how many are opened a second, 0 for all at once
     */
    Attack(InetSocketAddress address, List<Kind> kinds, int count, int perSecond) {
        thread = new Thread(
                () -> {
                    try {
                        run(address, kinds, count, perSecond);
                    } catch (IOException | RuntimeException x) {
                        failure = x;
                    }
                },
                "attack");
        thread.start();
    }

    private void run(InetSocketAddress address, List<Kind> kinds, int count, int perSecond) throws IOException {
        long start = System.nanoTime();
        long nextTrickle = start;
        ByteBuffer sink = ByteBuffer.allocate(8192);
        try (Selector selector = Selector.open()) {
            while (running) {
                long now = System.nanoTime();
                while (clients.size() < count && (perSecond == 0 || clients.size() < perSecond * (now - start) / 1e9)) {
                    Client client = new Client(kinds.get(clients.size() % kinds.size()), SocketChannel.open());
                    clients.add(client);
                    client.channel.configureBlocking(false);
                    client.channel.register(selector, SelectionKey.OP_CONNECT, client);
                    client.channel.connect(address);
                }
                if (now - nextTrickle >= 0) {
                    nextTrickle += TRICKLE_EVERY;
                    for (Client client : clients) {
                        if (client.trickles && !client.ended) {
                            send(client, BYTE);
                        }
                    }
                }
                selector.select(key -> serve(key, sink), 10);
            }
        } finally {
            for (Client client : clients) {
                client.channel.close();
            }
        }
    }

    private void serve(SelectionKey key, ByteBuffer sink) {
        Client client = (Client) key.attachment();
        try {
            if (key.isConnectable() && client.channel.finishConnect()) {
                key.interestOps(SelectionKey.OP_READ);
                connected.incrementAndGet();
                switch (client.kind) {
                    case LEAKY, TRICKLE_BETWEEN -> send(client, GET);
                    case FIN_IGNORING -> send(client, LAST_GET);
                    case TRICKLE_FIRST -> send(client, HEADER);
                    case SLOW_BODY -> send(client, POST);
                    case SILENT -> {}
                }
                client.trickles = client.kind == Kind.TRICKLE_FIRST || client.kind == Kind.SLOW_BODY;
            } else if (key.isReadable()) {
                int read = client.channel.read(sink.clear());
                if (read < 0) {
                    key.cancel(); // and the socket stays open
                } else if (client.kind == Kind.TRICKLE_BETWEEN && !client.trickles) {
                    client.trickles = true;
                    send(client, HEADER);
                }
            }
        } catch (IOException x) {
            client.ended = true;
            key.cancel();
        }
    }

    private static void send(Client client, ByteBuffer bytes) {
        try {
            if (client.channel.isConnected()) {
                client.channel.write(bytes.duplicate());
            }
        } catch (IOException x) {
            client.ended = true;
        }
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)).asReadOnlyBuffer();
    }

    /** How many clients have connected so far. */
    int connected() {
        return connected.get();
    }

    /** Ends the attack; throws what ended it before. */
    @Override
    public void close() throws InterruptedException {
        running = false;
        thread.join();
        if (failure != null) {
            throw new IllegalStateException("the attack itself failed", failure);
        }
    }
}
