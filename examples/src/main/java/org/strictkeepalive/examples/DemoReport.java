package org.strictkeepalive.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.jetty.util.Jetty;

/** A page of its own with the numbers of the demo and their plots. */
final class DemoReport {
    private static final String PLACE = "/*DATA*/null";

    private DemoReport() {}

    static void write(Path file, int limit, int seconds, List<DemoSide> sides, List<DemoSide.Result> results)
            throws IOException {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("limit", limit);
        data.put("seconds", seconds);
        for (int i = 0; i < sides.size(); i++) {
            data.put(sides.get(i).name(), Map.of("samples", sides.get(i).samples(), "result", results.get(i)));
        }
        data.put(
                "made",
                Map.of(
                        "at",
                        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                        "version",
                        Main.VERSION,
                        "jetty",
                        Jetty.VERSION,
                        "java",
                        System.getProperty("java.version"),
                        "system",
                        System.getProperty("os.name") + " " + System.getProperty("os.version")));
        Path parent = file.toAbsolutePath().getParent();
        Files.createDirectories(parent);
        Files.writeString(file, page(data));
    }

    static String page(Map<String, Object> data) throws IOException {
        try (InputStream in = DemoReport.class.getResourceAsStream("leak-demo.html")) {
            String page = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            // A script must not be ended from within its data.
            String json = new ObjectMapper().writeValueAsString(data).replace("<", "\\u003c");
            return page.replace(PLACE, json);
        }
    }
}
