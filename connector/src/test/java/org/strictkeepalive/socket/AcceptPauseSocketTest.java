package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.server.DescriptorProbes;
import org.strictkeepalive.testkit.HeldRequests;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** What CRITICAL does to a real connector: accepting pauses until there is room. */
class AcceptPauseSocketTest {
    @ParameterizedTest
    @EnumSource(Transport.class)
    void criticalPausesAcceptingUntilThereIsRoomAndCutsNoExchange(Transport transport) throws Exception {
        HeldRequests holding = new HeldRequests();
        try (TestServer server =
                TestServer.strict(transport, p -> p.lingerTimeout(Duration.ofMillis(300)), holding.handler())) {
            List<RawClient> busy = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                busy.add(holding.hold(server));
            }
            server.factory().setMaxConnections(4);
            server.awaitLevel(PressureLevel.CRITICAL);
            await().until(() -> !server.connector.isAccepting());
            assertTrue(server.monitor().isAcceptingPaused());
            // Visitors wait in the backlog; the one that a paused acceptor lets in is served.
            List<RawClient> waiting = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                RawClient visitor = server.connectSocket();
                visitor.send(transport == Transport.CLEAR ? RawClient.GET : "\u0016");
                waiting.add(visitor);
            }
            TimeUnit.MILLISECONDS.sleep(1500); // that nothing is cut meanwhile can only be seen by waiting
            assertTrue(server.monitor().getOpenConnections() <= 5, "" + server.monitor());
            assertEquals(4, holding.count());
            for (RawClient client : busy) {
                holding.complete();
                assertEquals("held", client.read().body());
                client.close();
            }
            await().until(server.connector::isAccepting);
            assertFalse(server.monitor().isAcceptingPaused());
            if (transport == Transport.CLEAR) {
                for (RawClient visitor : waiting) {
                    assertEquals(200, visitor.read().status());
                }
            }
            RawClient.closeAll(waiting);
            try (RawClient fresh = server.connect()) {
                assertEquals(200, fresh.get().status());
            }
            server.assertNumbersAddUp();
        }
    }

    @Test
    void serverStoppedWhilePausedAcceptsAfterItsRestart() throws Exception {
        HeldRequests holding = new HeldRequests();
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, holding.handler());
                RawClient busy = holding.hold(server)) {
            server.factory().setMaxConnections(1);
            assertEquals(1, server.monitor().getOpenConnections(), busy::toString);
            await().until(() -> !server.connector.isAccepting());
            server.server.stop();
            assertTrue(server.connector.isAccepting());
            server.start();
            try (RawClient client = server.connect()) {
                assertEquals(200, client.get().status());
            }
            server.assertNumbersAddUp();
        }
    }

    @Test
    void switchOfSomebodyElseKeepsItsSay() throws Exception {
        HeldRequests holding = new HeldRequests();
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p, holding.handler());
                RawClient busy = holding.hold(server)) {
            server.connector.setAccepting(false); // by the application, before pressure rises
            server.factory().setMaxConnections(1);
            server.awaitLevel(PressureLevel.CRITICAL);
            assertFalse(server.monitor().isAcceptingPaused());
            holding.complete();
            busy.read();
            busy.close();
            server.awaitLevel(PressureLevel.NORMAL);
            assertFalse(server.connector.isAccepting());
            server.connector.setAccepting(true);
        }
    }

    @Test
    void pauseThatIsSwitchedOffLeavesTheConnectorAccepting() throws Exception {
        HeldRequests holding = new HeldRequests();
        try (TestServer server =
                        TestServer.strict(Transport.CLEAR, p -> p.pauseAcceptWhenCritical(false), holding.handler());
                RawClient busy = holding.hold(server);
                RawClient other = server.connect()) {
            server.factory().setMaxConnections(1);
            server.awaitLevel(PressureLevel.CRITICAL);
            await().until(server.connector::isAccepting);
            try {
                assertTrue(other.get().saysClose());
            } catch (IOException evicted) {
                // A newcomer has no grace at CRITICAL.
                assertTrue(server.statistics().getClosed(CloseReason.EVICTED) > 0);
            }
            holding.complete();
            assertEquals("held", busy.read().body());
        }
    }

    @Test
    void withoutAcceptorThreadsConnectionsBeyondTheLimitAreRefusedAndTheServerRecovers() throws Exception {
        long used = DescriptorProbes.find().used();
        Server server = new Server();
        ServerConnector connector = new ServerConnector(
                server,
                0,
                1,
                new StrictKeepAliveConnectionFactory(
                        new HttpConfiguration(),
                        KeepAlivePolicy.builder().descriptorLimit(used + 60).build()));
        connector.setHost("127.0.0.1");
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(TestServer.hello());
        server.start();
        KeepAliveStatistics statistics = Inside.monitor(server).getStatistics();
        List<RawClient> clients = new ArrayList<>();
        try {
            for (int i = 0; i < 60; i++) {
                clients.add(new RawClient(Transport.CLEAR.connect(connector.getLocalPort())));
            }
            await().untilAsserted(() -> assertTrue(statistics.getClosed(CloseReason.REFUSED) > 0));
            RawClient.closeAll(clients);
            await().untilAsserted(() -> {
                try (RawClient client = new RawClient(Transport.CLEAR.connect(connector.getLocalPort()))) {
                    assertEquals(200, client.get().status());
                }
            });
            await().untilAsserted(() -> {
                assertEquals(0, statistics.getOpen(), statistics::toString);
                assertEquals(statistics.getOpened(), statistics.getClosed(), statistics::toString);
            });
        } finally {
            RawClient.closeAll(clients);
            server.stop();
        }
    }
}
