package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.StrictKeepAlive;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.RawClient;

/** A connection is accepted while its connector stops. Plain Jetty leaves it open for ever. */
class AcceptAtStopTest {
    /** Where the thread of the accept is held meanwhile, as a slow machine may hold it. */
    enum Held {
        BEFORE_THE_GOVERNOR_KNOWS,
        BEFORE_THE_SELECTOR_KNOWS,
        BEFORE_THE_END_POINT,
        AFTER_THE_END_POINT
    }

    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);

    private void hold() {
        held.countDown();
        boolean told = false;
        while (!told) {
            try {
                told = goOn.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException x) {
                // The stop interrupts the accepting thread.
            }
        }
    }

    private final class HeldConnector extends ServerConnector {
        private final Held where;

        HeldConnector(Server server, Held where) {
            super(server, 1, 1, new StrictKeepAliveConnectionFactory(new HttpConfiguration()));
            this.where = where;
        }

        @Override
        protected SocketChannelEndPoint newEndPoint(SocketChannel channel, ManagedSelector selector, SelectionKey key)
                throws IOException {
            if (where == Held.BEFORE_THE_END_POINT) {
                hold();
            }
            SocketChannelEndPoint endPoint = super.newEndPoint(channel, selector, key);
            if (where == Held.AFTER_THE_END_POINT) {
                hold();
            }
            return endPoint;
        }
    }

    private SelectorManager.AcceptListener holder() {
        return new SelectorManager.AcceptListener() {
            @Override
            public void onAccepting(SelectableChannel channel) {
                hold();
            }
        };
    }

    @ParameterizedTest
    @EnumSource
    void itIsClosed(Held where) throws Exception {
        Server server = new Server();
        ServerConnector connector = new HeldConnector(server, where);
        server.addConnector(connector);
        if (where == Held.BEFORE_THE_GOVERNOR_KNOWS) {
            connector.addEventListener(holder());
        }
        server.start();
        if (where == Held.BEFORE_THE_SELECTOR_KNOWS) {
            connector.getSelectorManager().addEventListener(holder());
        }
        try (Socket client = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
            assertTrue(held.await(60, TimeUnit.SECONDS));
            connector.stop();
            goOn.countDown();
            assertTrue(isClosed(client));
            await().untilAsserted(
                            () -> assertEquals(0, DescriptorMonitor.of(server).getOpenConnections()));
        } finally {
            server.stop();
        }
    }

    @Test
    void whoRunsAgainUngovernedIsLeftAlone() throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        server.addConnector(connector);
        StrictKeepAlive strict = StrictKeepAlive.install(server);
        server.start();
        server.stop();
        strict.uninstall();
        server.start();
        try (RawClient client = new RawClient(new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort()))) {
            assertEquals(404, client.get().status());
            await().until(() -> connector.getSelectorManager().getEventListeners().stream()
                    .noneMatch(listener -> listener.getClass().getName().startsWith("org.strictkeepalive.")));
            assertEquals(0, strict.getDescriptorMonitor().getStatistics().getOpened());
        } finally {
            server.stop();
        }
    }

    private static boolean isClosed(Socket client) throws IOException {
        client.setSoTimeout(10_000);
        try {
            return client.getInputStream().read() < 0;
        } catch (SocketTimeoutException x) {
            return false;
        } catch (IOException x) {
            return true; // A reset.
        }
    }
}
