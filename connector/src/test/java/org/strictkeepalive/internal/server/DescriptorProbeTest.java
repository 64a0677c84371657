package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;

class DescriptorProbeTest {
    private final DescriptorProbe probe = DescriptorProbes.find();

    @Test
    @EnabledOnOs(OS.LINUX)
    void whereProcfsTellsTheCountItIsAsked() {
        assertEquals(ProcfsProbe.works() ? "procfs" : "mxbean", probe.name());
        assertEquals(ProcfsProbe.works(), probe.isCheap());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void theCountOfProcfsRisesByExactlyWhatIsOpened(@TempDir Path directory) throws IOException {
        assumeTrue(ProcfsProbe.works(), "Linux 6.2 and later");
        Path file = Files.createFile(directory.resolve("file"));
        try (Opened opened = new Opened(file)) {
            opened.open(1); // what is loaded at the first time stays open
            long before = probe.used();
            for (int n : new int[] {1, 2, 10, 100}) {
                opened.open(n);
                assertEquals(before + opened.size() - 1, probe.used());
            }
            opened.close();
            assertEquals(before - 1, probe.used());
        }
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void theCountIsThatOfTheManagementBeanWithinSlack() throws IOException {
        UnixOperatingSystemMXBean bean = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        bean.getOpenFileDescriptorCount();
        // The bean's own reading holds a descriptor or two.
        assertTrue(Math.abs(bean.getOpenFileDescriptorCount() - probe.used()) <= 5);
        assertEquals(bean.getMaxFileDescriptorCount(), probe.limit());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void theLimitIsTheSoftLimitOfTheProcess() throws IOException {
        String line;
        try (var lines = Files.lines(Path.of("/proc/self/limits"))) {
            line = lines.filter(text -> text.startsWith("Max open files"))
                    .findFirst()
                    .orElseThrow();
        }
        assertEquals(Long.parseLong(line.split("\\s+", -1)[3]), probe.limit());
    }

    @Test
    void aSystemThatTellsNothingIsUnknownAndNoFailure() {
        DescriptorProbe none = new NoProbe();
        assertEquals("none", none.name());
        assertEquals(-1, ((NoProbe) none).used());
        assertEquals(-1, none.limit());
        assertTrue(none.isCheap());
        PressureGauge gauge = new PressureGauge(KeepAlivePolicy.defaults());
        assertFalse(
                gauge.next(Pressure.NONE, 5, -1, none.limit(), 1, 0, 5, 0, 0).isKnown());
    }

    /** Files that are held open. */
    private static final class Opened implements AutoCloseable {
        private final Path file;
        private final Deque<InputStream> streams = new ArrayDeque<>();

        Opened(Path file) {
            this.file = file;
        }

        void open(int n) throws IOException {
            for (int i = 0; i < n; i++) {
                streams.push(Files.newInputStream(file));
            }
        }

        int size() {
            return streams.size();
        }

        @Override
        public void close() throws IOException {
            while (!streams.isEmpty()) {
                streams.pop().close();
            }
        }
    }
}
