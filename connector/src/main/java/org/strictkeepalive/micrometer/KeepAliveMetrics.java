package org.strictkeepalive.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongToDoubleFunction;
import java.util.function.ToDoubleFunction;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAliveStatistics;
import org.strictkeepalive.PressureLevel;

/**
 * The numbers of a {@link DescriptorMonitor} as Micrometer meters, named {@code jetty.keepalive.*}.
 *
 * <p>Only this class needs {@code io.micrometer:micrometer-core}, which the application provides. Safe for use by any
 * thread. The meters count nothing themselves: they read the monitor's numbers when they are asked.
 */
@SuppressWarnings("exports") // Whoever uses it has Micrometer.
public final class KeepAliveMetrics implements MeterBinder {
    private static final String PREFIX = "jetty.keepalive.";

    private final DescriptorMonitor monitor;
    private final Tags tags;

    /**
     * Creates meters without further tags.
     *
     * @param monitor the monitor, a bean of the server
     */
    public KeepAliveMetrics(DescriptorMonitor monitor) {
        this(monitor, List.of());
    }

    /**
     * Creates meters.
     *
     * @param monitor the monitor, a bean of the server
     * @param tags tags for all meters
     * @throws IllegalArgumentException if the monitor is null
     */
    public KeepAliveMetrics(DescriptorMonitor monitor, Iterable<Tag> tags) {
        if (monitor == null) {
            throw new IllegalArgumentException(
                    "monitor: null (expected: the DescriptorMonitor of a server with a governed connector)");
        }
        this.monitor = monitor;
        this.tags = Tags.of(tags);
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        gauge(
                registry,
                "descriptors.used",
                "descriptors",
                "Open descriptors of the process",
                m -> m.getUsedDescriptors());
        gauge(
                registry,
                "descriptors.used.most",
                "descriptors",
                "The most descriptors that were open at once",
                m -> m.getStatistics().getMostUsedDescriptors());
        gauge(registry, "descriptors.limit", "descriptors", "The descriptor limit", m -> m.getDescriptorLimit());
        gauge(
                registry,
                "descriptors.reserved",
                "descriptors",
                "Descriptors kept free",
                m -> m.getReservedDescriptors());
        gauge(registry, "pressure", null, "The pressure, from 0 to 1", DescriptorMonitor::getPressure);
        gauge(
                registry,
                "threads.blocked",
                null,
                "The share of threads blocked by clients, from 0 to 1",
                DescriptorMonitor::getThreadPressure);
        gauge(
                registry,
                "accepting.paused",
                null,
                "Whether accepting is paused, 0 or 1",
                m -> m.isAcceptingPaused() ? 1 : 0);
        gauge(registry, "draining", null, "Whether the server drains, 0 or 1", m -> m.isDraining() ? 1 : 0);
        for (PressureLevel level : PressureLevel.values()) {
            Gauge.builder(PREFIX + "level", monitor, m -> m.getLevel() == level ? 1 : 0)
                    .description("1 for the level that holds, 0 for the others")
                    .tags(tags.and("level", tag(level)))
                    .register(registry);
        }
        TimeGauge.builder(
                        PREFIX + "timeout", statistics, TimeUnit.MILLISECONDS, KeepAliveStatistics::getKeepAliveTimeout)
                .description("The longest keepAliveTimeout in force, 0 if it is off")
                .tags(tags)
                .register(registry);
        histogram(
                registry,
                "reuse.idle.seconds",
                "Idle times at reuse",
                bound -> bound / 1000.0,
                KeepAliveStatistics::getReusesByIdleTime);
        histogram(
                registry,
                "closed.age.seconds",
                "Ages at the close",
                bound -> bound / 1000.0,
                KeepAliveStatistics::getClosedByAge);
        // A bucket has the numbers below its bound.
        histogram(
                registry,
                "closed.requests",
                "Requests at the close",
                bound -> bound - 1.0,
                KeepAliveStatistics::getClosedByRequests);
        for (String protocol : statistics.getConnectionsByProtocol().keySet()) {
            for (ConnectionState state : ConnectionState.values()) {
                Gauge.builder(PREFIX + "connections", statistics, s -> s.getOpen(state, protocol))
                        .description("Governed connections by state and protocol")
                        .baseUnit("connections")
                        .tags(tags.and("state", tag(state), "protocol", protocol.toLowerCase(Locale.ROOT)))
                        .register(registry);
            }
        }
        Gauge.builder(PREFIX + "connections.most", statistics, KeepAliveStatistics::getMostOpen)
                .description("The most governed connections that were open at once")
                .baseUnit("connections")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "event.streams", statistics, KeepAliveStatistics::getEventStreams)
                .description("Connections with server-sent events, which are among the busy ones")
                .baseUnit("connections")
                .tags(tags)
                .register(registry);
        for (String kind : statistics.getUngovernedByKind().keySet()) {
            Gauge.builder(
                            PREFIX + "ungoverned",
                            statistics,
                            s -> s.getUngovernedByKind().get(kind))
                    .description("Connections that are not governed, by kind")
                    .baseUnit("connections")
                    .tags(tags.and("kind", kind))
                    .register(registry);
        }
        Set<String> bound = ConcurrentHashMap.newKeySet(); // A restart tells a name again.
        statistics.watchConnectors(connector -> {
            if (bound.add(connector)) {
                ofConnector(registry, connector);
            }
        });
        TimeGauge.builder(PREFIX + "idle.longest", monitor, TimeUnit.MILLISECONDS, DescriptorMonitor::getLongestIdle)
                .description("The longest idle time of an open connection")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(PREFIX + "connections.opened", statistics, KeepAliveStatistics::getOpened)
                .description("Connections opened")
                .baseUnit("connections")
                .tags(tags)
                .register(registry);
        for (CloseReason reason : CloseReason.values()) {
            FunctionCounter.builder(PREFIX + "connections.closed", statistics, s -> s.getClosed(reason))
                    .description("Connections closed, or gone to another protocol, by reason")
                    .baseUnit("connections")
                    .tags(tags.and("reason", tag(reason)))
                    .register(registry);
        }
        FunctionCounter.builder(PREFIX + "requests", statistics, KeepAliveStatistics::getRequests)
                .description("Requests that arrived whole")
                .baseUnit("requests")
                .tags(tags)
                .register(registry);
        for (CloseReason reason : CloseReason.values()) {
            FunctionCounter.builder(PREFIX + "races", statistics, s -> s.getRaces(reason))
                    .description("Requests that were lost because they crossed the close of an idle connection")
                    .baseUnit("requests")
                    .tags(tags.and("reason", tag(reason)))
                    .register(registry);
        }
        for (CloseReason reason : CloseReason.values()) {
            FunctionCounter.builder(
                            PREFIX + "regrets",
                            statistics,
                            s -> s.getRegretsByReason().getOrDefault(reason.name(), 0L))
                    .description("Clients that came back within a second of the close of their idle connection")
                    .baseUnit("connections")
                    .tags(tags.and("reason", tag(reason)))
                    .register(registry);
        }
        FunctionCounter.builder(PREFIX + "events.lost", monitor, DescriptorMonitor::getLostEventCount)
                .description("Events that were left out, because listeners were too slow for them")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(PREFIX + "accepting.pauses", monitor, DescriptorMonitor::getAcceptPauseCount)
                .description("How often accepting was paused on a connector")
                .tags(tags)
                .register(registry);
        FunctionCounter.builder(PREFIX + "probe.failures", monitor, DescriptorMonitor::getProbeFailureCount)
                .description("Failures to count descriptors, to ask a source, to tick or to call a listener")
                .tags(tags)
                .register(registry);
    }

    private void ofConnector(MeterRegistry registry, String connector) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        Tags its = tags.and("connector", connector);
        Gauge.builder(
                        PREFIX + "connector.connections",
                        statistics,
                        s -> s.getConnectionsByConnector().getOrDefault(connector, 0))
                .description("Connections of a connector, governed or not")
                .baseUnit("connections")
                .tags(its)
                .register(registry);
        FunctionCounter.builder(
                        PREFIX + "connector.opened",
                        statistics,
                        s -> s.getOpenedByConnector().getOrDefault(connector, 0L))
                .description("Connections opened, by connector")
                .baseUnit("connections")
                .tags(its)
                .register(registry);
        FunctionCounter.builder(
                        PREFIX + "connector.requests",
                        statistics,
                        s -> s.getRequestsByConnector().getOrDefault(connector, 0L))
                .description("Requests that arrived whole, by connector")
                .baseUnit("requests")
                .tags(its)
                .register(registry);
        for (CloseReason reason : CloseReason.values()) {
            FunctionCounter.builder(PREFIX + "connector.closed", statistics, s -> s.getClosed(reason, connector))
                    .description("Connections closed, or gone to another protocol, by connector and reason")
                    .baseUnit("connections")
                    .tags(its.and("reason", tag(reason)))
                    .register(registry);
        }
    }

    /**
     * A histogram as Prometheus counts it: of each bucket, how many values are up to its bound. Micrometer has no meter for
     * values that are counted already, so each bucket is a counter with the tag {@code le}.
     */
    private void histogram(
            MeterRegistry registry,
            String name,
            String description,
            LongToDoubleFunction most,
            Function<KeepAliveStatistics, Map<Long, Long>> buckets) {
        KeepAliveStatistics statistics = monitor.getStatistics();
        for (long bound : buckets.apply(statistics).keySet()) {
            String le = bound == Long.MAX_VALUE ? "+Inf" : Double.toString(most.applyAsDouble(bound));
            FunctionCounter.builder(PREFIX + name, statistics, s -> upTo(bound, buckets.apply(s)))
                    .description(description + ", by upper bound")
                    .tags(tags.and("le", le))
                    .register(registry);
        }
    }

    private static double upTo(long bound, Map<Long, Long> buckets) {
        long sum = 0;
        for (Map.Entry<Long, Long> bucket : buckets.entrySet()) {
            sum += bucket.getKey() <= bound ? bucket.getValue() : 0;
        }
        return sum;
    }

    private void gauge(
            MeterRegistry registry,
            String name,
            String unit,
            String description,
            ToDoubleFunction<DescriptorMonitor> value) {
        Gauge.builder(PREFIX + name, monitor, value)
                .description(description)
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }

    private static String tag(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
