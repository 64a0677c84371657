package org.strictkeepalive.internal.server;

import java.util.stream.Collectors;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Jetty;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.PolicyRules;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;

/**
 * Checks at the start of a connector. Refuses settings that contradict each other, and warns about what won't work
 * well.
 */
final class StartupChecks {
    private static final Logger LOG = LoggerFactory.getLogger(OperatorLog.LOGGER);
    private static final int GOOD_BACKLOG = 128;

    private StartupChecks() {}

    /** Refuses a connector whose policy contradicts itself or the settings of the server's other connectors. */
    static void refuse(GovernedConnector starting, Iterable<GovernedConnector> others) {
        KeepAlivePolicy wanted = starting.decisions().policy();
        PolicyRules.check(wanted);
        for (GovernedConnector other : others) {
            if (!PolicyRules.agree(other.decisions().policy(), wanted)) {
                throw new IllegalStateException(PolicyRules.serverSettings().stream()
                                .map(KeepAliveSetting::toString)
                                .collect(Collectors.joining(", "))
                        + ": not the same on " + starting.connector() + " and " + other.connector()
                        + " (expected: the same on all connectors of a server, since they share its limit)");
            }
        }
    }

    /** Warns about the process when the first connector of a server starts. */
    static void warn(PressureMeter meter) {
        KeepAlivePolicy policy = meter.policy();
        DescriptorCounter counter = meter.counter();
        if (!meter.pressure().isKnown()) {
            LOG.warn(
                    "Descriptors can't be counted on this system (probe {}), so they cause no pressure: set maxConnections",
                    counter.probeName());
        } else if (counter.limit() > PressureGauge.LARGEST_LIMIT
                && policy.getDescriptorLimit() <= 0
                && policy.getMaxConnections() <= 0) {
            LOG.warn(
                    "The descriptor limit of {} is too large to matter, {} is used: set descriptorLimit or maxConnections",
                    counter.limit(),
                    PressureGauge.LARGEST_LIMIT);
        }
        warnOfChanges(meter);
    }

    /** Warns about settings that can't be followed, when they are set. */
    static void warnOfChanges(PressureMeter meter) {
        KeepAlivePolicy policy = meter.policy();
        long most = meter.counter().limit();
        if (most >= 0 && policy.getDescriptorLimit() > most) {
            LOG.warn(
                    "descriptorLimit: {} is more than the {} descriptors that the process may open, {} is used",
                    policy.getDescriptorLimit(),
                    most,
                    most);
        }
        Integer reserved = policy.getReservedDescriptors();
        Pressure seen = reserved == null ? Pressure.NONE : meter.look();
        if (reserved != null && seen.isKnown() && reserved > seen.reserve()) {
            LOG.warn(
                    "reservedDescriptors: {} is more than a tenth of the connections' room, {} is used now",
                    reserved,
                    seen.reserve());
        }
    }

    /** Warns about a connector when it starts. */
    static void warn(AbstractConnector connector, KeepAlivePolicy policy, int acceptors) {
        Integer reserved = policy.getReservedDescriptors();
        if (reserved != null && reserved <= acceptors) {
            LOG.warn(
                    "reservedDescriptors: {} is not more than the {} acceptor threads of the connectors, {} is used",
                    reserved,
                    acceptors,
                    acceptors + 1);
        }
        if (policy.isPauseAcceptWhenCritical() && AcceptGate.losesItsSocket(connector.getClass(), Jetty.VERSION)) {
            LOG.warn("{} can't pause accepting: before 12.1.14 Jetty closes its socket at the resume", connector);
        } else if (connector.getAcceptors() == 0) {
            LOG.warn(
                    "{} has no acceptor thread, so accepting can't pause within a burst: configure acceptors=1",
                    connector);
        }
        if (connector instanceof ServerConnector server && server.getAcceptQueueSize() < GOOD_BACKLOG) {
            LOG.warn(
                    "{} has acceptQueueSize {}{}: visitors beyond it wait a second or more, set 1024",
                    server,
                    server.getAcceptQueueSize(),
                    server.getAcceptQueueSize() == 0 ? " (the JDK then uses 50)" : "");
        }
    }
}
