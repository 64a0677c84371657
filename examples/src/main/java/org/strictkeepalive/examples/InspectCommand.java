package org.strictkeepalive.examples;

import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Who holds the descriptors of a running process. */
@Command(
        name = "inspect",
        description = {
            "Tells who holds the descriptors of a running process, and what the policy would do about it.",
            "Linux only; for a process of the same user, or as root."
        },
        mixinStandardHelpOptions = true)
final class InspectCommand implements Callable<Integer> {
    private static final int MOST_ADDRESSES = 20;
    /** The policy takes a larger limit for this one. */
    private static final long LARGEST_LIMIT = 1L << 20;

    private static final long[] IDLE_SECONDS = {1, 10, 60, 600, Long.MAX_VALUE};
    private static final String[] IDLE_NAMES = {
        "less than 1 s", "1 to 10 s", "10 to 60 s", "1 to 10 min", "10 min and more"
    };

    @Parameters(paramLabel = "PID|URL", description = "A process id, or an address that it listens at on this machine.")
    private String process;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        try {
            long pid = pid();
            SocketUse.Looks looks = SocketUse.Looks.take();
            report(ProcessDescriptors.of(pid), looks);
        } catch (IllegalArgumentException x) {
            throw new ParameterException(spec.commandLine(), x.getMessage(), x);
        }
        return 0;
    }

    private long pid() throws IOException {
        if (process.matches("\\d{1,18}")) {
            return Long.parseLong(process);
        }
        URI uri = process.contains("://") ? URI.create(process) : null;
        if (uri == null || uri.getHost() == null) {
            throw new IllegalArgumentException(
                    process + " (expected: a process id, or a URL such as http://127.0.0.1:8080/)");
        }
        boolean tls = "https".equalsIgnoreCase(uri.getScheme());
        if (!tls && !"http".equalsIgnoreCase(uri.getScheme())) {
            throw new IllegalArgumentException(process + " (expected: the scheme http or https)");
        }
        if (!isOfThisMachine(uri.getHost())) {
            throw new IllegalArgumentException(
                    process + " (expected: an address of this machine, whose processes alone can be looked at)");
        }
        return ProcessDescriptors.listeningAt(uri.getPort() > 0 ? uri.getPort() : tls ? 443 : 80);
    }

    private static boolean isOfThisMachine(String host) throws IOException {
        try {
            for (InetAddress address : InetAddress.getAllByName(host.replaceAll("^\\[|]$", ""))) {
                if (address.isLoopbackAddress()
                        || address.isAnyLocalAddress()
                        || NetworkInterface.getByInetAddress(address) != null) {
                    return true;
                }
            }
        } catch (UnknownHostException x) {
            throw new IllegalArgumentException(
                    host + " (expected: a name that resolves to an address of this machine)", x);
        }
        return false;
    }

    private void report(ProcessDescriptors descriptors, SocketUse.Looks looks) {
        PrintWriter out = spec.commandLine().getOut();
        int used = descriptors.kinds().size();
        long limit = descriptors.limit();
        List<ProcessDescriptors.Socket> accepted = descriptors.accepted();
        out.printf("Process %d: %d descriptors open, limit %s%n", descriptors.pid(), used, limit < 0 ? "none" : limit);

        out.printf("%n%-32s %8s%n", "kind", "count");
        count(descriptors.kinds()).forEach(row -> out.printf("%-32s %8d%n", row.getKey(), row.getValue()));

        Map<SocketUse, Integer> uses = new EnumMap<>(SocketUse.class);
        accepted.forEach(socket -> uses.merge(looks.use(socket), 1, Integer::sum));
        reportAddresses(out, accepted, looks);
        out.printf("%n%-48s %8s%n", "clients' connections", "count");
        uses.forEach((use, count) -> out.printf("%-48s %8d%n", use, count));
        reportIdle(out, accepted, looks);
        if (looks.now().isEmpty() && !accepted.isEmpty()) {
            out.println("(what they are used for, and since when, needs the program ss, of the package iproute2)");
        }

        out.printf("%n%s%n", verdict(uses, used, limit));
        out.flush();
    }

    private static void reportAddresses(
            PrintWriter out, List<ProcessDescriptors.Socket> accepted, SocketUse.Looks looks) {
        out.printf("%n%-40s %8s %8s  %s%n", "clients' address", "count", "busy", "longest idle");
        Map<InetAddress, List<ProcessDescriptors.Socket>> byAddress =
                accepted.stream().collect(Collectors.groupingBy(s -> s.remote().getAddress()));
        byAddress.entrySet().stream()
                .sorted(Comparator.comparing(entry -> -entry.getValue().size()))
                .limit(MOST_ADDRESSES)
                .forEach(entry -> out.printf(
                        "%-40s %8d %8d  %s%n",
                        entry.getKey().getHostAddress(),
                        entry.getValue().size(),
                        entry.getValue().stream()
                                .filter(socket -> looks.use(socket).isBusy())
                                .count(),
                        entry.getValue().stream()
                                .map(looks::idleMillis)
                                .filter(Objects::nonNull)
                                .max(Comparator.naturalOrder())
                                .map(ms -> "%.1f s".formatted(ms / 1000.0))
                                .orElse("unknown")));
        if (byAddress.size() > MOST_ADDRESSES) {
            out.printf("and %d more addresses%n", byAddress.size() - MOST_ADDRESSES);
        }
    }

    private static void reportIdle(PrintWriter out, List<ProcessDescriptors.Socket> accepted, SocketUse.Looks looks) {
        out.printf("%n%-32s %8s%n", "nothing sent or received for", "count");
        int[] counts = new int[IDLE_SECONDS.length];
        for (ProcessDescriptors.Socket socket : accepted) {
            Long ms = looks.idleMillis(socket);
            for (int i = 0; ms != null && i < counts.length; i++) {
                if (ms / 1000 < IDLE_SECONDS[i]) {
                    counts[i]++;
                    break;
                }
            }
        }
        for (int i = 0; i < counts.length; i++) {
            out.printf("%-32s %8d%n", IDLE_NAMES[i], counts[i]);
        }
    }

    private static List<Map.Entry<String, Long>> count(List<String> kinds) {
        Map<String, Long> counts =
                kinds.stream().collect(Collectors.groupingBy(Function.identity(), TreeMap::new, Collectors.counting()));
        List<Map.Entry<String, Long>> rows = new ArrayList<>(counts.entrySet());
        rows.sort(Map.Entry.<String, Long>comparingByValue().reversed());
        return rows;
    }

    /** The policy's rule, for a server with one acceptor thread. */
    private static PressureLevel level(KeepAlivePolicy policy, long free, long room, long limit) {
        long reserve = Math.max(Math.min(Math.max(16, Math.min(256, limit / 100)), room / 10), 2);
        double pressure = room == 0 ? 1 : (double) (room - free) / room;
        if (free <= reserve) {
            return PressureLevel.CRITICAL;
        }
        if (pressure >= policy.getHighAt()) {
            return PressureLevel.HIGH;
        }
        return pressure >= policy.getElevatedAt() ? PressureLevel.ELEVATED : PressureLevel.NORMAL;
    }

    /**
     * What the policy, with its default settings, would do.
     *
     * @param uses what the clients' connections are used for
     */
    static String verdict(Map<SocketUse, Integer> uses, long used, long limit) {
        if (limit < 0) {
            return "Without a descriptor limit the policy would wait for maxConnections.";
        }
        KeepAlivePolicy policy = KeepAlivePolicy.defaults();
        int connections = sum(uses, use -> true);
        long free = Math.max(0, Math.min(limit, LARGEST_LIMIT) - used);
        long room = connections + free;
        PressureLevel level = level(policy, free, room, limit);
        String pressure = String.format(
                Locale.ROOT,
                "By default the policy would be at %s: clients hold %d of the %d descriptors that they can have; ",
                level,
                connections,
                room);
        return pressure
                + switch (level) {
                    case NORMAL -> "idle connections end at keepAliveTimeout, nothing is evicted.";
                    case ELEVATED -> "timeouts would be shorter, and clients that make no progress be ended.";
                    case HIGH, CRITICAL -> relief(policy, level, uses, connections, room);
                };
    }

    private static int sum(Map<SocketUse, Integer> uses, Predicate<SocketUse> which) {
        return uses.entrySet().stream()
                .filter(entry -> which.test(entry.getKey()))
                .mapToInt(Map.Entry::getValue)
                .sum();
    }

    private static String relief(
            KeepAlivePolicy policy, PressureLevel level, Map<SocketUse, Integer> uses, int connections, long room) {
        long most = (long) (room * (policy.getHighAt() - policy.getHysteresis()));
        int busy = sum(uses, SocketUse::isBusy);
        if (busy <= most) {
            return String.format(
                    Locale.ROOT,
                    "it would close idle ones until at most %d are open, those never reused first%s.",
                    most,
                    level == PressureLevel.CRITICAL ? ", and pause accepting meanwhile" : "");
        }
        return String.format(
                Locale.ROOT,
                "busy ones hold the room, %d of %d: to close the %d others is not enough. Of the busy ones, %d send their"
                        + " request, %d have not taken their answer, %d have no answer yet, %d have a client that has gone."
                        + " It would end those whose client moves fewer than %d bytes a second, and those of clients that"
                        + " have gone; at CRITICAL also the slowest below %d. Where the application itself is what they wait for it would end nothing: that has"
                        + " to answer faster, or to refuse.",
                busy,
                connections,
                connections - busy,
                uses.getOrDefault(SocketUse.BODY, 0),
                uses.getOrDefault(SocketUse.READING, 0),
                uses.getOrDefault(SocketUse.APPLICATION, 0),
                uses.getOrDefault(SocketUse.GONE, 0),
                policy.getMinDataRate(),
                policy.getFastDataRate());
    }
}
