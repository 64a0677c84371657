package org.strictkeepalive;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.strictkeepalive.internal.server.DescriptorProbe;
import org.strictkeepalive.internal.server.DescriptorProbes;
import org.strictkeepalive.testkit.FakeScheduler;

/**
 * A tick without connections, which is a sample of the pressure, and what it counts with: the probe that is found here,
 * and the JDK's bean beside it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class SampleBenchmark {
    @Param({"100", "15000"})
    public int descriptors;

    private final List<SocketChannel> open = new ArrayList<>();
    private final FakeScheduler scheduler = new FakeScheduler();
    private final DescriptorProbe probe = DescriptorProbes.find();
    private final UnixOperatingSystemMXBean bean =
            (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    private DescriptorMonitor monitor;

    @Setup
    public void open() throws IOException {
        for (int i = 0; i < descriptors; i++) {
            open.add(SocketChannel.open());
        }
        monitor = new DescriptorMonitor(scheduler, probe, () -> scheduler.now);
    }

    @TearDown
    public void close() throws IOException {
        for (SocketChannel channel : open) {
            channel.close();
        }
    }

    @Benchmark
    public boolean sample(Cpu cpu) {
        cpu.operations++;
        scheduler.now += TimeUnit.MILLISECONDS.toNanos(100);
        return monitor.governor().tick(scheduler.now);
    }

    @Benchmark
    public long probe(Cpu cpu) throws IOException {
        cpu.operations++;
        return probe.used();
    }

    @Benchmark
    public long mxbean(Cpu cpu) {
        cpu.operations++;
        return bean.getOpenFileDescriptorCount();
    }
}
