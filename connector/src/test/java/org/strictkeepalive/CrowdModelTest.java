package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.io.SelectorManager.AcceptListener;
import org.eclipse.jetty.logging.JettyLevel;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.HostPort;
import org.eclipse.jetty.util.component.AbstractLifeCycle;
import org.eclipse.jetty.util.thread.ThreadPool;
import org.eclipse.jetty.util.thread.TryExecutor;
import org.slf4j.LoggerFactory;

/**
 * Many connections on a server with few descriptors, in virtual time and on one thread: whatever clients, the
 * application, the operator and the machine do, in whatever order, the invariants of the design hold. All but the
 * sixth, which is about a policy that does nothing ({@link WireIdentityTest}).
 *
 * <p>A sequence depends on its seed alone. One that fails names its seed; {@code -Dcrowd.seed=…} runs just that one
 * and tells its steps, {@code -Dcrowd.sequences=…} runs more than the usual number.
 */
class CrowdModelTest {
    private static final int TRIES = 100;
    private static final int SEQUENCES = Integer.getInteger("crowd.sequences", 20_000);
    private static final Long ONLY_SEED = Long.getLong("crowd.seed");

    private static final long MS = 1_000_000L;
    private static final int FIRST_MS = 5_000;
    private static final int HEADER_MS = 3_000;
    private static final int LONGEST_KEEP_ALIVE_MS = 5_000;
    private static final long LINGER = 1_000 * MS;
    /** A tick, the width of a bucket, and a step of the model's time. */
    private static final long LATE = 230 * MS;
    /** The least grace of an exchange that waits for its client. */
    private static final long GRACE = 500 * MS;
    /** The linger at HIGH. */
    private static final long LEAST_LINGER = 250 * MS;

    private static final int MOST_CLIENTS = 12;
    private static final String HOST = " HTTP/1.1\r\nHost: a\r\n";
    private static final String GET = "GET /" + HOST + "\r\n";
    private static final String LAST = "GET /" + HOST + "Connection: close\r\n\r\n";
    private static final String UPGRADE = "GET /up" + HOST + "Connection: Upgrade\r\nUpgrade: x\r\n\r\n";
    private static final String LENGTH = HOST + "Content-Length: 10\r\n\r\n0123456789";
    private static final String CHUNKED =
            HOST + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n";
    private static final String BAD = "G@T / HTTP/1.1\r\n\r\n";

    private final List<Client> clients = new ArrayList<>();
    private final Machine machine = new Machine();
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private FakeScheduler scheduler;
    private Server server;
    private FakeConnector connector;
    private StrictKeepAliveConnectionFactory factory;
    private DescriptorMonitor monitor;
    private int accepted;
    private int tunnels;
    private long policyAt;
    private long pressedAt;
    private long criticalAt;

    /** The descriptors of the process: those of the connections and what the application holds. */
    private final class Machine implements DescriptorProbe {
        private int held;
        private int limit;
        private boolean fails;

        @Override
        public String name() {
            return "machine";
        }

        @Override
        public long used() throws IOException {
            if (monitor != null) {
                note(monitor.pressure());
            }
            if (fails) {
                throw new IOException("on purpose");
            }
            int used = held;
            for (Client client : clients) {
                used += client.isOpen() ? 1 : 0;
            }
            return used;
        }

        @Override
        public long limit() {
            return limit;
        }

        @Override
        public boolean isCheap() {
            return true;
        }
    }

    /** Runs tasks later, on the thread of the model; but no acceptor, which would wait there. */
    private final class Caller implements ThreadPool, TryExecutor {
        @Override
        public boolean tryExecute(Runnable task) {
            execute(task);
            return true;
        }

        @Override
        public void execute(Runnable task) {
            if (!server.isStarting()) {
                tasks.add(task);
            }
        }

        @Override
        public void join() {}

        @Override
        public int getThreads() {
            return 1;
        }

        @Override
        public int getIdleThreads() {
            return 1;
        }

        @Override
        public boolean isLowOnThreads() {
            return false;
        }
    }

