package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.FrameClient;
import org.strictkeepalive.testkit.HeldRequests;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.RawClient.Answer;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** The application holds all the room, and visitors come. */
class RefuseWhenFullTest {
    private static final int ROOM = 8;

    private final HeldRequests holding = new HeldRequests();
    private final List<RawClient> clients = new ArrayList<>();

    /** One connection that is used again, and others whose request the application holds. */
    private void fill(TestServer server) throws Exception {
        clients.add(server.connect());
        assertEquals(200, clients.get(0).get().status());
        assertEquals(200, clients.get(0).get().status());
        while (clients.size() < ROOM) {
            hold(server);
        }
    }

    /** One more. At CRITICAL a newcomer whose request is late is evicted. */
    private void hold(TestServer server) throws Exception {
        int before = holding.count();
        await().ignoreExceptionsInstanceOf(IOException.class).until(() -> {
            RawClient http = server.connect().send("GET /hold HTTP/1.1\r\nHost: test\r\n\r\n");
            for (int i = 0; i < 100 && holding.count() == before; i++) {
                TimeUnit.MILLISECONDS.sleep(20);
            }
            if (holding.count() == before) {
                http.close();
                return false;
            }
            clients.add(http);
            return true;
        });
    }

    private static Answer visit(TestServer server, String request) throws Exception {
        try (RawClient visitor = server.connect()) {
            return visitor.send(request).read();
        }
    }

    private static void awaitRefusal(TestServer server) {
        await().until(() -> {
            // The first visitors may come before it is known that nothing can go.
            try (RawClient visitor = server.connect()) {
                visitor.socket().setSoTimeout(2000);
                return visitor.get().status() == 503;
            } catch (SocketTimeoutException x) {
                return false;
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void visitorsAreRefusedAtOnceAndWhoWasServedGoesOn(Transport transport) throws Exception {
        try (TestServer server = TestServer.strict(
                transport,
                p -> p.maxConnections(ROOM).refuseWhenFull(true).minKeepAliveTimeout(Duration.ofHours(1)),
                holding.handler())) {
            fill(server);
            awaitRefusal(server);
            int handled = server.handled.get();
            for (int i = 0; i < 20; i++) {
                Answer answer = visit(server, RawClient.GET);
                assertEquals(503, answer.status());
                assertEquals("close", answer.field("Connection"));
                assertEquals("1", answer.field("Retry-After"));
            }
            Answer post = visit(server, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
            assertEquals(503, post.status());
            assertEquals("close", post.field("Connection"));
            assertEquals(handled, server.handled.get(), "no handler sees them");
            assertEquals(200, clients.get(0).get().status(), "not a visitor");
            for (RawClient client : clients.subList(1, 4)) {
                holding.complete();
                assertEquals("held", client.read().body());
                client.close();
            }
            await().until(() -> visit(server, RawClient.GET).status() == 200);
            assertTrue(server.statistics().getClosed(CloseReason.REFUSED) >= 21, () -> "" + server.statistics());
            while (holding.count() > 0) {
                holding.complete();
            }
            RawClient.closeAll(clients);
            server.assertNumbersAddUp();
        }
    }

    @Test
    void byDefaultAVisitorWaits() throws Exception {
        try (TestServer server = TestServer.strict(Transport.CLEAR, p -> p.maxConnections(ROOM), holding.handler())) {
            fill(server);
            hold(server); // the acceptor lets one more in
            try (RawClient visitor = server.connect()) {
                visitor.socket().setSoTimeout(1000);
                visitor.send(RawClient.GET);
                assertThrows(SocketTimeoutException.class, visitor::read);
                visitor.socket().setSoTimeout(60_000);
                holding.complete();
                clients.get(1).read();
                clients.get(1).close();
                holding.complete();
                clients.get(2).read();
                clients.get(2).close();
                assertEquals(200, visitor.read().status());
            }
            while (holding.count() > 0) {
                holding.complete();
            }
            RawClient.closeAll(clients);
        }
    }

    @Test
    void visitorsOfHttp2AreRefusedToo() throws Exception {
        CompletableFuture<Void> hold = new CompletableFuture<>();
        Handler handler = TestServer.handler((request, response, callback) -> {
            if (Request.getPathInContext(request).equals("/hold")) {
                var unused = hold.thenRun(() -> response.write(true, BufferUtil.toBuffer("held"), callback));
            } else {
                response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
            }
        });
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .maxConnections(ROOM)
                .refuseWhenFull(true)
                .build();
        try (TestServer server =
                TestServer.http2(Transport.CLEAR, policy, handler).start()) {
            List<FrameClient> held = new ArrayList<>();
            // At CRITICAL a newcomer whose request is late is evicted.
            await().until(() -> {
                held.add(server.connectHttp2().settings().get(1, "/hold"));
                TimeUnit.MILLISECONDS.sleep(200);
                return server.handled.get() >= ROOM;
            });
            awaitRefusal(server);
            int handled = server.handled.get();
            try (FrameClient visitor = server.connectHttp2().settings().get(1, "/")) {
                FrameClient.Frame answer = visitor.await(FrameClient.HEADERS);
                assertEquals(-1, answer.status(), "not 200");
            }
            assertEquals(handled, server.handled.get());
            hold.complete(null);
            assertEquals(200, held.get(0).awaitResponse(1));
            for (FrameClient client : held) {
                client.close();
            }
            server.assertNumbersAddUp();
        }
    }
}
