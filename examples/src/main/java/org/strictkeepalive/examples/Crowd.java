package org.strictkeepalive.examples;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * The clients of one server: ones that never close, and ones that must be served all the same. They run until closed.
 */
final class Crowd implements AutoCloseable {
    /** A visitor who waits longer has gone. */
    static final long DEADLINE_MS = 2000;

    private static final int POLITE = 10;
    private static final long POLITE_PAUSE_MS = 300;
    private static final long POLITE_TIMEOUT_MS = 10_000;
    private static final long VISIT_EVERY_MS = 100;
    private static final long TRICKLE_EVERY_MS = 1000;
    private static final byte[] REQUEST = ascii("GET / HTTP/1.1\r\nHost: demo\r\n\r\n");
    private static final byte[] HEADER = ascii("GET / HTTP/1.1\r\nHost: demo\r\nX-Trickle: ");
    private static final byte[] BODY = ascii("Hello, world!");

    final LongAdder served = new LongAdder();
    final LongAdder turnedAway = new LongAdder();
    final LongAdder politeServed = new LongAdder();
    final LongAdder politeLost = new LongAdder();
    private final ConcurrentLinkedQueue<Long> visitMillis = new ConcurrentLinkedQueue<>();

    private final InetSocketAddress address;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "crowd");
        thread.setDaemon(true);
        return thread;
    });
    private final List<SocketChannel> held = new ArrayList<>();
    private volatile boolean running = true;

    Crowd(InetSocketAddress address) {
        this.address = address;
    }

    /** Lets polite clients and visitors in. */
    void startGuests() {
        for (int i = 0; i < POLITE; i++) {
            threads.execute(this::bePolite);
        }
        threads.execute(() -> {
            long next = System.nanoTime();
            while (running) {
                threads.execute(this::visit);
                next += TimeUnit.MILLISECONDS.toNanos(VISIT_EVERY_MS);
                pauseUntil(next);
            }
        });
    }

    /** Lets clients in that never close, at a rate a second each. */
    void startLeaks(double leaky, double silent, double trickling) {
        threads.execute(() -> {
            try {
                leak(leaky, silent, trickling);
            } catch (IOException x) {
                // The selector failed: without leaks the demo would show nothing, and its result says so.
                running = false;
            }
        });
    }

    /** The longest visit so far that was answered, or given up, in milliseconds. */
    long slowestVisit() {
        return visitMillis.stream().mapToLong(Long::longValue).max().orElse(0);
    }

    int held() {
        synchronized (held) {
            return held.size();
        }
    }

    /** The leaks are opened, and kept until the end: also behind the server's FIN. */
    private void leak(double leaky, double silent, double trickling) throws IOException {
        double[] rates = {leaky, silent, trickling};
        byte[][] words = {REQUEST, new byte[0], HEADER};
        long[] opened = new long[rates.length];
        long start = System.nanoTime();
        long nextTrickle = start;
        List<SocketChannel> tricklers = new ArrayList<>();
        ByteBuffer sink = ByteBuffer.allocate(4096);
        try (Selector selector = Selector.open()) {
            while (running) {
                long now = System.nanoTime();
                for (int kind = 0; kind < rates.length; kind++) {
                    while (opened[kind] < rates[kind] * (now - start) / 1e9) {
                        opened[kind]++;
                        SocketChannel channel = SocketChannel.open();
                        synchronized (held) {
                            held.add(channel);
                        }
                        channel.configureBlocking(false);
                        channel.register(selector, SelectionKey.OP_CONNECT, words[kind]);
                        channel.connect(address);
                        if (kind == 2) {
                            tricklers.add(channel);
                        }
                    }
                }
                if (now - nextTrickle >= 0) {
                    nextTrickle += TimeUnit.MILLISECONDS.toNanos(TRICKLE_EVERY_MS);
                    for (SocketChannel channel : tricklers) {
                        trickle(channel);
                    }
                }
                selector.select(key -> serve(key, sink), 10);
            }
        }
    }

    private static void trickle(SocketChannel channel) {
        try {
            if (channel.isConnected()) {
                channel.write(ByteBuffer.wrap(ascii("a")));
            }
        } catch (IOException x) {
            // The server has closed; a client that leaks doesn't mind.
        }
    }

    private static void serve(SelectionKey key, ByteBuffer sink) {
        SocketChannel channel = (SocketChannel) key.channel();
        try {
            if (key.isConnectable() && channel.finishConnect()) {
                channel.write(ByteBuffer.wrap((byte[]) key.attachment()));
                key.interestOps(SelectionKey.OP_READ);
            } else if (key.isReadable() && channel.read(sink.clear()) < 0) {
                key.cancel();
            }
        } catch (IOException x) {
            key.cancel();
        }
    }

    private void bePolite() {
        Socket socket = null;
        while (running) {
            boolean reused = socket != null;
            try {
                if (socket == null) {
                    socket = connect(POLITE_TIMEOUT_MS);
                }
                boolean close = exchange(socket, POLITE_TIMEOUT_MS, reused);
                politeServed.increment();
                if (close) {
                    socket.close();
                    socket = null;
                }
            } catch (IOException x) {
                if (running) {
                    politeLost.increment();
                }
                closeQuietly(socket);
                socket = null;
            }
            pauseUntil(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(POLITE_PAUSE_MS));
        }
        closeQuietly(socket);
    }

    private void visit() {
        long start = System.nanoTime();
        boolean answered = false;
        try (Socket socket = connect(DEADLINE_MS)) {
            exchange(socket, DEADLINE_MS - millisSince(start), false);
            answered = true;
        } catch (IOException x) {
            // Counted below.
        }
        if (running) {
            long took = millisSince(start);
            visitMillis.add(took);
            (answered && took <= DEADLINE_MS ? served : turnedAway).increment();
        }
    }

    private static long millisSince(long start) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    }

    private Socket connect(long timeoutMs) throws IOException {
        Socket socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.connect(address, (int) timeoutMs);
            return socket;
        } catch (IOException x) {
            socket.close();
            throw x;
        }
    }

    /** Sends a request and reads the answer; true if that says close. */
    private static boolean exchange(Socket socket, long timeoutMs, boolean reused) throws IOException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        socket.getOutputStream().write(REQUEST);
        InputStream in = socket.getInputStream();
        StringBuilder text = new StringBuilder();
        byte[] bytes = new byte[1024];
        while (true) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                throw new SocketTimeoutException();
            }
            socket.setSoTimeout((int) left);
            int count = in.read(bytes);
            if (count < 0) {
                throw new EOFException(reused ? "closed between requests" : "closed without an answer");
            }
            text.append(new String(bytes, 0, count, StandardCharsets.ISO_8859_1));
            int head = text.indexOf("\r\n\r\n");
            if (head >= 0 && text.length() >= head + 4 + BODY.length) {
                if (!text.substring(head + 4).equals(new String(BODY, StandardCharsets.ISO_8859_1))) {
                    throw new IOException("wrong answer: " + text);
                }
                return text.substring(0, head).toLowerCase(Locale.ROOT).contains("connection: close");
            }
        }
    }

    private void pauseUntil(long nanoTime) {
        try {
            long left = nanoTime - System.nanoTime();
            if (left > 0) {
                TimeUnit.NANOSECONDS.sleep(left);
            }
        } catch (InterruptedException x) {
            running = false;
            Thread.currentThread().interrupt();
        }
    }

    private static void closeQuietly(Socket socket) {
        try {
            if (socket != null) {
                socket.close();
            }
        } catch (IOException x) {
            // It is gone either way.
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @Override
    public void close() {
        running = false;
        threads.shutdownNow();
        synchronized (held) {
            for (SocketChannel channel : held) {
                try {
                    channel.close();
                } catch (IOException x) {
                    // It is gone either way.
                }
            }
            held.clear();
        }
    }
}
