package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.ByteArrayEndPoint;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;

/** A request whose bytes the policy finds when it is about to close, before the selector has seen them. */
class ReadAheadTest {
    private final FakeScheduler scheduler = new FakeScheduler();
    private final Deque<Runnable> wakeUps = new ArrayDeque<>();
    private final StringBuilder echoed = new StringBuilder();

    private final class Tunnel extends AbstractConnection {
        private Tunnel(ConnectionGuard guard) {
            super(guard, Runnable::run);
        }

        @Override
        public void onOpen() {
            super.onOpen();
            fillInterested();
        }

        @Override
        public void onFillable() {
            try {
                ByteBuffer buffer = BufferUtil.allocate(1024);
                getEndPoint().fill(buffer);
                echoed.append(BufferUtil.toString(buffer));
                fillInterested();
            } catch (IOException x) {
                close();
            }
        }
    }

    @Test
    void anUpgradeThatComesAsItsConnectionIsEvictedIsLeftAlone() throws Exception {
        Server server = new Server();
        server.addBean(new DescriptorMonitor(scheduler, DescriptorProbe.find(), () -> scheduler.now));
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration());
        FakeConnector connector = new FakeConnector(server, Runnable::run, 0, factory);
        server.setHandler(new Handler.Abstract() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                ConnectionGuard guard = MemoryServer.guardOf(request);
                response.setStatus(101);
                response.getHeaders().put(HttpHeader.UPGRADE, "x");
                response.getHeaders().put(HttpHeader.CONNECTION, "Upgrade");
                request.setAttribute(HttpStream.UPGRADE_CONNECTION_ATTRIBUTE, new Tunnel(guard));
                response.write(true, null, callback);
                return true;
            }
        });
        server.start();
        try {
            ByteArrayEndPoint endPoint = new ByteArrayEndPoint(scheduler, 0, "", 1024) {
                @Override
                protected void execute(Runnable task) {
                    wakeUps.add(task);
                }
            };
            Connection connection = factory.newConnection(connector, endPoint);
            endPoint.setConnection(connection);
            endPoint.onOpen();
            connection.onOpen();
            ConnectionGuard guard = ConnectionGuard.of(connection.getEndPoint());
            endPoint.addInputAndExecute(
                    BufferUtil.toBuffer("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"));
            assertTrue(guard.evict(guard.since(), scheduler.now));
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 101"));
            assertFalse(endPoint.isOutputShutdown());
            endPoint.addInputAndExecute(BufferUtil.toBuffer("ping"));
            while (!wakeUps.isEmpty()) {
                wakeUps.remove().run();
            }
            assertEquals("ping", echoed.toString());
            assertTrue(endPoint.isOpen());
        } finally {
            server.stop();
        }
    }
}
