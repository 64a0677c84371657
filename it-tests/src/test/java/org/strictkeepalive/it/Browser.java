package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Chromium without a window. */
final class Browser {
    private static final Path SCREENSHOTS = Path.of(System.getProperty("screenshots.directory"));

    private Browser() {}

    /** Opens a page, and returns what the browser prints. */
    static String open(Path directory, String address, String... flags) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--enable-logging=stderr",
                "--virtual-time-budget=4000",
                "--user-data-dir=" + Files.createTempDirectory(directory, "browser")));
        command.addAll(List.of(flags));
        command.add(address);
        return Programs.run(directory, 0, command);
    }

    /**
     * Takes a picture of a page, and checks that its scripts have printed nothing.
     *
     * @param colorScheme 0 for dark, 1 for light
     */
    static void assertLooksRight(Path directory, String address, String name, String size, String colorScheme)
            throws IOException, InterruptedException {
        Path picture = SCREENSHOTS.resolve(name);
        Files.createDirectories(SCREENSHOTS);
        Files.deleteIfExists(picture);
        String log = open(
                directory,
                address,
                "--screenshot=" + picture,
                "--window-size=" + size,
                "--blink-settings=preferredColorScheme=" + colorScheme);
        assertFalse(log.contains(":CONSOLE"), log);
        assertTrue(Files.size(picture) > 20_000, log);
    }
}
