package org.strictkeepalive.internal.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.MemoryPressure;

/** The sources of pressure for memory. */
class MemorySourcesTest {
    @TempDir
    private Path mounted;

    // ---- The heap

    /** Written by the test, so that no compiler finds it unused. */
    private static byte[][] held;

    private static double heap() {
        System.gc();
        return MemoryPressure.ofHeap().getPressure();
    }

    @Test
    void theHeapIsWhatItsLastCollectionHasLeft() {
        double before = heap();
        assertTrue(before > 0 && before < 0.9, "share " + before);
        int piece = 1 << 20;
        held = new byte[(int) (Runtime.getRuntime().maxMemory() / 10 / piece)][];
        for (int i = 0; i < held.length; i++) {
            held[i] = new byte[piece];
        }
        double full = heap();
        held = null;
        assertEquals(full, MemoryPressure.ofHeap().getPressure(), 1e-9, "garbage that no collection has found");
        double after = heap();
        assertTrue(full > before + 0.05, before + " then " + full);
        assertTrue(after < full - 0.05, full + " then " + after);
    }

    @Test
    void aHeapWithoutPoolsIsNoPressure() {
        assertEquals(0, new HeapMemory(List.of(), 1000).getPressure());
        assertTrue(new HeapMemory(ManagementFactory.getMemoryPoolMXBeans(), Long.MAX_VALUE).getPressure() <= 1);
    }

    // ---- The cgroup

    private void write(String file, String text) throws IOException {
        Path path = mounted.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text + "\n");
    }

    private double share(String... own) {
        return new CgroupMemory(mounted, List.of(own)).getPressure();
    }

    @Test
    void versionTwo() throws IOException {
        write("app/memory.max", "1000");
        write("app/memory.current", "900");
        write("app/memory.stat", "anon 1\ninactive_anon 77\ninactive_file 150\nsock 300");
        assertEquals(0.75, share("0::/app"));
        write("app/memory.max", "max");
        assertEquals(0, share("0::/app"));
    }

    @Test
    void versionOne() throws IOException {
        write("memory/app/memory.limit_in_bytes", "1000");
        write("memory/app/memory.usage_in_bytes", "900");
        write("memory/app/memory.stat", "inactive_file 3\ntotal_inactive_file 100");
        assertEquals(0.8, share("9:name=systemd:/", "4:cpu,memory:/app", "0::/"));
        write("memory/app/memory.limit_in_bytes", "9223372036854771712");
        assertEquals(0, share("4:memory:/app"), 1e-6);
    }

    @Test
    void theTightestAroundCounts() throws IOException {
        write("pod/memory.max", "2000");
        write("pod/memory.current", "1900");
        write("pod/memory.stat", "inactive_file 0");
        write("pod/app/memory.max", "1000");
        write("pod/app/memory.current", "100");
        write("pod/app/memory.stat", "inactive_file 0");
        assertEquals(0.95, share("0::/pod/app"));
    }

    /** A container sees its own cgroup as the root, but may be told the path of the host. */
    @Test
    void thePathOfTheHostMeansTheRoot() throws IOException {
        write("memory/memory.limit_in_bytes", "1000");
        write("memory/memory.usage_in_bytes", "500");
        write("memory/memory.stat", "total_inactive_file 0");
        assertEquals(0.5, share("4:memory:/docker/0123456789"));
    }

    /** A process that was moved out of the cgroup that its namespace shows as the root. */
    @Test
    void aPathAboveTheRootMeansTheRoot() throws IOException {
        write("memory.max", "1000");
        write("memory.current", "300");
        write("memory.stat", "inactive_file 0");
        assertEquals(0.3, share("0::/../../app"));
    }

    @Test
    void aGroupThatCannotBeReadKeepsItsLastShareForAWhile() throws IOException {
        for (String directory : List.of("pod/", "pod/app/")) {
            write(directory + "memory.max", "1000");
            write(directory + "memory.current", directory.equals("pod/") ? "900" : "500");
            write(directory + "memory.stat", "inactive_file 0");
        }
        CgroupMemory source = new CgroupMemory(mounted, List.of("0::/pod/app"));
        assertEquals(0.9, source.getPressure(0));
        for (String file : List.of("pod/memory.max", "pod/app/memory.max")) {
            Files.move(mounted.resolve(file), mounted.resolve(file + ".gone"));
        }
        assertEquals(0.9, source.getPressure(9_999_999_999L), "as with no descriptor free");
        assertThrows(IllegalStateException.class, () -> source.getPressure(10_000_000_000L), "a failure is counted");
        Files.move(mounted.resolve("pod/app/memory.max.gone"), mounted.resolve("pod/app/memory.max"));
        write("pod/app/memory.current", "nonsense");
        assertThrows(IllegalStateException.class, () -> source.getPressure(10_000_000_001L));
        write("pod/app/memory.current", "600");
        assertEquals(0.6, source.getPressure(10_000_000_002L), "the other one has gone");
    }

    @Test
    void withoutCgroupsThereIsNoPressure() {
        assertEquals(0, share());
        assertEquals(0, share("0::/", "nonsense"));
        assertTrue(MemoryPressure.ofCgroup().getPressure() >= 0);
    }
}