    /** A client, with the application's side of its exchange. */
    private final class Client {
        private final MemoryEndPoint endPoint = new MemoryEndPoint(scheduler) {
            @Override
            public void doShutdownOutput() {
                sentFin = true;
                shutAt = scheduler.now;
                super.doShutdownOutput();
            }

            @Override
            public void doClose() {
                closedAt = scheduler.now;
                if (!sentFin) {
                    shutAt = closedAt;
                }
                super.doClose();
            }
        };
        private final StringBuilder output = new StringBuilder();
        private final long acceptedAt = scheduler.now;
        private String owed = "";
        private String sent = "";
        private long firstByteAt;
        private boolean firstByteSent;
        /** When the first byte of the first request was sent, null before. */
        private Long begunAt;

        private boolean sentBehindClose;
        private boolean takesNothing;
        /** It has ended its side, or the connection. */
        private boolean gone;

        private Request request;
        private Response response;
        private Callback callback;
        private int executed;
        private int answered;
        private int failures;
        private long answeredAt;
        /** Since when the exchange waits for the client's bytes, or for it to take them. */
        private long waitsSince;

        private boolean waits;
        private boolean brokenOff;
        private String violated;
        private boolean upgraded;
        private boolean stopped;

        private int executedAtClose = -1;
        private boolean shut;
        private boolean sentFin;
        private long shutAt;
        private long closedAt;
        private boolean ended;

        private boolean isOpen() {
            return endPoint.isOpen();
        }

        private boolean isBusy() {
            return callback != null;
        }

        private boolean isReadyToAnswer() {
            return callback != null && !waits;
        }

        private void connect() {
            accepted++;
            connector.getBean(AcceptListener.class).onAccepting(null);
            Connection connection = factory.newConnection(connector, endPoint);
            endPoint.setConnection(connection);
            endPoint.onOpen();
            connection.onOpen();
            connector.getBean(AcceptListener.class).onAccepted(null);
        }

        private void send(String bytes) {
            if (gone || !isOpen() || bytes.isEmpty()) {
                return;
            }
            if (!firstByteSent) {
                firstByteSent = true;
                firstByteAt = scheduler.now;
                begunAt = begunAt == null ? Long.valueOf(scheduler.now) : begunAt;
            }
            tell(clients.indexOf(this) + " sends " + bytes.replace("\r\n", "|"));
            sent = bytes;
            sentBehindClose |= shut;
            endPoint.addInput(bytes);
        }

        private void sendOwed(int bytes) {
            String part = owed.substring(0, Math.min(bytes, owed.length()));
            owed = owed.substring(part.length());
            send(part);
        }

        // ---- The application

        private void handle(Request received, Response toSend, Callback toComplete) {
            require(callback == null, "two exchanges at once");
            executed++;
            request = received;
            response = toSend;
            callback = toComplete;
            if (Request.getPathInContext(request).equals("/read")) {
                waitsSince = scheduler.now;
                readBody();
            }
        }

        /** Remembers what is wrong: Jetty catches what is thrown here. */
        private void require(boolean holds, String otherwise) {
            if (!holds) {
                violated = otherwise;
            }
        }

        private void readBody() {
            while (true) {
                Content.Chunk chunk = request.read();
                waits = chunk == null;
                if (waits) {
                    request.demand(this::readBody);
                    return;
                }
                if (Content.Chunk.isFailure(chunk)) {
                    boolean slow = isTimeout(chunk.getFailure());
                    require(slow || gone || stopped, "a body fails");
                    require(!slow || mayBeEnded(), "an exchange that makes progress is cut");
                    fail(chunk.getFailure());
                    return;
                }
                chunk.release();
                if (chunk.isLast()) {
                    return;
                }
            }
        }

        private static boolean isTimeout(Throwable failure) {
            return failure instanceof TimeoutException || failure.getCause() instanceof TimeoutException;
        }

        private boolean mayBeEnded() {
            return isRecent(pressedAt) && scheduler.now - waitsSince >= GRACE;
        }

        private Callback endExchange() {
            Callback result = callback;
            callback = null;
            answeredAt = scheduler.now;
            firstByteSent = false;
            firstByteAt = scheduler.now;
            return result;
        }

        private void fail(Throwable failure) {
            failures++;
            endExchange().failed(failure);
        }

        private void answer(int bytes) {
            answered++;
            Callback completed = endExchange();
            if (Request.getPathInContext(request).equals("/up") && isOpen()) {
                upgraded = true;
                tunnels++;
                response.setStatus(101);
                response.getHeaders().put(HttpHeader.UPGRADE, "x");
                response.getHeaders().put(HttpHeader.CONNECTION, "Upgrade");
                request.setAttribute(
                        HttpStream.UPGRADE_CONNECTION_ATTRIBUTE,
                        new Tunnel(
                                request.getConnectionMetaData().getConnection().getEndPoint()));
                response.write(true, null, completed);
            } else {
                waitsSince = scheduler.now;
                response.write(true, ByteBuffer.wrap("x".repeat(bytes).getBytes(StandardCharsets.US_ASCII)), completed);
            }
        }

