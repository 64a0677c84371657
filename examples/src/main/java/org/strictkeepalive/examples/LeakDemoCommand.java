package org.strictkeepalive.examples;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Plain Jetty and the strict policy under the same limit and the same clients that never close. */
@Command(
        name = "leak-demo",
        description = {
            "Starts two servers under the same small descriptor limit, plain Jetty and Jetty with the policy at its "
                    + "defaults, and lets the same clients loose on both: clients that never close, polite ones, "
                    + "and a fresh visitor ten times a second.",
            "Exits with 0 only if the strict server served everybody. Needs Linux and bash."
        },
        mixinStandardHelpOptions = true)
final class LeakDemoCommand implements Callable<Integer> {
    private static final double SAMPLE_SECONDS = 0.25;
    private static final double CALM_SECONDS = 1.5;
    private static final int OTHER_DESCRIPTORS = 200;

    @Option(names = "--seconds", defaultValue = "30", description = "How long. Default: ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(names = "--limit", defaultValue = "256", description = "The ulimit -n. Default: ${DEFAULT-VALUE}.")
    private int limit;

    @Option(
            names = "--leaky-per-second",
            defaultValue = "50",
            description = "Clients that take one response and never close. Default: ${DEFAULT-VALUE}.")
    private int leaky;

    @Option(
            names = "--silent-per-second",
            defaultValue = "10",
            description = "Clients that connect and say nothing. Default: ${DEFAULT-VALUE}.")
    private int silent;

    @Option(
            names = "--trickling-per-second",
            defaultValue = "10",
            description = "Clients that send a header a byte a second. Default: ${DEFAULT-VALUE}.")
    private int trickling;

    @Option(
            names = "--report",
            defaultValue = "leak-demo.html",
            description = "Where the report goes. Default: ${DEFAULT-VALUE}.")
    private Path report;

    @Option(names = "--no-live", description = "Print lines instead of a live view.")
    private boolean noLive;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        require("--seconds", seconds, 1, 300);
        require("--limit", limit, 128, 1_000_000);
        require("--leaky-per-second", leaky, 0, 1000);
        require("--silent-per-second", silent, 0, 1000);
        require("--trickling-per-second", trickling, 0, 1000);
        if (!Files.isDirectory(Path.of("/proc/self/fd"))) {
            throw new IllegalStateException("leak-demo counts the descriptors of other processes: it needs Linux");
        }
        requireReport();
        PrintWriter out = spec.commandLine().getOut();
        double share = shareOfRates(descriptors());
        if (share < 1) {
            out.printf(
                    Locale.ROOT,
                    "The clients have few descriptors (ulimit -n): they come at %.0f %% of their rates%n",
                    100 * share);
        }
        Path directory = Files.createTempDirectory("leak-demo");
        out.println("Starting plain Jetty and strict Jetty, each under ulimit -n " + limit);
        out.flush();
        try (DemoSide plain = new DemoSide("plain", true, directory, limit);
                DemoSide strict = new DemoSide("strict", false, directory, limit)) {
            List<DemoSide> sides = List.of(plain, strict);
            run(sides, share, new DemoView(out, !noLive && isTerminal(), limit));
            DemoSide.Result plainResult = plain.result();
            DemoSide.Result strictResult = strict.result();
            out.print(DemoView.table(plainResult, strictResult));
            DemoReport.write(report, limit, seconds, sides, List.of(plainResult, strictResult));
            out.println("Report: " + report.toAbsolutePath());
            out.println("Logs:   " + plain.log() + " " + strict.log());
            out.println(
                    strictResult.isEverybodyServed()
                            ? "The strict server served everybody."
                            : "The strict server did NOT serve everybody.");
            out.flush();
            return strictResult.isEverybodyServed() ? 0 : 1;
        }
    }

    private void run(List<DemoSide> sides, double share, DemoView view) throws InterruptedException {
        for (DemoSide side : sides) {
            side.warmUp();
        }
        sides.forEach(side -> side.crowd().startGuests());
        long start = System.nanoTime();
        boolean leaking = false;
        double now;
        do {
            now = secondsSince(start);
            if (!leaking && now >= CALM_SECONDS) {
                leaking = true;
                sides.forEach(side -> side.crowd().startLeaks(share * leaky, share * silent, share * trickling));
            }
            view.show(sides.get(0).sample(now), sides.get(1).sample(now));
            double next = now + SAMPLE_SECONDS - secondsSince(start);
            if (next > 0) {
                TimeUnit.NANOSECONDS.sleep((long) (next * 1e9));
            }
        } while (now < seconds);
        sides.forEach(side -> side.crowd().stopInviting());
        for (DemoSide side : sides) {
            side.crowd().awaitGuests();
        }
        now = secondsSince(start);
        view.show(sides.get(0).sample(now), sides.get(1).sample(now));
        view.end();
    }

    private static double secondsSince(long start) {
        return (System.nanoTime() - start) / 1e9;
    }

    /** Whether the standard output is one; {@code System.console()} tells of it in some JDKs only. */
    private static boolean isTerminal() throws IOException {
        String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
        return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    }

    private void require(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new ParameterException(
                    spec.commandLine(), "%s: %d (expected: %d to %d)".formatted(name, value, least, most));
        }
    }

    /** Refuses a report that could not be written before the demo runs, not after it. */
    private void requireReport() {
        try {
            Path file = report.toAbsolutePath();
            Files.createDirectories(file.getParent());
            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)
                    .close();
        } catch (IOException x) {
            throw new ParameterException(
                    spec.commandLine(), "--report: " + report + " (expected: a file that can be written)", x);
        }
    }

    private static long descriptors() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? unix.getMaxFileDescriptorCount()
                : Long.MAX_VALUE;
    }

    /** The share of the rates at which the clients of both servers get along with the descriptors of this process. */
    private double shareOfRates(long descriptors) {
        double clients = (leaky + silent + trickling) * Math.max(0, seconds - CALM_SECONDS);
        double room = Math.max(0, descriptors - OTHER_DESCRIPTORS) / 2.0;
        if (room < Math.min(clients, limit)) {
            throw new IllegalStateException(String.format(
                    Locale.ROOT,
                    "The clients of this demo need more than the %d descriptors they have: raise ulimit -n",
                    descriptors));
        }
        return Math.min(1, room / Math.max(1, clients));
    }
}
