package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Server;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.Inside;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureSource;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import org.strictkeepalive.internal.observe.Advice;
import org.strictkeepalive.internal.observe.Histogram;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.FakeConnector;
import org.strictkeepalive.testkit.FakeProbe;
import org.strictkeepalive.testkit.FakeScheduler;
import org.strictkeepalive.testkit.OperatorLines;

/** The lines that {@code operations.md} shows are those that are logged, but for the figures. */
class LogSampleTest {
    private static final long MS = 1_000_000L;
    private static final long MINUTE = 60_000 * MS;
    private static final Path DOCUMENT =
            Path.of("").toAbsolutePath().resolveSibling("connector").resolve("docs/operations.md");
    private static final Pattern BLOCK = Pattern.compile("```text\n(.*?)```", Pattern.DOTALL);
    private static final Pattern LOGGED = Pattern.compile("[^ ]+ [^ ]+?:(WARN|INFO) *:[^:]+:[^ ]+: (.*)");

    private final FakeScheduler scheduler = new FakeScheduler();
    private final FakeProbe probe = new FakeProbe();

    private static String shape(String line) {
        return line.replaceAll("\\d+(\\.\\d+)*", "#");
    }

    private static List<String> block(int index) throws IOException {
        Matcher matcher = BLOCK.matcher(Files.readString(DOCUMENT));
        for (int i = 0; i <= index; i++) {
            matcher.find();
        }
        return matcher.group(1).lines().toList();
    }

    private List<String> lines() throws Exception {
        Server server = new Server();
        DescriptorMonitor monitor = Inside.monitor(scheduler, probe, () -> scheduler.now);
        server.addBean(monitor);
        KeepAlivePolicy policy =
                KeepAlivePolicy.builder().sampleInterval(Duration.ofSeconds(10)).build();
        new FakeConnector(
                server, Runnable::run, 0, new StrictKeepAliveConnectionFactory(new HttpConfiguration(), policy));
        server.start();
        String log;
        try {
            FakeConnection connection = new FakeConnection("c", ConnectionState.BUSY, false, scheduler.now);
            connection.peer = InetAddress.getByName("192.0.2.7");
            connection.counters = Inside.governor(monitor).counters();
            Inside.governor(monitor).onOpened(connection, scheduler.now + MINUTE);
            log = OperatorLines.captured(() -> {
                PressureSource pressing = () -> 0.82;
                monitor.addPressureSource(pressing);
                scheduler.advance(MINUTE);
                monitor.removePressureSource(pressing);
                scheduler.advance(MINUTE);
                Inside.governor(monitor)
                        .counters()
                        .races()
                        .onRace(CloseReason.KEEP_ALIVE_TIMEOUT, "192.0.2.10", 3 * MS / 2);
                scheduler.advance(MINUTE);
                for (int i = 0; i < 70; i++) {
                    probe.add(1);
                    scheduler.advance(MINUTE);
                }
                monitor.drain(Duration.ofSeconds(30));
                scheduler.advance(MINUTE);
                monitor.resume();
            });
        } finally {
            server.stop();
        }
        List<String> lines = new ArrayList<>();
        for (String line : log.lines().toList()) {
            Matcher matcher = LOGGED.matcher(line);
            if (matcher.matches()) {
                lines.add(matcher.group(1) + " " + matcher.group(2));
            }
        }
        return lines;
    }

    @Test
    void theSampleOfTheDocumentIsWhatIsLogged() throws Exception {
        List<String> shown = block(0).stream().map(LogSampleTest::shape).toList();
        assertEquals(
                String.join("\n", shown),
                String.join("\n", lines().stream().map(LogSampleTest::shape).toList()));
    }

    @Test
    void theAdviceOfTheDocumentHasTheFormOfTheRealOne() throws Exception {
        long[] reuses = new long[Histogram.BUCKETS];
        reuses[13] = 12_783;
        reuses[15] = 90;
        assertEquals(shape(block(1).get(0)), shape(Advice.of(reuses, 400, 12, 30_000)));
    }
}
