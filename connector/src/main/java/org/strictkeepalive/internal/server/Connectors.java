package org.strictkeepalive.internal.server;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.NetworkConnector;

/** The running governed connectors of a server. Safe for use by any thread. */
public final class Connectors implements Iterable<GovernedConnector> {
    private final Set<GovernedConnector> running = new CopyOnWriteArraySet<>();

    /** Those of which operators have not been told. */
    private final Set<GovernedConnector> untold = new CopyOnWriteArraySet<>();

    private final Ungoverned ungoverned = new Ungoverned();

    /** Their connections that are not governed. */
    public Ungoverned ungoverned() {
        return ungoverned;
    }

    void add(GovernedConnector connector) {
        running.add(connector);
        untold.add(connector);
    }

    void remove(GovernedConnector connector) {
        running.remove(connector);
        untold.remove(connector);
    }

    /** The name of a connector for operators: its own, or {@code :} and its port where it has none. */
    public static String nameOf(AbstractConnector connector) {
        if (connector.getName() != null) {
            return connector.getName();
        }
        if (connector instanceof NetworkConnector network) {
            return ":" + (network.getLocalPort() > 0 ? network.getLocalPort() : network.getPort());
        }
        return connector.getClass().getSimpleName();
    }

    /** Those of which operators have not been told, each only once. */
    public List<GovernedConnector> takeUntold() {
        List<GovernedConnector> result = new ArrayList<>(untold);
        result.removeIf(connector -> !untold.remove(connector));
        return result;
    }

    boolean isEmpty() {
        return running.isEmpty();
    }

    /** A view of them. */
    public Collection<GovernedConnector> all() {
        return Collections.unmodifiableSet(running);
    }

    @Override
    public Iterator<GovernedConnector> iterator() {
        return running.iterator();
    }

    /** The acceptor threads of all. */
    int acceptors() {
        int sum = 0;
        for (GovernedConnector governed : running) {
            sum += governed.connector().getAcceptors();
        }
        return sum;
    }

    /** The number of connections of all, of whatever protocol. */
    int endPoints() {
        int sum = 0;
        for (GovernedConnector governed : running) {
            sum += governed.connector().getConnectedEndPoints().size();
        }
        return sum;
    }

    /** Whether one of them shuts down, so that its idle connections have to end. */
    boolean isAnyShutdown() {
        for (GovernedConnector governed : running) {
            if (governed.isShutdown()) {
                return true;
            }
        }
        return false;
    }
}