        private void breakOff() {
            brokenOff = true;
            failures++;
            Callback completed = endExchange();
            response.setStatus(202);
            response.write(
                    false,
                    ByteBuffer.wrap(new byte[] {'x'}),
                    Callback.from(() -> completed.failed(new IOException("on purpose")), completed::failed));
        }

        private String take() {
            String taken = endPoint.takeOutputString(StandardCharsets.US_ASCII);
            runTasks();
            return taken;
        }

        // ---- What has to hold

        private void check() {
            assertNull(violated);
            boolean wasPending = endPoint.isWritePending();
            if (wasPending) {
                answeredAt = scheduler.now;
                firstByteAt = scheduler.now;
            }
            if (!takesNothing) {
                for (String all = take(); !all.isEmpty(); all = take()) {
                    output.append(all);
                    tell(clients.indexOf(this) + " takes " + all.replace("\r\n", "|"));
                }
            }
            if (upgraded) {
                int switched = output.indexOf("HTTP/1.1 101");
                assertTrue(switched < 0 || output.indexOf("close", switched) < 0, "a 101 that says close");
                assertTrue(gone || stopped || isOpen(), "a tunnel is cut");
                return;
            }
            assertTrue(executedAtClose < 0 || executed == executedAtClose, "executed behind the close");
            if (stopped) {
                assertFalse(isOpen(), "open after the stop");
                return;
            }
            boolean isShut = endPoint.isOutputShutdown() || !isOpen();
            if (isBusy()) {
                assertTrue(gone || !isShut, "a request in progress is cut");
                assertEquals(answered + failures + 1, executed, "executed and neither answered nor in progress");
            } else {
                assertEquals(answered + failures, executed, "executed twice, or never answered");
                if (!takesNothing && !gone) {
                    assertEquals(answered, count("HTTP/1.1 200 OK"), "answers");
                }
                if (!isShut && !wasPending) {
                    assertTrue(
                            scheduler.now - due() < LATE,
                            () -> this + ": " + (scheduler.now - due()) / MS + " ms beyond its time");
                }
            }
            if (executedAtClose < 0 && (isShut || isToldOfTheEnd())) {
                executedAtClose = executed;
            }
            if (isShut && !shut) {
                onShut();
            }
            if (shut && isOpen()) {
                assertTrue(scheduler.now - shutAt < LINGER + LATE, "lingers beyond its limit");
            }
            if (!isOpen() && !ended) {
                ended = true;
                onEnd();
            }
        }

        /** When a connection without an exchange has to be closed, at NORMAL. */
        private long due() {
            if (executed == 0) {
                return firstDue();
            }
            long idle = answeredAt + factory.getPolicy().getKeepAliveTimeout().toMillis() * MS;
            // A part of it may have come with the request before.
            boolean begun = firstByteSent || !sent.endsWith("\r\n\r\n");
            long reading = begun ? firstByteAt + HEADER_MS * MS : idle;
            return later(policyAt, later(idle, reading));
        }

        private long firstDue() {
            long first = FIRST_MS * MS;
            return acceptedAt + (begunAt == null ? first : Math.min(first, begunAt - acceptedAt + HEADER_MS * MS));
        }

        /** By a response that says close, or by one to a malformed request. */
        private boolean isToldOfTheEnd() {
            return output.indexOf("Connection: close") >= 0
                    || output.indexOf("HTTP/1.1 400") >= 0
                    || output.indexOf("HTTP/1.1 505") >= 0;
        }

        private void onShut() {
            shut = true;
            boolean malformed = output.indexOf("HTTP/1.1 400") >= 0 || output.indexOf("HTTP/1.1 505") >= 0;
            if (executed == 0 && !malformed && !gone && acceptedAt - pressedAt > 0) {
                long early = firstDue() - scheduler.now;
                assertTrue(early <= 0, () -> "a new connection is closed " + early / MS + " ms early");
            }
            if (executed > 1 && !isToldOfTheEnd() && !gone && failures == 0 && !takesNothing) {
                long idle = scheduler.now - answeredAt;
                long least = Math.min(
                                1_000, factory.getPolicy().getKeepAliveTimeout().toMillis())
                        * MS;
                assertTrue(idle >= least, () -> "a reused connection is closed after " + idle / MS + " ms");
            }
        }

