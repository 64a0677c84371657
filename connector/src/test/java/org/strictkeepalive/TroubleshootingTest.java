package org.strictkeepalive;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page on troubleshooting quotes lines that are really logged. */
class TroubleshootingTest {
    private static final Path CONNECTOR = Path.of("").toAbsolutePath().resolveSibling("connector");

    /** All source with the parts of a string joined. */
    private static String sources() throws IOException {
        StringBuilder result = new StringBuilder();
        try (Stream<Path> files = Files.walk(CONNECTOR.resolve("src/main/java"))) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".java")).toList()) {
                result.append(Files.readString(file));
            }
        }
        return result.toString().replaceAll("\"\\s*\\+\\s*\"", "").replace("{}", "...");
    }

    @Test
    void itsLinesAreThoseThatAreLogged() throws IOException {
        String page = Files.readString(CONNECTOR.resolve("docs/troubleshooting.md"));
        String table = page.substring(page.indexOf("| line |"), page.indexOf("## My client"));
        List<String> quoted = new ArrayList<>();
        for (String row :
                table.lines().skip(2).filter(line -> line.startsWith("|")).toList()) {
            Matcher matcher = Pattern.compile("`([^`]+)`").matcher(row.split("\\|", -1)[1]);
            while (matcher.find()) {
                quoted.add(matcher.group(1));
            }
        }
        assertTrue(quoted.size() > 15, quoted::toString);
        String sources = sources();
        for (String line : quoted) {
            // The level and what precedes it are arguments.
            for (String part : line.replaceAll("^(Descriptor|Thread) pressure.*", " pressure ")
                    .split("\\.\\.\\.|CRITICAL", -1)) {
                assertTrue(sources.contains(part.strip()), () -> part + " of " + line);
            }
        }
    }
}
