package org.strictkeepalive.internal.server;

import java.lang.module.ModuleDescriptor.Version;
import java.nio.channels.SelectableChannel;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.util.Jetty;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.time.Mutex;

/**
 * Pauses accepting, and resumes exactly what it paused, so that other switches of the same flag keep their say.
 *
 * <p>Jetty's {@code setAccepting} is called under this gate's lock. It has to be: an acceptor thread that finds the
 * reserve reached must not accept again before the pause holds, and a pause and a resume of the same connector must not
 * overtake each other. It is safe, since this lock is taken last: nobody takes another lock of ours under it, {@code
 * setAccepting} takes only the connector's own and the selector's, and Jetty calls us under neither.
 *
 * <p>Safe for use by any thread. Readers take no lock.
 */
public final class AcceptGate {
    private static final String UNIX_DOMAIN = "org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector";
    /** The first Jetty whose connector for Unix domain sockets can be paused and resumed. */
    private static final Version UNIX_DOMAIN_SINCE = Version.parse("12.1.14");

    /** The descriptors that stay free in any case, besides one for each acceptor: for the probe, and to close with. */
    static final int LAST_DESCRIPTORS = 3;

    private final Mutex lock = new Mutex();
    /** Written under the lock. */
    private final Set<AbstractConnector> paused = ConcurrentHashMap.newKeySet();

    private final AtomicLong pauses = new AtomicLong();

    /**
     * Tells whether accepting pauses. The reserve is there for what comes while connections are being closed. Where
     * none can be, visitors may use it, as they may without a reserve.
     *
     * @param pressure the pressure
     * @param full whether the connections are as many as are allowed
     * @param stuck whether no connection can be evicted or is about to go
     * @param acceptors the acceptor threads, each of which lets one more in
     */
    static boolean isShut(Pressure pressure, boolean full, boolean stuck, int acceptors) {
        if (pressure.level() != PressureLevel.CRITICAL) {
            return false;
        }
        if (pressure.open() == 0) {
            // Nobody would end the pause, unless nothing is free at all.
            return pressure.free() == 0;
        }
        return full || !stuck || pressure.free() <= acceptors + LAST_DESCRIPTORS;
    }

    /**
     * Pauses or resumes connectors, as is wanted when this thread's turn has come: so the last wish prevails.
     *
     * @param shut whether they are to be paused
     * @param connectors the connectors to pause
     */
    void settle(BooleanSupplier shut, Iterable<? extends GovernedConnector> connectors) {
        if (paused.isEmpty() && !shut.getAsBoolean()) {
            return;
        }
        try (Mutex ignored = lock.hold()) {
            if (shut.getAsBoolean()) {
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

    /** Resumes what was paused here. What can't be resumed yet stays paused: ask again at the next tick. */
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
     * Without acceptor threads the flag cancels the selection key of the listening socket, or registers it anew: two
     * keys at once, or one while the cancelled one is still there, would close that socket for ever.
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
     * Whether a connector that is resumed would register its listening socket with a selector although it has acceptor
     * threads, which closes that socket for ever. It is known by name, since its jar need not be there.
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
