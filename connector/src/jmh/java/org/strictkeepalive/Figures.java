package org.strictkeepalive;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs the benchmarks and prints the CPU time beside what is asked. What is compared runs in turns, in processes of its
 * own, so that a busy machine is unfair to nobody. The same code is compiled differently in each process, and is up to
 * twice as slow in some, plain Jetty's too: so of the processes' medians it is the lower quartile that is compared.
 */
public final class Figures {
    private static final int ROUNDS = Integer.getInteger("jmh.rounds", 9);

    private Figures() {}

    /** The figures of one benchmark: the medians of its rounds. */
    private static final class Samples {
        private final List<Double> times = new ArrayList<>();
        private final List<Double> bytes = new ArrayList<>();

        private void add(Collection<RunResult> results) {
            List<Double> time = new ArrayList<>();
            for (RunResult result : results) {
                for (IterationResult iteration :
                        result.getBenchmarkResults().iterator().next().getIterationResults()) {
                    time.add(secondary(iteration, "nanos") / secondary(iteration, "operations"));
                    bytes.add(secondary(iteration, "gc.alloc.rate.norm"));
                }
            }
            times.add(quantile(time, 0.5));
        }

        private static double secondary(IterationResult iteration, String name) {
            Result<?> result = iteration.getSecondaryResults().get(name);
            return result == null ? Double.NaN : result.getScore();
        }

        private double time() {
            return quantile(times, 0.25);
        }

        private double allocated() {
            return quantile(bytes, 0.5);
        }

        private static double quantile(List<Double> values, double share) {
            double[] sorted =
                    values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            return sorted[(int) (sorted.length * share)];
        }
    }

    private static Collection<RunResult> run(String benchmark, int threads, String parameter, String value)
            throws RunnerException {
        return new Runner(new OptionsBuilder()
                        .include(benchmark)
                        .param(parameter, value)
                        .threads(threads)
                        .forks(1)
                        .warmupIterations(5)
                        .warmupTime(TimeValue.seconds(1))
                        .measurementIterations(10)
                        .measurementTime(TimeValue.milliseconds(300))
                        .addProfiler(GCProfiler.class)
                        .jvmArgsAppend("-Xms3g", "-Xmx3g", "-Dorg.eclipse.jetty.LEVEL=WARN")
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
    }

    private static void print(String figure, String asked, double measured, String unit, boolean holds) {
        System.out.printf(
                Locale.ROOT,
                "%-62s %12s %12.1f %-6s %s%n",
                figure,
                asked,
                measured,
                unit,
                asked.isEmpty() ? "" : holds ? "holds" : "FALLS SHORT");
    }

    private static void printAtMost(String figure, double most, double measured, String unit) {
        print(figure, String.format(Locale.ROOT, "<= %.0f", most), measured, unit, measured <= most);
    }

    /**
     * A request beyond plain Jetty's.
     *
     * @param allocated how many bytes it may allocate beyond plain Jetty's
     */
    private static void hotPath(String benchmark, String request, double most, double allocated)
            throws RunnerException {
        double[] beyond = new double[3];
        for (int threads = 1; threads <= 2; threads++) {
            Samples plain = new Samples();
            Samples strict = new Samples();
            for (int i = 0; i < ROUNDS; i++) {
                // The first of a pair is the other one each time.
                for (String policy : i % 2 == 0 ? List.of("plain", "strict") : List.of("strict", "plain")) {
                    (policy.equals("plain") ? plain : strict)
                            .add(run(benchmark + ".request", threads, "policy", policy));
                }
            }
            String on = request + ", threads: " + threads;
            beyond[threads] = strict.time() - plain.time();
            print("plain Jetty" + on, "", plain.time(), "ns", true);
            printAtMost("beyond plain Jetty" + on, most, beyond[threads], "ns");
            printAtMost(
                    "allocated beyond plain Jetty" + on, allocated, strict.allocated() - plain.allocated(), "bytes");
        }
    }

    private static void tick() throws RunnerException {
        Samples tick = new Samples();
        tick.add(run("TickBenchmark", 1, "guards", "1000000"));
        printAtMost("a tick each 100 ms with 1,000,000 connections", 5_000, tick.time() / 1000, "us");
    }

    private static void sample() throws RunnerException {
        for (String descriptors : List.of("100", "15000")) {
            for (String what : List.of("sample", "probe", "mxbean")) {
                Samples samples = new Samples();
                samples.add(run("SampleBenchmark." + what + "$", 1, "descriptors", descriptors));
                String figure = what + " with " + descriptors + " open descriptors";
                if (what.equals("sample")) {
                    printAtMost(figure, 5, samples.time() / 1000, "us");
                } else {
                    print(figure, "", samples.time() / 1000, "us", true);
                }
            }
        }
    }

    /**
     * Runs them.
     *
     * @param arguments which ones, of {@code hotpath}, {@code http2}, {@code tick} and {@code sample}
     */
    public static void main(String[] arguments) throws RunnerException {
        List<String> asked = Arrays.asList(arguments[0].split(","));
        if (asked.contains("hotpath")) {
            hotPath("HotPathBenchmark", " a request", 150, 32);
        }
        if (asked.contains("http2")) {
            hotPath("Http2Benchmark", " a request over HTTP/2", 100, 32);
        }
        if (asked.contains("tick")) {
            tick();
        }
        if (asked.contains("sample")) {
            sample();
        }
    }
}
