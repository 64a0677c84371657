package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Handshake;
import org.strictkeepalive.internal.server.ServerGovernor;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** A handshake that relief has chosen may end before its turn. It then closes nothing of its successor. */
class HandshakeEndTest {
    private final List<GovernedConnection> handshakes = new CopyOnWriteArrayList<>();

    /** A server over TLS that speaks both protocols. It records the handshakes as they are while they go on. */
    private TestServer recording() throws Exception {
        TestServer server =
                TestServer.http2(Transport.TLS, KeepAlivePolicy.builder().build(), TestServer.hello());
        ServerGovernor governor = Inside.governor(server.monitor());
        server.connector.addEventListener(new Connection.Listener() {
            @Override
            public void onOpened(Connection connection) {
                for (GovernedConnection one : governor.connections()) {
                    if (one instanceof Handshake) {
                        handshakes.add(one);
                    }
                }
            }
        });
        return server.start();
    }

    private void evict(TestServer server) {
        GovernedConnection handshake = handshakes.get(0);
        EndPoint socket = server.connector.getConnectedEndPoints().iterator().next();
        await().until(socket::isFillInterested);
        assertFalse(handshake.evict(handshake.since(), System.nanoTime()));
    }

    @Test
    void connectionOfHttp2GoesOn() throws Exception {
        try (TestServer server = recording();
                FrameClient client = server.connectHttp2()) {
            client.settings().ask(1);
            evict(server);
            client.ask(3);
            assertEquals(1, server.statistics().getOpen());
        }
    }

    @Test
    void connectionOfHttp1GoesOn() throws Exception {
        try (TestServer server = recording();
                RawClient client = server.connect()) {
            client.get();
            evict(server);
            client.get();
            assertEquals(1, server.statistics().getOpen());
        }
    }
}
