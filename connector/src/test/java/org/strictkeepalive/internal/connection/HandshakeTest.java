package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Proxy;
import org.eclipse.jetty.io.ByteArrayEndPoint;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/** When a handshake ends, the timer and relief may still hold it, and its socket has another connection. */
class HandshakeTest {
    private static final long SECOND = 1_000_000_000L;

    private long now = 1_000 * SECOND;
    private int told;
    private final Decisions decisions = new Decisions(KeepAlivePolicy.defaults());
    private final ByteArrayEndPoint socket = new ByteArrayEndPoint();
    private final Handshake handshake = new Handshake(governor(), socket);

    private Governor governor() {
        return (Governor) Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {Governor.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "now" -> now;
                    case "decisions" -> decisions;
                    case "pressure" -> Pressure.NONE;
                    case "idleTimeout" -> 30 * SECOND;
                    case "stopTimeout" -> Decisions.NEVER;
                    case "execute" -> {
                        ((Runnable) arguments[0]).run();
                        yield null;
                    }
                    case "closing" -> {
                        told++;
                        yield null;
                    }
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    @BeforeEach
    void open() {
        socket.onOpen();
    }

    @Test
    void itIsClosedAtItsTimeout() {
        now += 10 * SECOND;
        handshake.look(new Tick(now, Pressure.NONE));
        assertFalse(socket.isOpen());
        assertEquals(1, told);
    }

    @Test
    void itIsEvicted() {
        assertTrue(handshake.evict(handshake.since(), now));
        assertFalse(socket.isOpen());
    }

    @Test
    void oneThatIsOverClosesNothing() {
        handshake.over();
        now += 10 * SECOND;
        handshake.look(new Tick(now, Pressure.NONE));
        assertFalse(handshake.evict(handshake.since(), now));
        assertTrue(socket.isOpen());
        assertEquals(0, told);
    }
}
