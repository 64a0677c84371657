package org.strictkeepalive.internal.jetty;

import java.io.IOException;
import java.nio.channels.SelectableChannel;
import java.util.Collections;
import java.util.EventListener;
import java.util.List;
import java.util.Set;
import java.util.WeakHashMap;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ServerConnector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.internal.connection.Sockets;
import org.strictkeepalive.internal.server.ServerGovernor;

/**
 * Hears of the accepts of a connector, and closes what is accepted while it stops. Jetty makes an endpoint on a thread of
 * its pool. If its selector has ended by then, Jetty never closes it.
 */
final class Accepts implements SelectorManager.AcceptListener {
    private static final Logger LOG = LoggerFactory.getLogger(Accepts.class);

    private final AbstractConnector connector;
    private final ServerGovernor server;
    /**
     * The accepted channels whose connection is not open yet. Weak, because a factory of others may not tell its listeners
     * of the connection.
     */
    private final Set<SelectableChannel> opening =
            Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    private volatile boolean ended;

    Accepts(AbstractConnector connector, ServerGovernor server) {
        this.connector = connector;
        this.server = server;
    }

    void begin() {
        SelectorManager selectors = selectors();
        if (selectors != null) {
            for (EventListener listener : List.copyOf(selectors.getEventListeners())) {
                if (listener instanceof Accepts before && before.ended) {
                    selectors.removeEventListener(before);
                }
            }
            selectors.addEventListener(this);
        }
    }

    /** The connector has stopped. It goes on to hear, as accepts may come late. */
    void end() {
        ended = true;
        for (SelectableChannel channel : List.copyOf(opening)) {
            onAcceptFailed(channel, null);
            close(channel);
        }
        for (EndPoint endPoint : connector.getConnectedEndPoints()) {
            try {
                endPoint.close();
            } catch (RuntimeException x) { // of a callback of the application
                LOG.debug("Unable to close {}", endPoint, x);
            }
        }
    }

    /** The selector manager of the connector, also of one for Unix domain sockets; null if it has none. */
    private SelectorManager selectors() {
        return connector instanceof ServerConnector tcp
                ? tcp.getSelectorManager()
                : connector.getBean(SelectorManager.class);
    }

    @Override
    public void onAccepting(SelectableChannel channel) {
        opening.add(channel);
        if (!ended && !server.onAccepting(connector, channel)) {
            close(channel);
        }
        if (ended) { // Perhaps meanwhile. Then this channel may not be reported again.
            onAcceptFailed(channel, null);
            late(channel);
        }
    }

    /** Jetty may make the endpoint next. */
    @Override
    public void onAccepted(SelectableChannel channel) {
        server.onAccepted(channel);
        if (ended) {
            late(channel);
        }
    }

    private void late(SelectableChannel channel) {
        if (!connector.isRunning()) {
            close(channel);
        } else { // It runs again, ungoverned.
            selectors().removeEventListener(this);
            opening.clear();
        }
    }

    @Override
    public void onAcceptFailed(SelectableChannel channel, Throwable cause) {
        opening.remove(channel);
        server.onAccepted(channel);
    }

    /** The connection is open now, and known to the connector. */
    void onOpened(Connection connection) {
        if (!opening.isEmpty()) {
            opening.remove(Sockets.innermost(connection.getEndPoint()).getTransport());
        }
    }

    private static void close(SelectableChannel channel) {
        try {
            channel.close();
        } catch (IOException x) {
            LOG.debug("Unable to close {}", channel, x);
        }
    }
}
