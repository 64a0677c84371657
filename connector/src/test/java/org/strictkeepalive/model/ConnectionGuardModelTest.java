package org.strictkeepalive.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.server.DescriptorProbe;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.StatesWalk;

/**
 * The guard and Jetty's own connection on an endpoint in memory, in virtual time and on one thread: random
 * interleavings of bytes, completions and the passing of time, beside a model of when the server has to close.
 */
class ConnectionGuardModelTest {
    private static final long MS = 1_000_000L;
    private static final long FIRST = 5_000 * MS;
    private static final long HEADER = 3_000 * MS;
    private static final long IDLE = 2_000 * MS;
    private static final long LINGER = 1_000 * MS;
    /** A tick, and the width of a bucket. */
    private static final long LATE = 130 * MS;

    private static final String REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private static final FakeScheduler SCHEDULER = new FakeScheduler();
    private static final Deque<Exchange> HELD = new ArrayDeque<>();
    private static int executed;
    private static Server server;
    private static FakeConnector connector;
    private static MemoryEndPoint last;
    private static StrictKeepAliveConnectionFactory factory;
    private static DescriptorMonitor monitor;

    private record Exchange(Response response, Callback callback) {}

    /** A count that never matters. */
    private static final class PlentyProbe implements DescriptorProbe {
        @Override
        public String name() {
            return "plenty";
        }

        @Override
        public long used() {
            return 100;
        }

        @Override
        public long limit() {
            return 100_000;
        }

        @Override
        public boolean isCheap() {
            return true;
        }
    }

