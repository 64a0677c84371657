package org.strictkeepalive.internal.jetty;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.component.LifeCycle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.KeepAliveSetting;
import org.strictkeepalive.internal.observe.OperatorLog;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.server.GovernedConnector;
import org.strictkeepalive.internal.server.ServerGovernor;

/**
 * Tells operators which connectors are governed, and with which settings: in one line when the server has started, and
 * when a connector of a running server has.
 */
final class Announcer implements LifeCycle.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(OperatorLog.LOGGER);
    /** Those that operators look for first. */
    private static final KeepAliveSetting[] SHOWN = {
        KeepAliveSetting.KEEP_ALIVE_TIMEOUT,
        KeepAliveSetting.FIRST_REQUEST_TIMEOUT,
        KeepAliveSetting.REQUEST_HEADER_TIMEOUT,
        KeepAliveSetting.MAX_REQUESTS_PER_CONNECTION,
        KeepAliveSetting.MAX_CONNECTION_AGE
    };

    private final AbstractConnector connector;
    private final ServerGovernor governor;

    Announcer(AbstractConnector connector, ServerGovernor governor) {
        this.connector = connector;
        this.governor = governor;
    }

    void begin() {
        connector.addEventListener(this);
        connector.getServer().addEventListener(this);
    }

    /** A wrapped factory that nobody has configured begins to govern a connector that is started already. */
    void announce() {
        if (connector.isStarted()) {
            lifeCycleStarted(connector);
        }
    }

    void end() {
        connector.removeEventListener(this);
        connector.getServer().removeEventListener(this);
    }

    @Override
    public void lifeCycleStarted(LifeCycle started) {
        Server server = connector.getServer();
        if (!server.isStarted()) {
            return; // It will tell of all its connectors.
        }
        Map<String, String> bySettings = new LinkedHashMap<>();
        for (GovernedConnector one : governor.connectors().takeUntold()) {
            governor.counters().started(one.name());
            bySettings.merge(settings(one), one.connector().toString(), (before, other) -> before + ", " + other);
        }
        Pressure seen = governor.seen();
        bySettings.forEach((settings, connectors) -> LOG.info(
                "Strict keep-alive governs {}:{} limit={} reserve={} used={} probe={}",
                connectors,
                settings,
                seen.limit(),
                seen.reserve(),
                seen.used(),
                governor.meter().counter().probeName()));
    }

    private static String settings(GovernedConnector governed) {
        KeepAlivePolicy policy = governed.decisions().policy();
        StringBuilder result = new StringBuilder();
        for (KeepAliveSetting setting : SHOWN) {
            Object value = policy.get(setting);
            if (value == null && setting.getDefault() == null) {
                value = Duration.ofMillis(Math.max(governed.connector().getIdleTimeout(), 0));
            }
            boolean off = Duration.ZERO.equals(value) || Integer.valueOf(0).equals(value);
            result.append(' ').append(setting).append('=').append(off ? "off" : setting.format(value));
        }
        return result.toString();
    }
}
