package org.strictkeepalive.internal.http2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.VirtualGovernor;

/** What an exchange tells its connection. */
class Http2ExchangeTest {
    private static final ByteBuffer CONTENT = BufferUtil.toBuffer("content").asReadOnlyBuffer();

    private final VirtualGovernor governor = new VirtualGovernor(0);
    private final BareHttp2 connection = new BareHttp2(governor);

    private Content.Chunk next;

    private Http2Exchange begin(Runnable succeeding) {
        assertTrue(connection.onRequest(governor.now));
        HttpStream stream = (HttpStream) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {HttpStream.class}, (proxy, method, arguments) -> {
                    switch (method.getName()) {
                        case "succeeded" -> succeeding.run();
                        case "read" -> {
                            return next;
                        }
                        case "getId" -> {
                            return "1";
                        }
                        default -> {}
                    }
                    return null;
                });
        return new Http2Exchange(stream, connection);
    }

    private static void write(Http2Exchange exchange, boolean last) {
        exchange.send(null, null, last, CONTENT.slice(), Callback.NOOP);
    }

    @Test
    void itWaitsForBytesAndSinceItHasWritten() {
        Http2Exchange exchange = begin(() -> {});
        assertFalse(connection.isAllWaiting());
        exchange.demand();
        assertTrue(connection.isAllWaiting());
        exchange.demand();
        next = Content.Chunk.from(CONTENT.slice(), false);
        exchange.read();
        assertFalse(connection.isAllWaiting());
        assertEquals(CONTENT.remaining(), connection.read());
        write(exchange, false);
        exchange.demand();
        exchange.read();
        assertTrue(connection.isAllWaiting());
        exchange.demand();
        exchange.succeeded();
        assertEquals(0, connection.exchanges());
        assertIdleWord();
    }

    private void assertIdleWord() {
        assertTrue(connection.onRequest(governor.now));
        assertFalse(connection.isAllWaiting(), "an exchange that is over is still said to wait");
        connection.waits();
        assertTrue(connection.isAllWaiting(), "an exchange has stopped to wait twice");
        connection.onExchangeOver(true);
    }

    @Test
    void exchangeWhoseStreamFailsToEndIsOver() {
        Http2Exchange exchange = begin(() -> {
            throw new IllegalStateException("the connection of the tunnel fails to open");
        });
        assertThrows(IllegalStateException.class, exchange::succeeded);
        assertEquals(0, connection.exchanges());
    }

    /** An application may read on one thread and write on another one, as gRPC does. */
    @Test
    void readsAndWritesAtTheSameTimeAreCountedRight() throws Exception {
        next = Content.Chunk.from(CONTENT.slice(), false);
        int rounds = 100_000;
        AtomicReference<Http2Exchange> current = new AtomicReference<>();
        Thread reader = new Thread(() -> {
            for (int i = 0; i < rounds; i++) {
                Http2Exchange exchange = await(current, false);
                exchange.demand();
                exchange.read();
                exchange.demand();
                exchange.read();
                current.set(null);
            }
        });
        reader.start();
        for (int i = 0; i < rounds; i++) {
            Http2Exchange exchange = begin(() -> {});
            current.set(exchange);
            for (int pause = i % 64; pause > 0; pause--) {
                Thread.onSpinWait();
            }
            write(exchange, false);
            await(current, true);
            exchange.succeeded();
        }
        reader.join();
        assertEquals(0, connection.exchanges());
        assertIdleWord();
    }

    /** Waits without sleeping, so that both threads go on at the same time. */
    private static Http2Exchange await(AtomicReference<Http2Exchange> current, boolean gone) {
        Http2Exchange seen = current.get();
        for (int spins = 0; (seen == null) != gone; seen = current.get()) {
            if (++spins % 1000 == 0) {
                LockSupport.parkNanos(1); // The other thread may have no CPU.
            }
        }
        return seen;
    }
}
