package org.strictkeepalive.examples;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
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
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;

/**
 * The clients of one server: ones that never close, and ones that must be served all the same. They run until closed.
 */
final class Crowd implements AutoCloseable {
    /** A visitor who waits longer has gone. */
    static final long DEADLINE_MS = 2000;

    private static final int POLITE = 10;
    private static final long POLITE_PAUSE_MS = 300;
    private static final long POLITE_TIMEOUT_MS = 5000;
    private static final long VISIT_EVERY_MS = 100;
    private static final long FAREWELL_MS = 2 * POLITE_TIMEOUT_MS;
    private static final long WARM_UP_MS = 5000;
    private static final long WARM_ANSWER_MS = 50;
    private static final int WARM_ANSWERS = 50;
    private static final long TRICKLE_EVERY_MS = 1000;
    private static final byte[] REQUEST = ascii("GET / HTTP/1.1\r\nHost: demo\r\n\r\n");
    private static final byte[] HEADER = ascii("GET / HTTP/1.1\r\nHost: demo\r\nX-Trickle: ");
    private static final byte[] BODY = ascii("Hello, world!");

    final LongAdder served = new LongAdder();
    final LongAdder turnedAway = new LongAdder();
    final LongAdder politeServed = new LongAdder();
    final LongAdder politeLost = new LongAdder();
    final LongAdder politeRetried = new LongAdder();
    private final ConcurrentLinkedQueue<Long> visitMillis = new ConcurrentLinkedQueue<>();

    private final InetSocketAddress address;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "crowd");
        thread.setDaemon(true);
        return thread;
    });
    private final List<SocketChannel> held = new ArrayList<>();
    private final Phaser guests = new Phaser(1);
    private volatile boolean inviting = true;
    private volatile boolean running = true;
    private volatile IOException failure;

    Crowd(InetSocketAddress address) {
        this.address = address;
    }

    /**
     * Asks until the server answers quickly. A server that has just started loads its classes at its first requests,
     * which on a busy machine takes longer than a visitor waits, and has nothing to do with what the demo shows.
     */
    void warmUp() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WARM_UP_MS);
        int quick = 0;
        while (quick < WARM_ANSWERS && System.nanoTime() - end < 0) {
            long start = System.nanoTime();
            try (Socket socket = connect(end)) {
                exchange(socket, end);
                quick = millisSince(start) <= WARM_ANSWER_MS ? quick + 1 : 0;
            } catch (IOException x) {
                quick = 0;
                TimeUnit.MILLISECONDS.sleep(WARM_ANSWER_MS);
            }
        }
    }

    /** Lets polite clients and visitors in. */
    void startGuests() {
        for (int i = 0; i < POLITE; i++) {
            letIn(this::bePolite);
        }
        letIn(() -> {
            long next = System.nanoTime();
            while (inviting) {
                letIn(this::visit);
                next += TimeUnit.MILLISECONDS.toNanos(VISIT_EVERY_MS);
                pauseUntil(next);
            }
        });
    }

    private void letIn(Runnable guest) {
        guests.register();
        threads.execute(() -> {
            try {
                guest.run();
            } finally {
                guests.arriveAndDeregister();
            }
        });
    }

    /** Lets no more guests in; those who wait for an answer still get it, or lose it. */
    void stopInviting() {
        inviting = false;
    }

    /** Waits until the last guest has gone, so that nobody is left out of the count. */
    void awaitGuests() throws InterruptedException {
        try {
            guests.awaitAdvanceInterruptibly(guests.arriveAndDeregister(), FAREWELL_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException x) {
            throw new IllegalStateException("The clients of the demo did not come to an end", x);
        }
    }

    /** Fails if the leaks could not be opened: without them the numbers say nothing. */
    void requireLeaks() throws IOException {
        if (failure != null) {
            throw new IOException("The clients that leak failed: " + failure, failure);
        }
    }

    /** Lets clients in that never close, at a rate a second each. */
    void startLeaks(double leaky, double silent, double trickling) {
        threads.execute(() -> {
            try {
                leak(leaky, silent, trickling);
            } catch (IOException x) {
                if (running) {
                    failure = x;
                }
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
        while (inviting) {
            if (socket != null && isClosedByServer(socket)) {
                closeQuietly(socket);
                socket = null;
            }
            try {
                socket = ask(socket, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(POLITE_TIMEOUT_MS));
                politeServed.increment();
            } catch (IOException x) {
                socket = null;
                if (running) {
                    politeLost.increment();
                }
            }
            pauseUntil(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(POLITE_PAUSE_MS));
        }
        closeQuietly(socket);
    }

    /**
     * A request of a polite client, on the connection that it has, or a new one. Only where the server closed that one
     * before a byte of the answer, as a close that crosses the request does, it may be asked once more.
     *
     * @return the connection to go on with, null where the server doesn't want that
     */
    private Socket ask(Socket reused, long end) throws IOException {
        if (reused != null) {
            try {
                return exchangeAndKeep(reused, end);
            } catch (UnansweredException x) {
                politeRetried.increment();
            }
        }
        return exchangeAndKeep(connect(end), end);
    }

    private static Socket exchangeAndKeep(Socket socket, long end) throws IOException {
        boolean keep = false;
        try {
            keep = !exchange(socket, end);
            return keep ? socket : null;
        } finally {
            if (!keep) {
                closeQuietly(socket);
            }
        }
    }

    /** Whether the server has ended the connection while it was idle. */
    private static boolean isClosedByServer(Socket socket) {
        try {
            socket.setSoTimeout(1);
            // Bytes that nobody asked for, such as a 408, announce a close.
            return socket.getInputStream().read() >= -1;
        } catch (SocketTimeoutException x) {
            return false;
        } catch (IOException x) {
            return true;
        }
    }

    private void visit() {
        long start = System.nanoTime();
        long end = start + TimeUnit.MILLISECONDS.toNanos(DEADLINE_MS);
        boolean answered = false;
        try (Socket socket = connect(end)) {
            exchange(socket, end);
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

    private Socket connect(long end) throws IOException {
        Socket socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.connect(address, millisUntil(end));
            return socket;
        } catch (IOException x) {
            socket.close();
            throw x;
        }
    }

    private static int millisUntil(long end) throws SocketTimeoutException {
        long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
        if (left <= 0) {
            throw new SocketTimeoutException();
        }
        return (int) left;
    }

    /** Sends a request and reads the answer; true if that says close. */
    private static boolean exchange(Socket socket, long end) throws IOException {
        StringBuilder text = new StringBuilder();
        byte[] bytes = new byte[1024];
        try {
            socket.getOutputStream().write(REQUEST);
            InputStream in = socket.getInputStream();
            while (true) {
                socket.setSoTimeout(millisUntil(end));
                int count = in.read(bytes);
                if (count < 0) {
                    throw new SocketException("closed by the server");
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
        } catch (SocketException x) {
            throw text.isEmpty() ? new UnansweredException(x) : x;
        }
    }

    /** The connection ended before a byte of the answer. */
    private static final class UnansweredException extends IOException {
        private static final long serialVersionUID = 1L;

        private UnansweredException(IOException cause) {
            super(cause);
        }
    }

    private void pauseUntil(long nanoTime) {
        try {
            long left = nanoTime - System.nanoTime();
            if (left > 0) {
                TimeUnit.NANOSECONDS.sleep(left);
            }
        } catch (InterruptedException x) {
            inviting = false;
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
        inviting = false;
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
