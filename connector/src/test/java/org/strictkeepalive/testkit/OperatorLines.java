package org.strictkeepalive.testkit;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.logging.JettyLogger;
import org.eclipse.jetty.logging.StdErrAppender;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.internal.observe.OperatorLog;

/** Catches what is logged for operators. */
public final class OperatorLines {
    private OperatorLines() {}

    @FunctionalInterface
    public interface Action {
        void run() throws Exception;
    }

    /** What is logged meanwhile. */
    public static String captured(Action action) throws Exception {
        JettyLogger logger = (JettyLogger) LoggerFactory.getLogger(OperatorLog.LOGGER);
        StdErrAppender appender = (StdErrAppender) logger.getAppender();
        PrintStream before = appender.getStream();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        appender.setStream(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            action.run();
        } finally {
            appender.setStream(before);
        }
        StringBuilder own = new StringBuilder();
        boolean isOwn = false;
        for (String line : bytes.toString(StandardCharsets.UTF_8).split("\n", -1)) {
            // A line that begins a message has a level; what follows belongs to it.
            isOwn = line.contains("DescriptorMonitor") || (isOwn && !line.matches("\\d{4}-.*"));
            if (isOwn) {
                own.append(line).append('\n');
            }
        }
        return own.toString();
    }

    /** How many lines contain a text. */
    public static long count(String log, String text) {
        return log.lines().filter(line -> line.contains(text)).count();
    }
}
