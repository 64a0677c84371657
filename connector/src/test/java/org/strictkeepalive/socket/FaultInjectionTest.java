package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/**
 * What the policy stands on fails: it goes on serving, every descriptor comes free, and the numbers add up. A probe, a
 * listener and a clock that fail are in {@link ServerInvariantsTest}, a late scheduler and the end of {@code nanoTime} in
 * {@link CrowdModelTest}.
 */
class FaultInjectionTest {
    private static MemoryServer memory() throws Exception {
        return new MemoryServer(KeepAlivePolicy.builder()
                .keepAliveTimeout(Duration.ofSeconds(1))
                .lingerTimeout(Duration.ofSeconds(1))
                .build());
    }

    /** An endpoint whose output can't be shut. */
    private static final class Unshuttable extends MemoryEndPoint {
        private Unshuttable(FakeScheduler scheduler) {
            super(scheduler);
        }

        @Override
        public void doShutdownOutput() {
            throw new IllegalStateException("on purpose");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "", // silent until firstRequestTimeout
                "GET / HT",
                RawClient.GET,
                RawClient.GET + "GET",
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "BAD\r\n\r\n"
            })
    void endPointThatFailsInShutdownOutputIsClosed(String bytes) throws Exception {
        try (MemoryServer memory = memory()) {
            MemoryEndPoint endPoint = new Unshuttable(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(bytes);
            // Jetty answers what it can't parse on a thread of the server, where 12.0 doesn't catch the failure.
            await().dontCatchUncaughtExceptions().until(() -> {
                memory.pass(20_000);
                return !endPoint.isOpen();
            });
            memory.assertNothingIsOpen();
            assertEquals(0, memory.monitor.getProbeFailureCount());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "GET / HT", RawClient.GET})
    void executorThatRejectsKeepsNoDescriptor(String bytes) throws Exception {
        try (MemoryServer memory = memory()) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(bytes);
            memory.pool.rejecting = true;
            memory.pass(40_000);
            assertFalse(endPoint.isOpen());
            memory.assertNothingIsOpen();
            memory.pool.rejecting = false;
            MemoryEndPoint next = new MemoryEndPoint(memory.scheduler);
            memory.open(next);
            next.addInput(RawClient.GET);
            assertTrue(next.takeOutputString().startsWith("HTTP/1.1 200 OK"));
        }
    }

    @Test
    void customizerThatThrowsFailsItsRequestAloneAsInPlainJetty() throws Exception {
        List<Integer> expected = statusesWithAFailingCustomizer(null);
        assertEquals(expected, statusesWithAFailingCustomizer(KeepAlivePolicy.defaults()));
        assertTrue(expected.get(0) >= 500, "" + expected);
    }

    private static List<Integer> statusesWithAFailingCustomizer(KeepAlivePolicy policy) throws Exception {
        AtomicBoolean failing = new AtomicBoolean(true);
        try (TestServer server = TestServer.of(Transport.CLEAR, policy, TestServer.hello())) {
            server.config.addCustomizer((request, headers) -> {
                if (failing.getAndSet(false)) {
                    throw new IllegalStateException("on purpose");
                }
                return request;
            });
            server.start();
            try (RawClient client = server.connect()) {
                int first = client.get().status();
                try (RawClient second = server.connect()) {
                    return List.of(first, second.get().status());
                }
            }
        }
    }

    /** Clients that close, reset or send while the server's close_notify goes out, and a stop meanwhile. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void closesThatCrossTheServersLeaveNothingOpen(Transport transport) throws Exception {
        Random random = new Random(1);
        try (TestServer server = TestServer.strict(
                transport, p -> p.keepAliveTimeout(Duration.ofMillis(300)).lingerTimeout(Duration.ofMillis(300)))) {
            for (int round = 0; round < 3; round++) {
                List<RawClient> clients = new ArrayList<>();
                for (int i = 0; i < 20; i++) {
                    RawClient client = server.connect();
                    client.get();
                    clients.add(client);
                }
                TimeUnit.MILLISECONDS.sleep(200 + random.nextInt(100));
                for (RawClient client : clients) {
                    try {
                        if (random.nextBoolean()) {
                            client.send("GET");
                        }
                        client.close();
                    } catch (IOException x) {
                        // The server was first.
                    }
                }
                server.assertNumbersAddUp();
            }
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                RawClient client = server.connect();
                client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
                        .read();
                clients.add(client);
            }
            server.server.stop(); // while all of them linger
            server.assertNumbersAddUp();
            for (RawClient client : clients) {
                client.close();
            }
        }
    }
}
