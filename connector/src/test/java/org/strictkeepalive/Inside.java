package org.strictkeepalive;

import java.util.function.LongSupplier;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.thread.Scheduler;

/** What tests in other packages need of the exported classes, and users don't. */
final class Inside {
    private Inside() {}

    /** A monitor in virtual time, where everything is done by the thread that asks for it. */
    static DescriptorMonitor monitor(Scheduler scheduler, DescriptorProbe probe, LongSupplier clock) {
        return new DescriptorMonitor(scheduler, probe, clock);
    }

    /** The monitor of a server, made where there is none yet. */
    static DescriptorMonitor monitor(Server server) {
        return DescriptorMonitor.of(server);
    }

    static ServerGovernor governor(DescriptorMonitor monitor) {
        return monitor.governor();
    }

    static ConnectorGovernor governor(StrictKeepAliveConnectionFactory factory, Connector connector) {
        return factory.governed(connector);
    }
}
