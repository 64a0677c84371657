package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** A policy that is swapped while connections are open acts on them. */
class PolicySwapSocketTest {
    @ParameterizedTest
    @EnumSource(Transport.class)
    @Paced(stallMs = 150)
    void longerTimeoutsSpareConnectionsThatAreOpen(Transport transport) throws Exception {
        Duration first = Duration.ofMillis(600);
        Duration longer = Duration.ofMillis(1800);
        try (TestServer server = TestServer.strict(
                        transport, p -> p.keepAliveTimeout(first).requestHeaderTimeout(first));
                RawClient idle = server.connect();
                RawClient reading = server.connect()) {
            idle.get();
            reading.get();
            long before = System.nanoTime();
            reading.send("GET / HT");
            server.factory()
                    .setPolicy(server.factory().getPolicy().toBuilder()
                            .keepAliveTimeout(longer)
                            .requestHeaderTimeout(longer)
                            .build());
            assertEquals(408, reading.read().status());
            assertTrue(System.nanoTime() - before >= longer.toNanos(), "408 at the header timeout that was replaced");
            idle.awaitEnd();
            // The idle one's time began a little before.
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - before);
            assertTrue(millis >= first.toMillis() + 600, () -> "FIN after " + millis + " ms");
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void shorterTimeoutsEndConnectionsThatAreOpen(Transport transport) throws Exception {
        Duration longTime = Duration.ofMinutes(5);
        try (TestServer server = TestServer.strict(
                        transport,
                        p -> p.keepAliveTimeout(longTime)
                                .requestHeaderTimeout(longTime)
                                .firstRequestTimeout(longTime)
                                .lingerTimeout(longTime));
                RawClient fresh = server.connect();
                RawClient reading = server.connect();
                RawClient idle = server.connect();
                RawClient counted = server.connect()) {
            reading.get();
            reading.send("GET / HT");
            idle.get();
            assertFalse(counted.get().saysClose());
            server.factory().setMaxRequestsPerConnection(2);
            assertTrue(counted.get().saysClose());
            counted.awaitEnd();
            server.factory()
                    .setPolicy(KeepAlivePolicy.builder()
                            .keepAliveTimeout(Duration.ofMillis(200))
                            .requestHeaderTimeout(Duration.ofMillis(200))
                            .firstRequestTimeout(Duration.ofMillis(200))
                            .lingerTimeout(Duration.ofMillis(200))
                            .build());
            assertEquals(408, reading.read().status());
            fresh.awaitEnd();
            idle.awaitEnd();
            server.awaitOpen(0); // lingering ones too, though the clients stay
            server.assertNumbersAddUp();
        }
    }
}
