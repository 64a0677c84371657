package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.logging.StdErrAppender;
import org.eclipse.jetty.server.AbstractConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** Settings that contradict each other, in a factory inside another one. */
class NestedPolicyTest {
    /** Settings that are refused together only. */
    private static final KeepAlivePolicy WRONG =
            KeepAlivePolicy.builder().elevatedAt(0.9).highAt(0.8).build();

    /** A factory that makes the connections of another one. */
    private static final class Wrapping extends AbstractConnectionFactory {
        private final StrictKeepAliveConnectionFactory inner;

        private Wrapping(StrictKeepAliveConnectionFactory inner, boolean bean) {
            super("http/1.1");
            this.inner = inner;
            if (bean) {
                addBean(inner);
            }
        }

        @Override
        public Connection newConnection(Connector connector, EndPoint endPoint) {
            return inner.newConnection(connector, endPoint);
        }
    }

    private static ServerConnector connector(Server server, StrictKeepAliveConnectionFactory inner, boolean bean) {
        ServerConnector connector = new ServerConnector(server, 1, 1, new Wrapping(inner, bean));
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.setHandler(TestServer.hello());
        return connector;
    }

    /** As setters make it, which can't know what is still to come. */
    private static StrictKeepAliveConnectionFactory wrong() {
        StrictKeepAliveConnectionFactory factory = new StrictKeepAliveConnectionFactory(new HttpConfiguration());
        factory.setPolicy(WRONG);
        return factory;
    }

    /** A start that fails leaves the threads of the server running, so what is known before is refused before. */
    @Test
    void aPolicyThatIsCompleteIsRefusedAtOnce() {
        String message = assertThrows(
                        IllegalArgumentException.class,
                        () -> new StrictKeepAliveConnectionFactory(new HttpConfiguration(), WRONG))
                .getMessage();
        assertEquals("elevatedAt: 0.9 (expected: less than highAt, which is 0.8)", message);
    }

    @Test
    void whereTheStartCanSeeItItIsRefused() {
        Server server = new Server();
        connector(server, wrong(), true);
        String message =
                assertThrows(IllegalArgumentException.class, server::start).getMessage();
        assertTrue(message.contains("elevatedAt: 0.9") && message.contains("highAt"), message);
    }

    @Test
    void elseItIsLoggedOnceAndConnectionsAreJettysOwnUntilItIsPutRight() throws Exception {
        StrictKeepAliveConnectionFactory inner = wrong();
        Server server = new Server();
        ServerConnector connector = connector(server, inner, false);
        JettyLogger logger = (JettyLogger) LoggerFactory.getLogger(StrictKeepAliveConnectionFactory.class);
        StdErrAppender appender = (StdErrAppender) logger.getAppender();
        PrintStream usual = appender.getStream();
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        server.start();
        appender.setStream(new PrintStream(log, true, StandardCharsets.UTF_8));
        try {
            for (int i = 0; i < 3; i++) {
                assertEquals(200, status(connector));
            }
            inner.setPolicy(KeepAlivePolicy.defaults());
            assertEquals(200, status(connector));
            assertEquals(1, Inside.monitor(server).getStatistics().getOpened(), "governed from now on");
        } finally {
            appender.setStream(usual);
            server.stop();
        }
        String text = log.toString(StandardCharsets.UTF_8);
        assertEquals(
                1, text.lines().filter(line -> line.contains("elevatedAt: 0.9")).count(), text);
        assertTrue(text.contains("ERROR") && text.contains("less than highAt, which is 0.8"), text);
    }

    private static int status(ServerConnector connector) throws Exception {
        try (RawClient client = new RawClient(Transport.CLEAR.connect(connector.getLocalPort()))) {
            client.socket().setSoTimeout(20_000);
            return client.get().status();
        }
    }
}
