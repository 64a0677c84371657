package org.strictkeepalive.internal.jetty;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.component.Graceful;
import org.eclipse.jetty.util.component.LifeCycle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.ApplicationCalls;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.connection.Handshake;
import org.strictkeepalive.internal.connection.Sockets;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.server.Connectors;
import org.strictkeepalive.internal.server.Draining;
import org.strictkeepalive.internal.server.GovernedConnector;
import org.strictkeepalive.internal.server.ServerGovernor;

/**
 * Governs the connections of a connector that speak HTTP. From the start of the connector to its stop it listens to every
 * accept and every connection. At the stop it removes its listeners and its customizer.
 */
public final class ConnectorGovernor
        implements Governor, GovernedConnector, Connection.Listener, LifeCycle.Listener, Graceful {
    private static final Logger OPERATORS = LoggerFactory.getLogger(OperatorLog.LOGGER);

    private final AbstractConnector connector;
    private final ServerGovernor server;
    private final HttpConfiguration configuration;
    private final Consumer<KeepAlivePolicy> adopting;
    private final Runnable released;
    private final HttpConfiguration.Customizer customizer;
    private final Phases phases;
    private final Announcer announcer;
    private final String name;
    private final Counters counters;
    private final Accepts accepts;
    private final Http2 http2 = new Http2(this);

    private final Supplier<Decisions> decisions;
    private final AtomicBoolean foreign = new AtomicBoolean();
    private volatile boolean shutdown;
    /** Whether {@link #stopBegan} is known. The timer may notice a shutdown before {@link #shutdown} is called. */
    private volatile boolean stopping;

    private volatile long stopBegan;

    /**
     * Creates the governor of a connector. It governs after {@link #govern}.
     *
     * @param configuration the HTTP configuration of the connections
     * @param decisions answers with the policy in force and what follows from it
     * @param adopting told settings of pressure that this connector has to adopt; the policy is then another one
     * @param released run when the connector has stopped
     */
    public ConnectorGovernor(
            AbstractConnector connector,
            ServerGovernor server,
            HttpConfiguration configuration,
            Supplier<Decisions> decisions,
            Consumer<KeepAlivePolicy> adopting,
            Runnable released) {
        this.connector = connector;
        this.server = server;
        this.configuration = configuration;
        this.adopting = adopting;
        this.released = released;
        customizer = new GuardCustomizer(this);
        phases = new Phases(this, server);
        announcer = new Announcer(connector, server);
        name = Connectors.nameOf(connector);
        counters = server.counters().of(connector, name);
        accepts = new Accepts(connector, server);
        this.decisions = decisions;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public AbstractConnector connector() {
        return connector;
    }

    public ServerGovernor server() {
        return server;
    }

    @Override
    public void adoptPressureSettings(KeepAlivePolicy changed) {
        adopting.accept(changed);
    }

    // ---- What connections ask

    @Override
    public Decisions decisions() {
        return decisions.get();
    }

    @Override
    public Pressure pressure() {
        return server.pressure();
    }

    @Override
    public long now() {
        return server.now();
    }

    @Override
    public long begun(Request request) {
        return server.begun(request);
    }

    @Override
    public void due(GovernedConnection connection, long due) {
        server.due(connection, due);
    }

    @Override
    public void closing(Connection connection, CloseReason reason) {
        server.onClosing(connection, reason);
    }

    @Override
    public void closed(GovernedConnection connection, CloseReason reason) {
        if (connection instanceof Handshake handshake) {
            phases.remove(handshake);
        }
        server.onClosed(connection, reason);
    }

    @Override
    public void execute(Runnable task) {
        server.closer().execute(task);
    }

    @Override
    public Executor executor() {
        return connector.getExecutor();
    }

    @Override
    public ApplicationCalls calls() {
        return server.calls();
    }

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    public long idleTimeout() {
        return connector.getIdleTimeout() * 1_000_000;
    }

    // ---- Life cycle

    public void govern() {
        server.register(this);
        connector.addEventListener(this);
        configuration.getCustomizers().add(0, customizer);
        http2.govern(connector);
        announcer.begin();
        accepts.begin();
    }

    @Override
    public void lifeCycleStopping(LifeCycle stopping) {
        server.unregister(this);
    }

    @Override
    public void lifeCycleStopped(LifeCycle stopped) {
        release();
    }

    @Override
    public void lifeCycleFailure(LifeCycle failed, Throwable cause) {
        server.unregister(this);
        release();
    }

    private void release() {
        connector.removeEventListener(this);
        configuration.getCustomizers().remove(customizer);
        accepts.end();
        phases.clear();
        http2.release();
        announcer.end();
        server.sweep(this);
        released.run();
    }

    /**
     * The server calls this at a stop with a timeout. It finds this object because listeners of the connector are its
     * beans.
     */
    @Override
    public CompletableFuture<Void> shutdown() {
        shutdown = true;
        beginStop(server.now());
        server.onShutdown();
        return CompletableFuture.completedFuture(null); // The connector itself waits for its connections.
    }

    @Override
    public boolean isShutdown() {
        return shutdown || connector.isShutdown();
    }

    @Override
    public boolean isRefusing() {
        return server.isRefusing();
    }

    @Override
    public CloseReason farewell() {
        if (isShutdown()) {
            return CloseReason.STOP;
        }
        Draining draining = server.draining();
        return draining.isOn() && draining.saysClose(now()) ? CloseReason.DRAIN : null;
    }

    @Override
    public long calm() {
        boolean high = pressure().level().isAtLeast(PressureLevel.HIGH);
        return high || isShutdown() || server.draining().isOn() ? -1 : 0;
    }

    private void beginStop(long now) {
        if (!stopping) {
            stopBegan = now;
            stopping = true;
        }
    }

    /**
     * The {@code shutdownIdleTimeout}, counted from the begin of the stop or of the wait, whichever is later. Jetty
     * sets that timeout on all endpoints, but there each byte begins it anew.
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

    /** Tells operators that it governs, if they have not been told. */
    public void announce() {
        announcer.announce();
    }

    /** What hears of the accepts. */
    public SelectorManager.AcceptListener accepts() {
        return accepts;
    }

    // ---- Connections

    /** Starts to govern an HTTP/1.1 connection, which may be known from a phase before HTTP. */
    public void onGuard(ConnectionGuard guard) {
        Handshake handshake = phases.take(guard.innermost());
        long begun = begunAt(handshake);
        counters.regret().onOpened(guard.peer(), begun);
        guard.begin(begun);
        opened(handshake, guard, guard.due(server.pressure()));
    }

    /** The factory has made a connection that can't be governed. It is left alone. */
    public void onForeign(Object factory, Connection connection) {
        if (!foreign.getAndSet(true)) {
            OPERATORS.warn(
                    "{} makes connections of {} that are not governed: {} is not Jetty's for HTTP, or its endpoint or"
                            + " HttpConfiguration is another one than that of the factory",
                    factory,
                    connector,
                    connection.getClass().getName());
        }
    }

    /** The accept of a connection, without the time that the server itself needed for a handshake before. */
    private long begunAt(Handshake handshake) {
        long now = server.now();
        return handshake == null ? now : handshake.sinceAtEnd(now);
    }

    /** Counts a connection, which may take the place of one that is counted already. */
    private void opened(GovernedConnection before, GovernedConnection connection, long due) {
        if (before == null || !server.replace(before, connection, due)) {
            server.onOpened(connection, due);
        }
    }

    @Override
    public Connection upgrading(GovernedConnection before, Connection to, EndPoint shown) {
        if (!http2.isOne(to)) {
            server.connectors().ungoverned().add(Sockets.innermost(to.getEndPoint()), to, before.peer());
            return to;
        }
        Connection http = shown == null ? to : http2.withEndPoint(shown, connector, to);
        http2.open(http, before.openedAt(), true, (connection, due) -> opened(before, connection, due));
        return http;
    }

    @Override
    public void onOpened(Connection connection) {
        accepts.onOpened(connection);
        EndPoint endPoint = connection.getEndPoint();
        if (http2.isOne(connection)) {
            onHttp2(connection, phases.take(Sockets.innermost(endPoint)));
        } else if (!ConnectionGuard.isGoverned(endPoint) && !http2.isTunnel(Sockets.innermost(endPoint))) {
            phases.onOpened(connection);
        }
    }

    private void onHttp2(Connection http, Handshake handshake) {
        long begun = begunAt(handshake);
        http2.open(http, begun, handshake != null, (connection, due) -> {
            counters.regret().onOpened(connection.peer(), begun);
            opened(handshake, connection, due);
        });
    }

    @Override
    public void onClosed(Connection connection) {
        if (http2.onClosed(connection)) {
            return;
        }
        ConnectionGuard guard = ConnectionGuard.of(connection.getEndPoint());
        if (guard != null && guard.isGuardOf(connection)) {
            guard.onClosed();
        } else {
            phases.onClosed(connection);
        }
    }

    @Override
    public String toString() {
        return "ConnectorGovernor@%x{%s}".formatted(hashCode(), connector);
    }
}
