package org.strictkeepalive.spring;

import java.util.Optional;
import org.eclipse.jetty.server.Server;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/** The server that Spring Boot has made, once it is there. Safe for use by any thread. */
class BootServer {
    private static final Logger LOG = LoggerFactory.getLogger(BootServer.class);

    private final KeepAlivePolicy policy;
    private volatile Server server;

    BootServer(KeepAlivePolicy policy) {
        this.policy = policy;
    }

    /** Spring Boot has made a server, and customized it otherwise. */
    void install(Server made) {
        if (StrictKeepAlive.isInstalled(made)) {
            LOG.info("The application has installed a policy of its own: {}.* is not used", BootSettings.PREFIX);
        } else {
            StrictKeepAlive.install(made, policy);
        }
        server = made;
    }

    Optional<DescriptorMonitor> monitor() {
        return Optional.ofNullable(server).map(DescriptorMonitor::of);
    }
}
