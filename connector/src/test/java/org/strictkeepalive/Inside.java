package org.strictkeepalive;

import java.util.function.LongSupplier;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.thread.Scheduler;
import org.strictkeepalive.internal.jetty.ConnectorGovernor;
import org.strictkeepalive.internal.server.DescriptorProbe;
import org.strictkeepalive.internal.server.ServerGovernor;

/** What tests in other packages need of the exported classes, and users don't. */
public final class Inside {
    private Inside() {}

    /** A monitor in virtual time, where everything is done by the thread that asks for it. */
    public static DescriptorMonitor monitor(Scheduler scheduler, DescriptorProbe probe, LongSupplier clock) {
        return new DescriptorMonitor(scheduler, probe, clock);
    }

    /** The monitor of a server, made where there is none yet. */
    public static DescriptorMonitor monitor(Server server) {
        return DescriptorMonitor.of(server);
    }

    public static ServerGovernor governor(DescriptorMonitor monitor) {
        return monitor.governor();
    }

    public static ConnectorGovernor governor(StrictKeepAliveConnectionFactory factory, Connector connector) {
        return factory.governed(connector);
    }
}
