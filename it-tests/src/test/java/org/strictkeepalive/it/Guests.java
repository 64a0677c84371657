package org.strictkeepalive.it;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Clients that have to be served during a storm: polite persistent ones, a fresh visitor ten times a second, and some
 * whose requests are long in progress.
 */
final class Guests implements AutoCloseable {
    /** A visitor who waits longer has gone. It is long before plain Jetty's idle timeout frees a descriptor. */
    static final long DEADLINE_MS = 20_000;

    private static final int POLITE = 10;
    private static final int POLITE_PAUSE_MS = 300;
    private static final int PATIENCE_MS = 60_000;
    private static final int VISIT_EVERY_MS = 100;
    private static final int HEARTBEAT_MS = 10;
    private static final String SLOW = "/slow?ms=2000";
    private static final String BIG = "/big?mib=8";
    /** Four MiB a second. */
    private static final int READING_PAUSE_MS = 15;

    /** A visitor: when it came, how long it took, and what went wrong, null for nothing. */
    record Visit(long at, long millis, String failure) {}

    final ConcurrentLinkedQueue<Visit> visits = new ConcurrentLinkedQueue<>();
    final AtomicInteger politeServed = new AtomicInteger();
    /** How often a polite one had to open another connection. */
    final AtomicInteger toldToClose = new AtomicInteger();
    /** Requests on reused connections that ended before a byte of the answer, and were sent again on fresh ones. */
    final AtomicInteger races = new AtomicInteger();
    /** What happened to those who were not served. */
    final ConcurrentLinkedQueue<String> politeLost = new ConcurrentLinkedQueue<>();

    final AtomicInteger whole = new AtomicInteger();
    final ConcurrentLinkedQueue<String> broken = new ConcurrentLinkedQueue<>();

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Http http;
    private final long deadlineMs;
    private final long patienceMs;
    private final Control control;
    private volatile long stall;
    private volatile boolean running = true;

    Guests(Http http) {
        this(http, DEADLINE_MS, PATIENCE_MS, new Control());
    }

    /**
     * Sends guests.
     *
     * @param deadlineMs how long a visitor waits
     * @param patienceMs how long the others wait
     * @param control what to look at meanwhile, null for nothing
     */
    Guests(Http http, long deadlineMs, long patienceMs, Control control) {
        this.http = http;
        this.deadlineMs = deadlineMs;
        this.patienceMs = patienceMs;
        this.control = control;
        for (int i = 0; i < POLITE; i++) {
            threads.execute(this::bePolite);
        }
        for (String path : List.of(SLOW, SLOW, BIG, BIG)) {
            threads.execute(() -> beLong(path));
        }
        threads.execute(this::sendVisitors);
    }

    /** Sends visitors, and notices by the way when the machine itself stands still. */
    private void sendVisitors() {
        long next = System.nanoTime();
        while (running) {
            threads.execute(this::visit);
            next += TimeUnit.MILLISECONDS.toNanos(VISIT_EVERY_MS);
            do {
                long before = System.nanoTime();
                Http.pause(HEARTBEAT_MS);
                long late = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before) - HEARTBEAT_MS;
                stall = Math.max(stall, late);
            } while (System.nanoTime() - next < 0);
        }
    }

    private void visit() {
        long start = System.nanoTime();
        String failure = null;
        try {
            http.get("/", deadlineMs);
        } catch (IOException x) {
            failure = x.toString();
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        visits.add(new Visit(start, millis, failure == null && millis > deadlineMs ? "late" : failure));
    }

    private void beLong(String path) {
        while (running) {
            try (Socket socket = http.connect(patienceMs)) {
                Http.ask(socket, path);
                Http.answer(socket, patienceMs, READING_PAUSE_MS);
                whole.incrementAndGet();
            } catch (IOException x) {
                broken.add(path + ": " + x);
            }
        }
    }

    private void bePolite() {
        Socket socket = null;
        int requests = 0;
        while (running) {
            try {
                if (socket != null && isClosed(socket)) {
                    toldToClose.incrementAndGet();
                    socket.close();
                    socket = null;
                }
                if (socket == null) {
                    socket = http.connect(patienceMs);
                    requests = 0;
                }
                Http.Answer answer;
                try {
                    answer = Http.exchange(socket, "/", patienceMs);
                } catch (Http.NoAnswerException x) {
                    socket.close();
                    if (requests == 0) {
                        throw x;
                    }
                    races.incrementAndGet();
                    socket = http.connect(patienceMs);
                    requests = 0;
                    answer = Http.exchange(socket, "/", patienceMs);
                }
                requests++;
                politeServed.incrementAndGet();
                if (answer.saysClose()) {
                    toldToClose.incrementAndGet();
                    socket.close();
                    socket = null;
                }
            } catch (IOException x) {
                politeLost.add("after " + requests + " requests: " + x);
                socket = null;
            }
            Http.pause(POLITE_PAUSE_MS);
        }
        try {
            if (socket != null) {
                socket.close();
            }
        } catch (IOException x) {
            politeLost.add(x.toString());
        }
    }

    /** Looks, as clients do before they use a connection again, whether the server has closed it. */
    static boolean isClosed(Socket socket) throws IOException {
        socket.setSoTimeout(1);
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException x) {
            return false;
        }
    }

    /** Waits until the polite ones have come and been answered. */
    Guests settle() {
        while (politeServed.get() < 2 * POLITE) {
            Http.pause(HEARTBEAT_MS);
        }
        return this;
    }

    /** The longest time, in milliseconds, for which this process did not run though it wanted to. */
    long stall() {
        return stall;
    }

    /** What an idle server gave its visitors meanwhile; null where nobody looked. */
    Control control() {
        return control;
    }

    /** Those who came from a time on, the quickest first. */
    List<Visit> visitsSince(long nanoTime) {
        return visits.stream()
                .filter(visit -> visit.at - nanoTime >= 0)
                .sorted((a, b) -> Long.compare(a.millis, b.millis))
                .toList();
    }

    /** The milliseconds within which 99 of 100 were done. */
    static long p99(List<Visit> sorted) {
        return sorted.isEmpty() ? 0 : sorted.get((int) Math.ceil(sorted.size() * 0.99) - 1).millis;
    }

    /** Stops; requests in progress are finished. */
    @Override
    public void close() throws InterruptedException {
        running = false;
        if (control != null) {
            control.close();
        }
        threads.shutdown();
        if (!threads.awaitTermination(patienceMs * 2, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("the guests themselves hang");
        }
    }
}
