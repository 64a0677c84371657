package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Programs that the tests run and that not every machine has. A test without its program is skipped and says so; with
 * {@code -Dprograms.required=true}, as in CI, it fails.
 */
final class Programs {
    private static final boolean REQUIRED = Boolean.getBoolean("programs.required");

    private static final long MOST_SECONDS = 180;

    private Programs() {}

    static boolean has(String name) {
        String path = System.getenv("PATH") + File.pathSeparator + "/usr/sbin";
        return Arrays.stream(path.split(File.pathSeparator, -1))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, name)));
    }

    /** Whether there is such a program; says so, or fails where it is required, if there is none. */
    static boolean isThere(String name) {
        boolean there = has(name);
        if (!there) {
            System.out.println("SKIPPED: without " + name + ", which is not installed");
            if (REQUIRED) {
                fail(name + " is not installed");
            }
        }
        return there;
    }

    /** Runs a command that has to end with that exit value, and returns what it prints. */
    static String run(Path directory, int exitValue, List<String> command) throws IOException, InterruptedException {
        Path output = Files.createTempFile(directory, "output", ".log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        if (!process.waitFor(MOST_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        String text = Files.readString(output);
        assertEquals(exitValue, process.waitFor(), text);
        return text;
    }

    /** Skips or fails the test unless there is such a program. */
    static void require(String... names) {
        for (String name : names) {
            require(has(name), name + " is not installed");
        }
    }

    /** The same for anything that a machine may not have. */
    static void require(boolean there, String whatIsMissing) {
        if (!there) {
            System.out.println("SKIPPED: " + whatIsMissing);
            if (REQUIRED) {
                fail(whatIsMissing);
            }
            assumeTrue(false, whatIsMissing);
        }
    }
}