    @BeforeContainer
    static void start() throws Exception {
        server = new Server();
        monitor = Inside.monitor(SCHEDULER, new PlentyProbe(), () -> SCHEDULER.now);
        server.addBean(monitor);
        factory = new StrictKeepAliveConnectionFactory(
                new HttpConfiguration(),
                KeepAlivePolicy.builder()
                        .firstRequestTimeout(Duration.ofNanos(FIRST))
                        .requestHeaderTimeout(Duration.ofNanos(HEADER))
                        .keepAliveTimeout(Duration.ofNanos(IDLE))
                        .lingerTimeout(Duration.ofNanos(LINGER))
                        .build());
        connector = new FakeConnector(server, Runnable::run, 0, factory);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                executed++;
                HELD.add(new Exchange(response, callback));
                return true;
            }
        });
        server.start();
    }

    @AfterContainer
    static void stop() throws Exception {
        server.stop();
        KeepAliveStatistics statistics = monitor.getStatistics();
        assertEquals(0, statistics.getOpen());
        assertEquals(statistics.getOpened(), statistics.getClosed());
        StatesWalk.assertCounted(monitor);
    }

    // ---- The model

    private MemoryEndPoint endPoint;
    private ConnectionGuard guard;
    /** The bytes sent that belong to no request that was executed. */
    private int unread;

    private int lastSent;

    private boolean busy;
    private long deadline;
    private long shutAt;
    private boolean closing;
    private int mustExecute;
    private int answered;
    private final StringBuilder output = new StringBuilder();

    private void open() {
        if (last != null) {
            last.close();
        }
        endPoint = new MemoryEndPoint(SCHEDULER);
        last = endPoint;
        Connection connection = factory.newConnection(connector, endPoint);
        guard = ConnectionGuard.of(connection.getEndPoint());
        endPoint.setConnection(connection);
        endPoint.onOpen();
        connection.onOpen();
        unread = 0;
        lastSent = 0;
        busy = false;
        closing = false;
        shutAt = -1;
        deadline = SCHEDULER.now + FIRST;
        HELD.clear();
        executed = 0;
        mustExecute = 0;
        answered = 0;
        output.setLength(0);
    }

    private void send(int bytes) {
        boolean first = unread == 0;
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < bytes; i++) {
            text.append(REQUEST.charAt((unread + i) % REQUEST.length()));
        }
        if (!closing && !busy && first) {
            long header = SCHEDULER.now + HEADER;
            deadline = mustExecute > 0 ? header : Math.min(deadline, header);
        }
        if (!closing) {
            unread += bytes;
            lastSent = bytes;
            if (!busy) {
                next();
            }
        }
        endPoint.addInput(text.toString());
    }

    /** A whole request that is there is executed. */
    private void next() {
        if (unread >= REQUEST.length()) {
            unread -= REQUEST.length();
            busy = true;
            mustExecute++;
        }
    }

    private void complete() {
        Exchange exchange = HELD.remove();
        answered++;
        busy = false;
        deadline = SCHEDULER.now + (unread > 0 ? HEADER : IDLE);
        next();
        exchange.response.write(true, ByteBuffer.wrap(new byte[] {'x'}), exchange.callback);
    }

    private void check() throws IOException {
        output.append(endPoint.takeOutputString());
        long now = SCHEDULER.now;
        boolean shut = endPoint.isOutputShutdown() || !endPoint.isOpen();
        assertEquals(mustExecute, executed, "each whole request is executed, and none behind a close");
        assertEquals(answered, count("HTTP/1.1 200 OK"));
        if (busy) {
            assertFalse(shut, "a request in progress is cut");
            assertEquals(ConnectionState.BUSY, guard.state());
        } else if (!closing) {
            if (now < deadline) {
                assertFalse(shut, () -> "closed " + (deadline - now) / MS + " ms early");
            } else if (now >= deadline + LATE) {
                assertTrue(shut, () -> "still open " + (now - deadline) / MS + " ms after its time");
            }
            if (shut) {
                closing = true;
                shutAt = now;
                // Not where all there is of it came in the read of the request before.
                boolean answered408 = unread > 0 && unread >= lastSent;
                assertEquals(answered408 ? 1 : 0, count("HTTP/1.1 408"), output::toString);
            }
        } else if (now >= shutAt + LINGER + LATE) {
            assertFalse(endPoint.isOpen(), "the descriptor is free after the linger");
        }
        KeepAliveStatistics statistics = monitor.getStatistics();
        assertEquals(statistics.getOpened(), statistics.getOpen() + statistics.getClosed());
        assertEquals(endPoint.isOpen() ? 1 : 0, statistics.getOpen());
        StatesWalk.assertCounted(monitor);
    }

    private int count(String text) {
        int count = 0;
        for (int i = output.indexOf(text); i >= 0; i = output.indexOf(text, i + 1)) {
            count++;
        }
        return count;
    }

    @Example
    void aPartThatCameWithTheRequestBeforeIsTimedFromTheEndOfThatExchange() throws IOException {
        open();
        send(REQUEST.length() + 1);
        complete();
        check();
        assertEquals(ConnectionState.READING, guard.state());
        while (SCHEDULER.now - deadline < LATE) {
            SCHEDULER.advance(50 * MS);
            check();
        }
        assertTrue(closing);
    }

    /** The same sequences at each build; CrowdModelTest has new ones. */
    @Property(tries = 1000, shrinking = ShrinkingMode.OFF, seed = "20261124")
    void aConnectionLivesAsItsModel(@ForAll long seed, @ForAll @IntRange(min = 1, max = 80) int steps)
            throws IOException {
        Random random = new Random(seed);
        open();
        check();
        for (int i = 0; i < steps; i++) {
            switch (random.nextInt(8)) {
                case 0 -> send(1);
                case 1 -> send(1 + random.nextInt(REQUEST.length()));
                case 2 -> {
                    if (unread < REQUEST.length()) {
                        send(REQUEST.length() - unread);
                    }
                }
                case 3 -> send(REQUEST.length() * (1 + random.nextInt(3)));
                case 4, 5 -> {
                    if (busy) {
                        complete();
                    }
                }
                default -> pass(random.nextInt(3) == 0 ? 2_500 : 300, random);
            }
            check();
        }
        // Whatever the client does, a connection without a request in progress ends.
        while (busy) {
            complete();
            check();
        }
        for (int i = 0; i < 70; i++) {
            SCHEDULER.advance(100 * MS);
            if (random.nextBoolean() && (closing || unread + 1 < REQUEST.length())) {
                send(1);
            }
            check();
        }
        assertFalse(endPoint.isOpen());
        assertEquals(List.of(), List.copyOf(HELD));
    }

    /** In steps of a tick at most, so that the time of a close is known as well. */
    private void pass(int most, Random random) throws IOException {
        for (int left = random.nextInt(most); left > 0; left -= 50) {
            SCHEDULER.advance(Math.min(left, 50) * MS);
            check();
        }
    }
}
