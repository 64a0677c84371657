package org.strictkeepalive;

import java.io.IOException;
import java.nio.channels.SelectableChannel;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.io.ssl.SslConnection;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.NegotiatingServerConnection;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.IO;
import org.eclipse.jetty.util.component.Graceful;
import org.eclipse.jetty.util.component.LifeCycle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connector whose HTTP/1.1 connections are governed: hears of every accept and every connection, from the start of
 * the connector to its stop, and puts everything back then.
 */
final class GovernedConnector
        implements Governor, Connection.Listener, SelectorManager.AcceptListener, LifeCycle.Listener, Graceful {
    private static final Logger LOG = LoggerFactory.getLogger(GovernedConnector.class);
    private static final int GOOD_BACKLOG = 128;

    private final AbstractConnector connector;
    private final StrictKeepAliveConnectionFactory factory;
    private final DescriptorMonitor monitor;
    private final HttpConfiguration.Customizer customizer;
    /** Connections in a phase before HTTP: ALPN, PROXY, protocol detection. */
    private final Map<EndPoint, Handshake> handshakes = new ConcurrentHashMap<>();

    private volatile Decisions decisions;
    private volatile boolean shutdown;
    /** Whether {@link #stopBegan} is known; it may be the timer that sees a shutdown first. */
    private volatile boolean stopping;

    private volatile long stopBegan;

    GovernedConnector(AbstractConnector connector, StrictKeepAliveConnectionFactory factory) {
        this.connector = connector;
        this.factory = factory;
        monitor = DescriptorMonitor.of(connector.getServer());
        customizer = new GuardCustomizer(this);
        decisions = new Decisions(factory.getPolicy());
    }

    AbstractConnector connector() {
        return connector;
    }

    StrictKeepAliveConnectionFactory factory() {
        return factory;
    }

    DescriptorMonitor monitor() {
        return monitor;
    }

    /** A new policy: it acts on open connections. */
    void setPolicy(KeepAlivePolicy changed) {
        decisions = new Decisions(changed);
    }

    // ---- What connections ask

    @Override
    public Decisions decisions() {
        return decisions;
    }

    @Override
    public Pressure pressure() {
        return monitor.pressure();
    }

    @Override
    public long now() {
        return monitor.now();
    }

    @Override
    public long begun(Request request) {
        return monitor.begun(request);
    }

    @Override
    public void due(GovernedConnection connection, long due) {
        monitor.due(connection, due);
    }

    @Override
    public void closing(Connection connection, CloseReason reason) {
        monitor.onClosing(this, connection, reason);
    }

    @Override
    public void closed(GovernedConnection connection, CloseReason reason) {
        if (connection instanceof Handshake handshake) {
            handshakes.remove(handshake.endPoint(), handshake);
        }
        monitor.onClosed(connection, reason);
    }

    @Override
    public void execute(Runnable task) {
        monitor.closer().execute(task);
    }

    @Override
    public Executor executor() {
        return connector.getExecutor();
    }

    @Override
    public ApplicationCalls calls() {
        return monitor.calls();
    }

    @Override
    public Counters counters() {
        return monitor.counters();
    }

    @Override
    public long idleTimeout() {
        return connector.getIdleTimeout() * 1_000_000;
    }

    // ---- Life cycle

    void govern() {
        monitor.register(this);
        connector.addEventListener(this);
        factory.getHttpConfiguration().getCustomizers().add(0, customizer);
        SelectorManager selectors = selectors();
        if (selectors != null) {
            // The connector has already handed on those of its listeners that it had before its start.
            selectors.addEventListener(this);
        }
        if (connector instanceof ServerConnector server) {
            int backlog = server.getAcceptQueueSize();
            if (backlog < GOOD_BACKLOG) {
                LOG.warn(
                        "{} has acceptQueueSize {}{}: past it visitors are late by a second and more, set 1024",
                        server,
                        backlog,
                        backlog == 0 ? ", which is 50" : "");
            }
        }
    }

    @Override
    public void lifeCycleStopping(LifeCycle stopping) {
        monitor.unregister(this);
    }

    @Override
    public void lifeCycleStopped(LifeCycle stopped) {
        release();
    }

    @Override
    public void lifeCycleFailure(LifeCycle failed, Throwable cause) {
        monitor.unregister(this);
        release();
    }

    private void release() {
        connector.removeEventListener(this);
        factory.getHttpConfiguration().getCustomizers().remove(customizer);
        SelectorManager selectors = selectors();
        if (selectors != null) {
            selectors.removeEventListener(this);
        }
        handshakes.clear();
        monitor.sweep(this);
        factory.release(this);
    }

    /** What accepts, of a connector for Unix domain sockets too; null where there is no such thing. */
    private SelectorManager selectors() {
        return connector instanceof ServerConnector server
                ? server.getSelectorManager()
                : connector.getBean(SelectorManager.class);
    }

    /** Found by the server at a stop with a timeout, since listeners of the connector are its beans. */
    @Override
    public CompletableFuture<Void> shutdown() {
        shutdown = true;
        beginStop(monitor.now());
        monitor.onShutdown();
        return CompletableFuture.completedFuture(null); // It is the connector that waits for its connections.
    }

    @Override
    public boolean isShutdown() {
        return shutdown || connector.isShutdown();
    }

    @Override
    public CloseReason farewell() {
        return isShutdown() ? CloseReason.STOP : monitor.isDrainedAway() ? CloseReason.DRAIN : null;
    }

    private void beginStop(long now) {
        if (!stopping) {
            stopBegan = now;
            stopping = true;
        }
    }

    /**
     * The {@code shutdownIdleTimeout} since the stop began, or since the wait did. Jetty sets that timeout on all
     * endpoints, but there each byte begins it anew.
     */
    @Override
    public long stopTimeout(long since, long now) {
        if (!isShutdown()) {
            return Decisions.NEVER;
        }
        beginStop(now);
        long grace = connector.getShutdownIdleTimeout();
        if (grace < 0) {
            grace = connector.getIdleTimeout();
        }
        return grace < 0 ? Decisions.NEVER : Math.max(stopBegan - since, 0) + TimeUnit.MILLISECONDS.toNanos(grace);
    }

    @Override
    public boolean isStopping() {
        return !connector.isRunning();
    }

    // ---- Accept

    @Override
    public void onAccepting(SelectableChannel channel) {
        if (!monitor.onAccepting(connector)) {
            try {
                channel.close();
            } catch (IOException x) {
                IO.close(channel);
                LOG.debug("Unable to close {}", channel, x);
            }
        }
    }

    @Override
    public void onAccepted(SelectableChannel channel) {
        monitor.onAccepted();
    }

    @Override
    public void onAcceptFailed(SelectableChannel channel, Throwable cause) {
        monitor.onAccepted();
    }

    // ---- Connections

    /** Starts to govern an HTTP/1.1 connection, which may have been known in a phase before. */
    void onGuard(ConnectionGuard guard) {
        monitor.counters().regret().onOpened(guard.peer(), monitor.now());
        Handshake handshake = handshakes.isEmpty() ? null : handshakes.remove(guard.innermost());
        if (handshake != null) {
            guard.begin(handshake.since());
            if (monitor.replace(handshake, guard, guard.firstDue())) {
                return;
            }
        } else {
            guard.begin(monitor.now());
        }
        monitor.onOpened(guard, guard.firstDue());
    }

    @Override
    public void onOpened(Connection connection) {
        EndPoint endPoint = connection.getEndPoint();
        if (ConnectionGuard.of(endPoint) != null) {
            return;
        }
        EndPoint innermost = Sockets.innermost(endPoint);
        if (isPhase(connection)) {
            if (connection instanceof SslConnection ssl
                    && ConnectionGuard.of(ssl.getSslEndPoint().getConnection().getEndPoint()) != null) {
                return;
            }
            if (!handshakes.containsKey(innermost)) {
                Handshake handshake = new Handshake(this, innermost);
                handshakes.put(innermost, handshake);
                monitor.onOpened(handshake, handshake.due());
            }
        } else {
            Handshake handshake = handshakes.remove(innermost);
            if (handshake != null) {
                monitor.onClosed(handshake, CloseReason.OTHER_PROTOCOL);
            }
        }
    }

    @Override
    public void onClosed(Connection connection) {
        ConnectionGuard guard = ConnectionGuard.of(connection.getEndPoint());
        if (guard != null) {
            if (guard.isGuardOf(connection)) {
                guard.onClosed();
            }
            return;
        }
        EndPoint innermost = Sockets.innermost(connection.getEndPoint());
        if (!handshakes.isEmpty() && !innermost.isOpen()) {
            Handshake handshake = handshakes.get(innermost);
            if (handshake != null) {
                closed(handshake, handshake.reason());
            }
        }
    }

    /**
     * Whether a connection is a phase before the protocol proper. The connections of PROXY and of protocol detection
     * are not public; they live in the package of their factories, where no connection of a protocol lives.
     */
    private static boolean isPhase(Connection connection) {
        return connection instanceof SslConnection
                || connection instanceof NegotiatingServerConnection
                || connection.getClass().getPackage() == ServerConnector.class.getPackage();
    }
}
