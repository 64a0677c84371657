package org.strictkeepalive;

import java.lang.module.ModuleDescriptor.Version;
import java.nio.channels.SelectableChannel;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.util.Jetty;
import org.eclipse.jetty.util.thread.AutoLock;

/**
 * Pauses accepting, and resumes exactly what it paused, so that other switches of the same flag keep their say.
 *
 * <p>Safe for use by any thread.
 */
final class AcceptGate {
    private static final String UNIX_DOMAIN = "org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector";
    /** The first Jetty whose connector for Unix domain sockets can be paused and resumed. */
    private static final Version UNIX_DOMAIN_SINCE = Version.parse("12.1.14");

    /** The descriptors that stay free in any case, besides one for each acceptor: for the probe, and to close with. */
    static final int LAST_DESCRIPTORS = 3;

    private final AutoLock lock = new AutoLock();
    private final Set<AbstractConnector> paused = new LinkedHashSet<>();
    private long pauses;

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

    /** Pauses a connector that is accepting; one that was paused here before is held so. */
    void pause(AbstractConnector connector) {
        try (AutoLock ignored = lock.lock()) {
            if (connector.isRunning() && connector.isAccepting() && isPausable(connector)) {
                connector.setAccepting(false);
                if (paused.add(connector)) {
                    pauses++;
                }
            }
        }
    }

    /** Resumes what was paused here. What can't be resumed yet stays paused: ask again at the next tick. */
    void resume() {
        try (AutoLock ignored = lock.lock()) {
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
        try (AutoLock ignored = lock.lock()) {
            if (paused.remove(connector)) {
                connector.setAccepting(true);
            }
        }
    }

    /** How often a connector was paused. */
    long pauses() {
        try (AutoLock ignored = lock.lock()) {
            return pauses;
        }
    }

    boolean isPaused() {
        try (AutoLock ignored = lock.lock()) {
            return !paused.isEmpty();
        }
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