        /** A close within the linger would make the client's next byte a reset, which destroys what it hasn't read. */
        private void onEnd() {
            if (gone || brokenOff || executed == 0) {
                return;
            }
            long lingered = closedAt - shutAt;
            if (takesNothing) {
                assertTrue(mayBeEnded() || lingered >= LEAST_LINGER, "a slow reader is cut");
                return;
            }
            boolean quiet = isRecent(criticalAt) && !sentBehindClose;
            assertTrue(quiet || lingered >= LEAST_LINGER, () -> "closed " + lingered / MS + " ms after the FIN");
        }

        @Override
        public String toString() {
            return "client " + clients.indexOf(this) + " at " + scheduler.now / MS + ", due " + due() / MS + ", with "
                    + executed + " requests, " + endPoint;
        }

        private int count(String text) {
            int count = 0;
            for (int i = output.indexOf(text); i >= 0; i = output.indexOf(text, i + 1)) {
                count++;
            }
            return count;
        }
    }

    /** What a connection was upgraded to. */
    private static final class Tunnel extends AbstractConnection implements Connection.UpgradeTo {
        private Tunnel(EndPoint endPoint) {
            super(endPoint, Runnable::run);
        }

        @Override
        public void onUpgradeTo(ByteBuffer sentBehindTheRequest) {}

        @Override
        public void onOpen() {
            super.onOpen();
            fillInterested();
        }

        @Override
        public void onFillable() {
            try {
                int filled;
                do {
                    filled = getEndPoint().fill(BufferUtil.allocate(1024));
                } while (filled > 0);
                if (filled < 0) {
                    close();
                } else {
                    fillInterested();
                }
            } catch (IOException x) {
                close();
            }
        }
    }

    private void tell(String what) {
        if (ONLY_SEED != null) {
            System.out.println(scheduler.now / MS + " ms, " + monitor.pressure().level() + ": " + what);
        }
    }

    private static long later(long a, long b) {
        return a - b > 0 ? a : b;
    }

    private boolean isRecent(long at) {
        return scheduler.now - at <= LATE;
    }

    // ---- The server

