package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.jetty.ConnectorGovernor;

/** Accepts of a connector that is no {@code ServerConnector} are heard of before their descriptors are counted. */
class UnixDomainAcceptTest {
    @Test
    void acceptsAreHeardOfOnceAlsoAfterARestart(@TempDir Path directory) throws Exception {
        Server server = new Server();
        UnixDomainServerConnector connector =
                new UnixDomainServerConnector(server, 1, 1, new StrictKeepAliveConnectionFactory());
        connector.setUnixDomainPath(directory.resolve("s"));
        server.addConnector(connector);
        for (int i = 0; i < 2; i++) {
            server.start();
            assertEquals(1, heard(connector));
            server.stop();
        }
    }

    private static long heard(UnixDomainServerConnector connector) {
        return connector.getBean(SelectorManager.class).getEventListeners().stream()
                .filter(listener -> listener.getClass().getPackage() == ConnectorGovernor.class.getPackage())
                .count();
    }
}
