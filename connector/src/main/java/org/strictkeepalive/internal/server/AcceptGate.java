package org.strictkeepalive.internal.server;

import java.lang.module.ModuleDescriptor.Version;
import java.nio.channels.SelectableChannel;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.util.Jetty;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.time.Mutex;

/**
 * Pauses accepting, and resumes only what it paused itself, so that it doesn't override others who set the same flag.
 *
 * <p>Jetty's {@code setAccepting} is called under this gate's lock, for two reasons. An acceptor thread that finds the
 * reserve reached must not accept again before the pause holds. A pause and a resume of the same connector must not
 * overtake each other. This is safe, since the lock is taken last: nobody takes another lock of ours under it, {@code
 * setAccepting} takes only the connector's own and the selector's, and Jetty calls us under neither.
 *
 * <p>Safe for use by any thread. Readers take no lock.
 */
public final class AcceptGate {
    private static final String UNIX_DOMAIN = "org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector";
    /** The first Jetty whose connector for Unix domain sockets can be paused and resumed. */
    private static final Version UNIX_DOMAIN_SINCE = Version.parse("12.1.14");

    /** How many descriptors stay free in any case, for the probe and for closes, besides one for each acceptor. */
    static final int LAST_DESCRIPTORS = 3;

    private final Mutex lock = new Mutex();
    /** Written under the lock. */
    private final Set<AbstractConnector> paused = ConcurrentHashMap.newKeySet();

    private final AtomicLong pauses = new AtomicLong();

    /**
     * Tells whether accepting pauses. The reserve is for accepts while connections are being closed. If none can be
     * closed, visitors may use the reserve.
     *
     * @param pressure the pressure
     * @param full whether {@code maxConnections} is reached
     * @param stuck whether no connection can be evicted or is about to go
     * @param acceptors the number of acceptor threads, each of which accepts one more connection
     */
    static boolean isShut(Pressure pressure, boolean full, boolean stuck, int acceptors) {
        if (pressure.level() != PressureLevel.CRITICAL) {
            return false;
        }
        if (pressure.open() == 0) {
            // No close would end the pause, so pause only if no descriptor is free.
            return pressure.free() == 0;
        }
        return full || !stuck || pressure.free() <= acceptors + LAST_DESCRIPTORS;
    }

    private static boolean isShut(PressureMeter meter) {
        Pressure p = meter.pressure();
        KeepAlivePolicy policy = meter.policy();
        // If visitors are refused, they have to be accepted for it. So the reserve is kept for them.
        boolean mayRefuse = policy.isRefuseWhenFull();
        boolean refuses = mayRefuse && p.verdict().full();
        boolean stuck = mayRefuse ? refuses : p.verdict().stuck();
        boolean full = !refuses && policy.getMaxConnections() > 0 && p.open() >= policy.getMaxConnections();
        return policy.isPauseAcceptWhenCritical() && isShut(p, full, stuck, meter.acceptors());
    }

    /** Pauses or resumes connectors. The pressure is judged under the lock, so the latest state prevails. */
    void settle(PressureMeter meter, Iterable<? extends GovernedConnector> connectors) {
        if (paused.isEmpty() && !isShut(meter)) {
            return;
        }
        try (Mutex ignored = lock.hold()) {
            if (isShut(meter)) {
                connectors.forEach(governed -> pause(governed.connector()));
            } else {
                resume();
            }
        }
    }

    /** Pauses a connector that is accepting. If it was paused here before and somebody resumed it, it is paused again. */
    void pause(AbstractConnector connector) {
        try (Mutex ignored = lock.hold()) {
            if (connector.isRunning() && connector.isAccepting() && isPausable(connector)) {
                connector.setAccepting(false);
                if (paused.add(connector)) {
                    pauses.incrementAndGet();
                }
            }
        }
    }

    /** Resumes what was paused here. A connector that can't be resumed yet stays paused until the next call. */
    void resume() {
        if (paused.isEmpty()) {
            return;
        }
        try (Mutex ignored = lock.hold()) {
            for (Iterator<AbstractConnector> i = paused.iterator(); i.hasNext(); ) {
                AbstractConnector connector = i.next();
                if (isResumable(connector)) {
                    i.remove();
                    connector.setAccepting(true);
                }
            }
        }
    }

    /** Resumes a connector that stops, since its flag outlives the stop. */
    void release(AbstractConnector connector) {
        try (Mutex ignored = lock.hold()) {
            if (paused.remove(connector)) {
                connector.setAccepting(true);
            }
        }
    }

    /** How often a connector was paused. */
    public long pauses() {
        return pauses.get();
    }

    public boolean isPaused() {
        return !paused.isEmpty();
    }

    /**
     * Whether accepting can resume. Without acceptor threads Jetty's flag cancels the selection key of the listening
     * socket, or registers a new one. A new key beside another one, even a cancelled one, would close that socket for
     * good.
     */
    private static boolean isResumable(AbstractConnector connector) {
        return connector.getAcceptors() > 0
                || !(connector.getTransport() instanceof SelectableChannel channel)
                || !channel.isRegistered();
    }

    private static boolean isPausable(AbstractConnector connector) {
        if (losesItsSocket(connector.getClass(), Jetty.VERSION)) {
            return false;
        }
        return connector.getAcceptors() > 0
                || !(connector.getTransport() instanceof SelectableChannel channel)
                || channel.isRegistered();
    }

    /**
     * Whether a connector would lose its listening socket when it resumes. Before 12.1.14 Jetty's connector for Unix
     * domain sockets then registers that socket with a selector although it has acceptor threads, which closes it for
     * good. The class is known by its name, since its jar may be missing.
     */
    static boolean losesItsSocket(Class<?> connector, String jettyVersion) {
        for (Class<?> type = connector; type != null; type = type.getSuperclass()) {
            if (type.getName().equals(UNIX_DOMAIN)) {
                return Version.parse(jettyVersion).compareTo(UNIX_DOMAIN_SINCE) < 0;
            }
        }
        return false;
    }
}
