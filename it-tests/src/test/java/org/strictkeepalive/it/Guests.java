package org.strictkeepalive.it;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Clients that have to be served during a storm: polite persistent ones, and a fresh visitor ten times a second. */
final class Guests implements AutoCloseable {
    static final long DEADLINE_MS = 2000;
    private static final int POLITE = 10;
    private static final long POLITE_PAUSE_MS = 300;
    private static final long POLITE_TIMEOUT_MS = 10_000;
    private static final long VISIT_EVERY_MS = 100;
    private static final String HELLO = "Hello, world!";
    private static final byte[] GET = "GET / HTTP/1.1\r\nHost: test\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    final AtomicInteger politeServed = new AtomicInteger();
    final AtomicInteger toldToClose = new AtomicInteger();
    /** Requests on reused connections that ended before a byte of the answer, and were sent again on fresh ones. */
    final AtomicInteger races = new AtomicInteger();
    /** What happened to those who were not served. */
    final ConcurrentLinkedQueue<String> politeLost = new ConcurrentLinkedQueue<>();

    final ConcurrentLinkedQueue<String> turnedAway = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Long> visits = new ConcurrentLinkedQueue<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final InetSocketAddress address;
    private volatile boolean running = true;

    /** The connection ended before the first byte of an answer. */
    private static final class NoAnswerException extends IOException {
        private static final long serialVersionUID = 1L;

        private NoAnswerException(String message) {
            super(message);
        }
    }

    Guests(InetSocketAddress address) {
        this.address = address;
        for (int i = 0; i < POLITE; i++) {
            threads.execute(this::bePolite);
        }
        threads.execute(() -> {
            long next = System.nanoTime();
            while (running) {
                threads.execute(this::visit);
                next += TimeUnit.MILLISECONDS.toNanos(VISIT_EVERY_MS);
                pause(next - System.nanoTime());
            }
        });
    }

    private void visit() {
        long start = System.nanoTime();
        String failure = null;
        try (Socket socket = connect(DEADLINE_MS)) {
            exchange(socket, DEADLINE_MS);
        } catch (IOException x) {
            failure = x.toString();
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        visits.add(millis);
        if (failure != null || millis > DEADLINE_MS) {
            turnedAway.add(millis + " ms: " + failure);
        }
    }

    private void bePolite() {
        Socket socket = null;
        int requests = 0;
        while (running) {
            try {
                if (socket == null) {
                    socket = connect(POLITE_TIMEOUT_MS);
                    requests = 0;
                }
                boolean close;
                try {
                    close = exchange(socket, POLITE_TIMEOUT_MS);
                } catch (NoAnswerException x) {
                    socket.close();
                    if (requests == 0) {
                        throw x;
                    }
                    races.incrementAndGet();
                    socket = connect(POLITE_TIMEOUT_MS);
                    requests = 0;
                    close = exchange(socket, POLITE_TIMEOUT_MS);
                }
                requests++;
                politeServed.incrementAndGet();
                if (close) {
                    toldToClose.incrementAndGet();
                    socket.close();
                    socket = null;
                }
            } catch (IOException x) {
                politeLost.add("after " + requests + " requests: " + x);
                socket = null;
            }
            pause(TimeUnit.MILLISECONDS.toNanos(POLITE_PAUSE_MS));
        }
        try {
            if (socket != null) {
                socket.close();
            }
        } catch (IOException x) {
            politeLost.add(x.toString());
        }
    }

    private static void pause(long nanos) {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException x) {
            Thread.currentThread().interrupt();
        }
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

    /** One request and its whole answer; true if that says close. */
    private static boolean exchange(Socket socket, long timeoutMs) throws IOException {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        StringBuilder text = new StringBuilder();
        byte[] bytes = new byte[1024];
        try {
            socket.getOutputStream().write(GET);
        } catch (SocketException x) {
            throw new NoAnswerException(x.toString());
        }
        InputStream in = socket.getInputStream();
        while (text.indexOf(HELLO) < 0) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                throw new SocketTimeoutException();
            }
            socket.setSoTimeout((int) left);
            int count;
            try {
                count = in.read(bytes);
            } catch (SocketException x) {
                throw text.isEmpty() ? new NoAnswerException(x.toString()) : x;
            }
            if (count < 0) {
                throw text.isEmpty() ? new NoAnswerException("closed") : new EOFException("closed behind: " + text);
            }
            text.append(new String(bytes, 0, count, StandardCharsets.ISO_8859_1));
        }
        return text.toString().toLowerCase(Locale.ROOT).contains("\r\nconnection: close");
    }

    /** The visits' milliseconds, sorted. */
    List<Long> visits() {
        List<Long> result = new ArrayList<>(visits);
        Collections.sort(result);
        return result;
    }

    /** Stops; requests in progress are finished. */
    @Override
    public void close() throws InterruptedException {
        running = false;
        threads.shutdown();
        if (!threads.awaitTermination(POLITE_TIMEOUT_MS * 2, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("the guests themselves hang");
        }
    }
}
