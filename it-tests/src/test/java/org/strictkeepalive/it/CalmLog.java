package org.strictkeepalive.it;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Standard error, where Jetty logs, and what came there while this was open. */
final class CalmLog implements AutoCloseable {
    private static final Pattern WARNING =
            Pattern.compile("(?m)^\\S+ \\S+:(?:WARN|ERROR) ?:([^:]+):([^:]+): (.*)(?:\\R(\\S.*))?");
    private static final Pattern EXCEPTION = Pattern.compile("[a-z.]+\\.[A-Za-z0-9_.$]*(?:Exception|Error)");
    private static final Pattern UNCAUGHT = Pattern.compile("(?m)^Exception in thread \"([^\"]+)\" ([^\\s:]+)");

    private final PrintStream before = System.err;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    CalmLog() {
        OutputStream both = new OutputStream() {
            @Override
            public synchronized void write(int b) {
                before.write(b);
                log.write(b);
            }

            @Override
            public synchronized void write(byte[] bytes, int offset, int length) {
                before.write(bytes, offset, length);
                log.write(bytes, offset, length);
            }
        };
        System.setErr(new PrintStream(both, true, StandardCharsets.UTF_8));
    }

    /** How often each kind of exception came from threads whose names begin so. */
    Map<String, Integer> warnings(String thread) {
        Map<String, Integer> result = new TreeMap<>();
        String text = log.toString(StandardCharsets.UTF_8);
        Matcher warning = WARNING.matcher(text);
        while (warning.find()) {
            if (warning.group(2).startsWith(thread)) {
                Matcher exception = EXCEPTION.matcher(warning.group(3) + " " + warning.group(4));
                if (exception.find()) {
                    result.merge(warning.group(1) + " " + exception.group(), 1, Integer::sum);
                }
            }
        }
        Matcher uncaught = UNCAUGHT.matcher(text);
        while (uncaught.find()) {
            if (uncaught.group(1).startsWith(thread)) {
                result.merge("uncaught " + uncaught.group(2), 1, Integer::sum);
            }
        }
        return result;
    }

    @Override
    public void close() {
        System.setErr(before);
    }
}
