package org.strictkeepalive;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.util.Callback;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.jetty.ConnectorGovernor;
import org.strictkeepalive.internal.server.DescriptorProbes;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeScheduler;

/**
 * The monitor's tick with waiting connections, in virtual time: each invocation is 100 ms on. Each of the guards has an
 * endpoint of its own, and they share one of Jetty's connections, of which a million would not fit.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TickBenchmark {
    private static final long TICK = TimeUnit.MILLISECONDS.toNanos(100);

    @Param("1000000")
    public int guards;

    private final FakeScheduler scheduler = new FakeScheduler();
    private Server server;
    private DescriptorMonitor monitor;

    @Setup
    public void open() throws Exception {
        server = new Server(null, scheduler, null);
        monitor = new DescriptorMonitor(scheduler, DescriptorProbes.find(), () -> scheduler.now);
        server.addBean(monitor);
        KeepAlivePolicy policy = KeepAlivePolicy.builder()
                .firstRequestTimeout(Duration.ofDays(3650))
                // The guards have no descriptors, and are more than those that the process may have.
                .descriptorLimit(10L * guards)
                .build();
        StrictKeepAliveConnectionFactory factory =
                new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy);
        FakeConnector connector = new FakeConnector(server, 1, factory);
        server.start();
        ConnectorGovernor governed = factory.governed(connector);
        Connection http = factory.newConnection(connector, new BenchEndPoint(scheduler));
        for (int i = 0; i < guards; i++) {
            scheduler.now += TimeUnit.SECONDS.toNanos(30) / guards;
            ConnectionGuard guard = new ConnectionGuard(governed, new BenchEndPoint(scheduler));
            guard.bind(http);
            governed.onGuard(guard);
            guard.fillInterested(Callback.NOOP);
        }
    }

    @TearDown
    public void close() throws Exception {
        if (monitor.getOpenConnections() < guards) {
            throw new IllegalStateException("of the guards are left " + monitor.getOpenConnections());
        }
        server.stop();
    }

    @Benchmark
    public boolean tick(Cpu cpu) {
        cpu.operations++;
        scheduler.now += TICK;
        return monitor.governor().tick(scheduler.now);
    }
}
