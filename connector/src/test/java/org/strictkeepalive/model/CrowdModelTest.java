package org.strictkeepalive.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.function.Predicate;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.logging.JettyLevel;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.MemoryEndPoint;

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
    static final Long ONLY_SEED = Long.getLong("crowd.seed");

    private static final long MS = CrowdServer.MS;
    private static final String HOST = " HTTP/1.1\r\nHost: a\r\n";
    private static final String GET = "GET /" + HOST + "\r\n";
    private static final String LAST = "GET /" + HOST + "Connection: close\r\n\r\n";
    private static final String UPGRADE = "GET /up" + HOST + "Connection: Upgrade\r\nUpgrade: x\r\n\r\n";
    private static final String LENGTH = HOST + "Content-Length: 10\r\n\r\n0123456789";
    private static final String CHUNKED =
            HOST + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n";
    private static final String BAD = "G@T / HTTP/1.1\r\n\r\n";

    private final CrowdServer server = new CrowdServer();

    @BeforeProperty
    void quiet() {
        CrowdServer.log(JettyLevel.OFF);
    }

    @AfterProperty
    void stop() throws Exception {
        server.stop();
        CrowdServer.log(JettyLevel.INFO);
    }

    private CrowdClient any(Random random, Predicate<CrowdClient> wanted) {
        List<CrowdClient> candidates = server.clients.stream().filter(wanted).toList();
        return candidates.isEmpty() ? null : candidates.get(random.nextInt(candidates.size()));
    }

    private static void send(CrowdClient client, Random random) {
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

    private static void complete(CrowdClient client, Random random) {
        switch (random.nextInt(16)) {
            case 0 -> client.exchanges.fail(new QuietException.Exception("on purpose"));
            case 1 -> client.exchanges.breakOff();
            case 2 -> {
                client.takesNothing =
                        !Request.getPathInContext(client.exchanges.request).equals("/up");
                client.exchanges.answer(2 * MemoryEndPoint.OUTPUT);
            }
            default -> client.exchanges.answer(1);
        }
    }

    private void leave(CrowdClient client, Random random) {
        client.gone = true;
        if (random.nextBoolean()) {
            client.endPoint.addInputEOF();
        } else {
            client.endPoint.close(new EofException("a reset"));
        }
    }

    private void step(Random random) throws Exception {
        int kind = random.nextInt(24);
        server.tell("step " + kind);
        switch (kind) {
            case 0, 1, 2 -> server.connect();
            case 3, 4, 5, 6, 7, 8, 9 -> {
                CrowdClient client = any(random, c -> !c.gone && c.isOpen());
                if (client != null) {
                    send(client, random);
                }
            }
            case 10, 11, 12 -> {
                CrowdClient client = any(random, c -> c.exchanges.isReadyToAnswer());
                if (client != null) {
                    complete(client, random);
                }
            }
            case 13 -> {
                CrowdClient client = any(random, c -> !c.gone && c.isOpen());
                if (client != null) {
                    leave(client, random);
                }
            }
            case 14 -> {
                CrowdClient client = any(random, c -> c.takesNothing);
                if (client != null) {
                    client.takesNothing = false;
                }
            }
            case 15 -> {
                server.machine.held = random.nextInt(45);
                server.machine.limit = 30L + random.nextInt(20);
            }
            case 16 -> server.machine.failure = random.nextInt(3) == 0 ? new IOException("on purpose") : null;
            case 17 ->
                server.setPolicy(
                        500 + random.nextInt(CrowdServer.LONGEST_KEEP_ALIVE_MS - 500),
                        random.nextBoolean() ? 2 : 1000,
                        random.nextBoolean() ? 1_000 : 3_600_000);
            case 18 -> {
                if (random.nextInt(60) == 0) {
                    server.restart();
                }
            }
            case 19 -> {
                if (random.nextInt(4) == 0) {
                    // The scheduler is late.
                    server.scheduler.now += random.nextInt(3_000) * MS;
                    server.scheduler.advance(0);
                }
            }
            default -> server.pass(random.nextInt(3) == 0 ? random.nextInt(2_500) : random.nextInt(300), 100);
        }
        server.check();
    }

    /** The application ends its exchanges and gives all back, the machine heals, and the server serves as before. */
    private void heal(Random random) {
        server.reset();
        server.machine.held = 0;
        server.clients.forEach(client -> client.takesNothing = false);
        server.check();
        for (CrowdClient busy = any(random, c -> c.exchanges.isBusy());
                busy != null;
                busy = any(random, c -> c.exchanges.isBusy())) {
            if (busy.exchanges.waits) {
                leaveUnread(busy);
            } else {
                busy.exchanges.answer(1);
            }
            server.check();
        }
        server.pass(CrowdServer.LONGEST_KEEP_ALIVE_MS + CrowdServer.HEADER_MS + 2_000, 1_000);
        server.check();
        for (CrowdClient client : server.clients) {
            if (client.upgraded) {
                client.gone = true;
                client.endPoint.close();
            }
            assertFalse(client.isOpen(), () -> client + " is open for ever");
        }
        assertTrue(
                server.connector.isAccepting(),
                () -> "paused for ever: " + server.monitor + server.scheduler.pending + server.connector.switches);
        assertEquals(PressureLevel.NORMAL, server.monitor.getLevel());
        server.connect();
        CrowdClient visitor = server.clients.get(server.clients.size() - 1);
        visitor.send(GET);
        visitor.exchanges.answer(1);
        visitor.check();
        assertTrue(visitor.output.toString().startsWith("HTTP/1.1 200 OK"), visitor.output::toString);
        visitor.gone = true;
        visitor.endPoint.addInputEOF();
        server.check();
        server.clients.clear();
    }

    /** A client that has begun a body and doesn't end it leaves. */
    private static void leaveUnread(CrowdClient client) {
        client.gone = true;
        client.endPoint.addInputEOF();
    }

    private void run(long seed) throws Exception {
        Random random = new Random(seed);
        int kind = random.nextInt(256);
        // A clock may begin anywhere, and pass its end.
        long start = (kind == 0 ? Long.MAX_VALUE : 0) - random.nextInt(10_000) * MS;
        if (!server.isStarted() || kind < 2 || ONLY_SEED != null) {
            if (server.isStarted()) {
                server.stop();
            }
            server.start(start);
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
