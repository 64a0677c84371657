package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class LeakDetectorTest {
    private static final long MINUTE = 60_000_000_000L;

    private final LeakDetector detector = new LeakDetector();
    private long minute;
    private int told;

    /** Samples each minute; returns the last leak that was told of. */
    private LeakDetector.Leak run(int minutes, LongUnaryOperator others) {
        LeakDetector.Leak last = null;
        for (int i = 0; i < minutes; i++) {
            // It wraps on the way.
            LeakDetector.Leak leak =
                    detector.sample(others.applyAsLong(minute), Long.MAX_VALUE - 30 * MINUTE + minute * MINUTE);
            minute++;
            if (leak != null) {
                told++;
                last = leak;
            }
        }
        return last;
    }

    @Test
    void aSteadyGrowthIsToldOfOnceWithItsRate() {
        assertNull(run(60, minute -> 100 + minute));
        LeakDetector.Leak leak = run(600, minute -> 100 + minute);
        assertNotNull(leak);
        assertEquals(1, told);
        assertEquals(60, leak.perHour(), 1);
        assertEquals(55 * MINUTE, leak.nanos());
        assertEquals(55, leak.growth());
    }

    @Test
    void peaksDoNotHideALeak() {
        Random random = new Random(1);
        assertNotNull(run(70, minute -> 100 + minute + (minute % 5 == 0 ? 0 : random.nextInt(500))));
    }

    @Test
    void aNumberThatComesAndGoesIsNone() {
        Random random = new Random(2);
        assertNull(run(10_000, minute -> 100 + random.nextInt(500)));
        assertNull(run(10_000, minute -> 100 + Math.abs(minute % 90 - 45)), "up and down");
    }

    @Test
    void aStepAndTheGrowthOfAFewAreNone() {
        assertNull(run(1000, minute -> minute < 100 ? 100 : 5000));
        assertNull(run(30, minute -> 5000 + minute / 10), "it has just begun");
        assertNull(new LeakDetectorTest().run(130, minute -> 100 + minute / 10), "thirteen in two hours");
    }

    @Test
    void afterAFallTheNextLeakIsToldOf() {
        assertNotNull(run(70, minute -> minute));
        assertNotNull(run(70, minute -> minute - 70), "restarted from nothing");
        assertEquals(2, told);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void theKindsOfDescriptorsAreTold(@TempDir Path directory) throws IOException {
        DescriptorKinds before = DescriptorKinds.own();
        Path file = directory.resolve("file");
        Path deleted = directory.resolve("deleted");
        try (FileChannel one = FileChannel.open(Files.createFile(file));
                FileChannel two = FileChannel.open(Files.createFile(deleted));
                SocketChannel socket = SocketChannel.open()) {
            Pipe pipe = Pipe.open();
            Files.delete(deleted);
            DescriptorKinds now = DescriptorKinds.own();
            assertTrue(one.isOpen() && two.isOpen() && socket.isOpen());
            assertTrue(now.files() > before.files(), before + " " + now);
            assertEquals(before.deletedFiles() + 1, now.deletedFiles());
            assertTrue(now.pipes() >= before.pipes() + 2, before + " " + now);
            assertTrue(now.sockets() > before.sockets(), before + " " + now);
            pipe.source().close();
            pipe.sink().close();
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void noMoreAreLookedAtThanIsSaid() throws IOException {
        DescriptorKinds few = DescriptorKinds.of(Path.of("/proc/self/fd"), 2);
        assertEquals(2, few.files() + few.deletedFiles() + few.pipes() + few.sockets() + few.others());
    }
}
