package org.strictkeepalive.it;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * For all integration tests: they wait for a condition as long as a slow machine needs, and those that are
 * {@link Isolated} have the machine for themselves, though the classes run in two processes.
 */
public final class TestMachine implements BeforeAllCallback, AfterAllCallback {
    /** A condition that holds after a moment costs nothing of it. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Path DIRECTORY = Path.of(System.getProperty("basedir", "."), "target", "locks");

    private static Hold held;
    /** Classes within classes. */
    private static int depth;

    /** For the service loader. */
    public TestMachine() {}

    /** A lock between processes, exclusive or shared. */
    private record Hold(FileChannel channel, FileLock lock) {
        private static Hold take(String name, boolean alone) throws IOException {
            Files.createDirectories(DIRECTORY);
            FileChannel channel = FileChannel.open(
                    DIRECTORY.resolve(name),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE);
            return new Hold(channel, channel.lock(0, Long.MAX_VALUE, !alone));
        }

        private void release() throws IOException {
            try (channel) {
                lock.release();
            }
        }
    }

    @Override
    public void beforeAll(ExtensionContext context) throws IOException {
        Awaitility.setDefaultTimeout(PATIENCE);
        if (depth++ == 0) {
            boolean alone = context.getRequiredTestClass().isAnnotationPresent(Isolated.class);
            // Who waits to be alone keeps the door shut, else others would go in before it for ever.
            Hold door = Hold.take("door", true);
            try {
                held = Hold.take("machine", alone);
            } finally {
                door.release();
            }
        }
    }

    @Override
    public void afterAll(ExtensionContext context) throws IOException {
        if (--depth == 0) {
            held.release();
        }
    }
}
