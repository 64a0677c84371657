package org.strictkeepalive.spring;

import java.util.Optional;
import java.util.stream.Stream;
import org.eclipse.jetty.server.Server;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;

/** The server that Spring Boot has made, once it is there. Safe for use by any thread. */
class BootServer {
    private static final Logger LOG = LoggerFactory.getLogger(BootServer.class);

    private final KeepAlivePolicy policy;
    private volatile StrictKeepAlive installed;

    BootServer(KeepAlivePolicy policy) {
        this.policy = policy;
    }

    /** Spring Boot has made a server, and customized it otherwise. */
    void install(Server server) {
        boolean isOwn = Stream.of(server.getConnectors())
                .anyMatch(connector -> connector.getConnectionFactory(StrictKeepAliveConnectionFactory.class) != null);
        if (isOwn) {
            LOG.info("The application has installed a policy of its own: {}.* is not used", BootSettings.PREFIX);
        } else {
            installed = StrictKeepAlive.install(server, policy);
        }
    }

    Optional<DescriptorMonitor> monitor() {
        return Optional.ofNullable(installed).map(StrictKeepAlive::getDescriptorMonitor);
    }
}