    private void start(long now) throws Exception {
        clients.clear();
        accepted = 0;
        tunnels = 0;
        scheduler = new FakeScheduler();
        scheduler.now = now;
        pressedAt = now - 2 * LATE;
        criticalAt = pressedAt;
        server = new Server(new Caller());
        factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration());
        reset();
        monitor = new DescriptorMonitor(scheduler, machine, () -> scheduler.now);
        server.addBean(monitor);
        connector = new FakeConnector(server, server.getThreadPool(), 1, factory);
        connector.addBean(new AbstractLifeCycle() {
            @Override
            protected void doStop() {
                // As the selectors do.
                clients.forEach(client -> client.stopped = true);
                clients.forEach(client -> client.endPoint.close());
            }
        });
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                EndPoint endPoint = Sockets.innermost(
                        request.getConnectionMetaData().getConnection().getEndPoint());
                for (Client client : clients) {
                    if (client.endPoint == endPoint) {
                        client.handle(request, response, callback);
                    }
                }
                return true;
            }
        });
        server.start();
    }

    /** What servers log of starts, stops, pressure and failures on purpose would be millions of lines. */
    private static void log(JettyLevel level) {
        for (Class<?> type : List.of(
                AbstractConnector.class, DescriptorMonitor.class, HostPort.class, Response.class, Server.class)) {
            ((JettyLogger) LoggerFactory.getLogger(type)).setLevel(level);
        }
    }

    @BeforeProperty
    void quiet() {
        log(JettyLevel.OFF);
    }

    @AfterProperty
    void stop() throws Exception {
        server.stop();
        log(JettyLevel.INFO);
    }

    private void note(Pressure pressure) {
        if (pressure.level().isAtLeast(PressureLevel.ELEVATED)) {
            pressedAt = scheduler.now;
        }
        if (pressure.level() == PressureLevel.CRITICAL) {
            criticalAt = scheduler.now;
        }
    }

    private void reset() {
        machine.held = 20;
        machine.limit = 40;
        machine.fails = false;
        setPolicy(2_000, 1000, 3_600_000);
    }

    private void setPolicy(int keepAliveMs, int maxRequests, int maxAgeMs) {
        policyAt = scheduler.now;
        factory.setPolicy(KeepAlivePolicy.builder()
                .firstRequestTimeout(Duration.ofMillis(FIRST_MS))
                .requestHeaderTimeout(Duration.ofMillis(HEADER_MS))
                .keepAliveTimeout(Duration.ofMillis(keepAliveMs))
                .maxRequestsPerConnection(maxRequests)
                .maxConnectionAge(Duration.ofMillis(maxAgeMs))
                .maxConnectionAgeJitter(0)
                .dataRateGrace(Duration.ofSeconds(1))
                .lingerTimeout(Duration.ofNanos(LINGER))
                .unreadBodyLingerTimeout(Duration.ofNanos(LINGER))
                .build());
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    private void checkClients() {
        note(monitor.pressure());
        runTasks();
        clients.forEach(Client::check);
    }

    private void check() {
        checkClients();
        KeepAliveStatistics statistics = monitor.getStatistics();
        int open = 0;
        for (Client client : clients) {
            open += client.isOpen() && !client.upgraded ? 1 : 0;
        }
        assertEquals(open, statistics.getOpen(), statistics::toString);
        assertEquals(open, monitor.getOpenConnections());
        assertEquals(accepted, statistics.getOpened(), statistics::toString);
        assertEquals(accepted, open + statistics.getClosed(), statistics::toString);
        assertEquals(tunnels, statistics.getClosed(CloseReason.UPGRADED), statistics::toString);
        assertTrue(
                scheduler.pending.size() <= 1, () -> "something is scheduled besides the tick: " + scheduler.pending);
    }

    private void restart() throws Exception {
        server.stop();
        check();
        assertTrue(connector.isAccepting(), "paused by a stop");
        assertEquals(List.of(), factory.getHttpConfiguration().getCustomizers());
        assertNull(connector.getBean(GovernedConnector.class));
        scheduler.pending.clear(); // as a scheduler that stops does
        server.start();
    }

    // ---- A sequence

    private void pass(int ms, int step) {
        for (int left = ms; left > 0; left -= step) {
            scheduler.advance(Math.min(left, step) * MS);
            checkClients();
        }
    }

    private Client any(Random random, Predicate<Client> wanted) {
        List<Client> candidates = clients.stream().filter(wanted).toList();
        return candidates.isEmpty() ? null : candidates.get(random.nextInt(candidates.size()));
    }

    private void connect() {
        if (connector.isAccepting() && clients.stream().filter(Client::isOpen).count() < MOST_CLIENTS) {
            Client client = new Client();
            clients.add(client);
            client.connect();
        }
    }

    private static void send(Client client, Random random) {
        switch (client.owed.isEmpty() ? random.nextInt(12) : 12 + random.nextInt(4)) {
            case 0, 1, 2, 3 -> client.send(GET);
            case 4 -> client.send(GET.repeat(1 + random.nextInt(3)) + GET.substring(0, random.nextInt(GET.length())));
            case 5, 6 -> {
                client.owed = GET;
                client.sendOwed(1 + random.nextInt(GET.length()));
            }
            case 7, 8, 9 -> {
                client.owed = "POST /" + (random.nextBoolean() ? "read" : "")
                        + (random.nextBoolean() ? LENGTH : CHUNKED) + (random.nextBoolean() ? GET : "");
                client.sendOwed(client.owed.indexOf("\r\n\r\n") + random.nextInt(40));
            }
            case 10 -> client.send(random.nextInt(3) == 0 ? BAD : LAST);
            case 11 -> client.send(UPGRADE);
            case 12, 13 -> client.sendOwed(1);
            case 14 -> client.sendOwed(1 + random.nextInt(20));
            default -> client.sendOwed(client.owed.length());
        }
    }

    private static void complete(Client client, Random random) {
        switch (random.nextInt(16)) {
            case 0 -> client.fail(new QuietException.Exception("on purpose"));
            case 1 -> client.breakOff();
            case 2 -> {
                client.takesNothing = !Request.getPathInContext(client.request).equals("/up");
                client.answer(2 * MemoryEndPoint.OUTPUT);
            }
            default -> client.answer(1);
        }
    }

    private void leave(Client client, Random random) {
        client.gone = true;
        if (random.nextBoolean()) {
            client.endPoint.addInputEOF();
        } else {
            client.endPoint.close(new EofException("a reset"));
        }
    }

    private void step(Random random) throws Exception {
        int kind = random.nextInt(24);
        tell("step " + kind);
        switch (kind) {
            case 0, 1, 2 -> connect();
            case 3, 4, 5, 6, 7, 8, 9 -> {
                Client client = any(random, c -> !c.gone && c.isOpen());
                if (client != null) {
                    send(client, random);
                }
            }
            case 10, 11, 12 -> {
                Client client = any(random, Client::isReadyToAnswer);
                if (client != null) {
                    complete(client, random);
                }
            }
            case 13 -> {
                Client client = any(random, c -> !c.gone && c.isOpen());
                if (client != null) {
                    leave(client, random);
                }
            }
            case 14 -> {
                Client client = any(random, c -> c.takesNothing);
                if (client != null) {
                    client.takesNothing = false;
                }
            }
            case 15 -> {
                machine.held = random.nextInt(45);
                machine.limit = 30 + random.nextInt(20);
            }
            case 16 -> machine.fails = random.nextInt(3) == 0;
            case 17 ->
                setPolicy(
                        500 + random.nextInt(LONGEST_KEEP_ALIVE_MS - 500),
                        random.nextBoolean() ? 2 : 1000,
                        random.nextBoolean() ? 1_000 : 3_600_000);
            case 18 -> {
                if (random.nextInt(60) == 0) {
                    restart();
                }
            }
            case 19 -> {
                if (random.nextInt(4) == 0) {
                    // The scheduler is late.
                    scheduler.now += random.nextInt(3_000) * MS;
                    scheduler.advance(0);
                }
            }
            default -> pass(random.nextInt(3) == 0 ? random.nextInt(2_500) : random.nextInt(300), 100);
        }
        check();
    }

    /** The application ends its exchanges and gives all back, the machine heals, and the server serves as before. */
    private void heal(Random random) {
        reset();
        machine.held = 0;
        clients.forEach(client -> client.takesNothing = false);
        check();
        for (Client busy = any(random, Client::isBusy); busy != null; busy = any(random, Client::isBusy)) {
            if (busy.waits) {
                leaveUnread(busy);
            } else {
                busy.answer(1);
            }
            check();
        }
        pass(LONGEST_KEEP_ALIVE_MS + HEADER_MS + 2_000, 1_000);
        check();
        for (Client client : clients) {
            if (client.upgraded) {
                client.gone = true;
                client.endPoint.close();
            }
            assertFalse(client.isOpen(), () -> client + " is open for ever");
        }
        assertTrue(
                connector.isAccepting(), () -> "paused for ever: " + monitor + scheduler.pending + connector.switches);
        assertEquals(PressureLevel.NORMAL, monitor.getLevel());
        connect();
        Client visitor = clients.get(clients.size() - 1);
        visitor.send(GET);
        visitor.answer(1);
        visitor.check();
        assertTrue(visitor.output.toString().startsWith("HTTP/1.1 200 OK"), visitor.output::toString);
        visitor.gone = true;
        visitor.endPoint.addInputEOF();
        check();
        clients.clear();
    }

    /** A client that has begun a body and doesn't end it leaves. */
    private static void leaveUnread(Client client) {
        client.gone = true;
        client.endPoint.addInputEOF();
    }

    private void run(long seed) throws Exception {
        Random random = new Random(seed);
        int kind = random.nextInt(256);
        // A clock may begin anywhere, and pass its end.
        long start = (kind == 0 ? Long.MAX_VALUE : 0) - random.nextInt(10_000) * MS;
        if (server == null || kind < 2 || ONLY_SEED != null) {
            if (server != null) {
                server.stop();
            }
            start(start);
        }
        int steps = 1 + random.nextInt(40);
        try {
            for (int i = 0; i < steps; i++) {
                step(random);
            }
            heal(random);
        } catch (Throwable x) {
            throw new AssertionError("Sequence -Dcrowd.seed=" + seed + " fails: " + x.getMessage(), x);
        }
    }

    @Property(shrinking = ShrinkingMode.OFF, tries = TRIES)
    void theInvariantsHold(@ForAll long seed) throws Exception {
        if (ONLY_SEED != null) {
            run(ONLY_SEED);
            return;
        }
        Random random = new Random(seed);
        for (int i = 0; i < SEQUENCES / TRIES; i++) {
            run(random.nextLong());
        }
    }
}
