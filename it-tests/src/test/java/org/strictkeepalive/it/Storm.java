package org.strictkeepalive.it;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * One storm: who comes, and how.
 *
 * @param name the kind of the attackers, or MIX
 * @param atOnce whether they come all at once, else at a steady rate
 */
record Storm(String name, int limit, boolean tls, boolean atOnce) {
    /** How much later 99 of 100 visitors may be served than on a calm day, beside what the machine itself is late. */
    private static final long LATER_MS = 250;

    /** Whether all cases are asked for, not only those of CI. */
    static final boolean ALL = Boolean.getBoolean("storms.all");

    /** A hundred visitors, so that one of them may be late. */
    private static final int SECONDS = Integer.getInteger("storm.seconds", 10);
    /** For how many times as long a storm goes on where the machine is too slow for all attackers to have come. */
    private static final int LONGER = 6;
    /** Attackers that come at a steady rate come at most at this one: their handshakes alone must not take the CPU. */
    private static final int MOST_PER_SECOND = 400;

    private static final int MOST_PER_SECOND_TLS = 75;
    /** Of the listening socket of serve. */
    private static final int BACKLOG = 1024;

    /**
     * Connections that are closed at once come as often as they can where all storms are asked for, else no more often
     * than this: two threads that do nothing else take the CPU from server and visitors on any machine with two cores.
     */
    private static final int MOST_CLOSED_PER_SECOND = ALL ? 0 : 2000;

    private static final int TIMES_THE_LIMIT = 3;
    /** Of a machine that is slow, and long before any timeout. */
    private static final long BACK_MS = 15_000;
    /**
     * Of the connects that the backlog was too small for, some are connections for the client and not yet for the server:
     * they come when their packets come again, after their client has gone, and have the time of a first request.
     */
    private static final long BACK_BEYOND_BACKLOG_MS = BACK_MS + 10_000;

    /** What is always kept: for the acceptor and two more. */
    private static final int LAST_DESCRIPTORS = 4;

    private static final int HEAP_SLACK_MIB = 16;
    private static final int STALL_MS = 50;
    /** So often a storm is had again where the machine itself stalled. */
    private static final int TRIES = 4;

    private static final double COME = 0.95;
    /** Fewer descriptors than this are not many more than the guests' own. */
    private static final int LITTLE_ROOM = 100;

    private static final int WARM_HANDSHAKES = 1000;

    /** A server that has seen calm days only, and its figures then. */
    record Calm(Serve serve, int reserve, long p99, int descriptors, int heap) {
        Calm withP99(long p99) {
            return new Calm(serve, reserve, p99, descriptors, heap);
        }

        static Calm of(Serve serve) throws IOException, InterruptedException {
            if (serve.isTls()) {
                // Else the compiler takes a core when the storm comes: a handshake of a fresh JVM costs ten times more.
                for (int i = 0; i < WARM_HANDSHAKES; i++) {
                    serve.http().get("/", Guests.DEADLINE_MS);
                }
            }
            Guests guests = new Guests(serve.http()).settle();
            Http.pause(1000); // for the classes that the first ones had to wait for
            long from = System.nanoTime();
            Http.pause(3000);
            guests.close();
            int reserve = serve.status().get("descriptors").get("reserved").asInt();
            serve.heap();
            Http.pause(500);
            return new Calm(serve, reserve, Guests.p99(guests.visitsSince(from)), serve.descriptors(), serve.heap());
        }
    }

    /** What came of it. */
    record Outcome(String row, List<String> problems, boolean machineStalled) {}

    static final String HEADER = String.format(
            "%-18s %5s %-5s %-6s %9s %8s %7s %5s %5s %5s %6s %4s %5s %5s %5s %6s %5s %7s %6s %5s %5s",
            "storm",
            "limit",
            "over",
            "opened",
            "attackers",
            "visitors",
            "served",
            "calm",
            "p99",
            "max",
            "polite",
            "lost",
            "races",
            "close",
            "whole",
            "broken",
            "most",
            "back ms",
            "heap",
            "stall",
            "idle");

    private List<Attackers.Kind> kinds() {
        return name.equals("MIX")
                ? Arrays.stream(Attackers.Kind.values())
                        .filter(kind -> tls || !kind.isTlsOnly())
                        .toList()
                : List.of(Attackers.Kind.valueOf(name));
    }

    /** Whether all attackers together hold requests in progress, so that each room-full has to be judged first. */
    private boolean isBusy() {
        return kinds().stream().anyMatch(Attackers.Kind::isBusy);
    }

    /** Whether there are never-reused connections to evict all the time. */
    private boolean leavesNewcomers() {
        return switch (name) {
            case "LEAKY", "SILENT", "TRICKLE_FIRST", "TRICKLE_BETWEEN" -> true;
            default -> false;
        };
    }

    /**
     * Whether visitors are served about as quickly as on a calm day. Else they wait in turn for a room-full of requests
     * in progress to be judged, or for what the kernel has dropped to come again, or the attackers alone take the CPU.
     */
    private boolean isQuick() {
        return !isBusy() && !isBeyondBacklog() && !name.equals("CONNECT_CLOSE");
    }

    /** Whether the kernel drops attempts to connect, which come again after 1 s, 3 s and 7 s: those of visitors too. */
    private boolean isBeyondBacklog() {
        return atOnce && TIMES_THE_LIMIT * limit > BACKLOG;
    }

    /**
     * How often polite clients may be told to close. Where the application leaves room for a few connections only, there
     * is no newcomer at all at moments when the machine held the attackers up, and one of those who reuse has to go.
     */
    private int mostToldToClose(Calm calm, Guests guests) {
        return limit - calm.descriptors() < LITTLE_ROOM ? guests.politeServed.get() / 2 : 0;
    }

    /** What is left of the first moment when all have come at once. */
    private int unsettledSeconds() {
        if (!atOnce) {
            return 0;
        }
        // Each room-full of requests in progress is judged in about a second; some descriptors are the guests'.
        int rooms = isBusy() ? TIMES_THE_LIMIT + 1 : 1;
        return rooms + (isBeyondBacklog() ? 4 : 1);
    }

    /** How long it has to last. */
    int seconds() {
        return atOnce
                ? unsettledSeconds() + 3
                : Math.max(SECONDS, TIMES_THE_LIMIT * limit / (tls ? MOST_PER_SECOND_TLS : MOST_PER_SECOND));
    }

    /** How many attackers come a second, 0 for all at once. */
    private int perSecond(int count, int seconds) {
        if (name.equals("CONNECT_CLOSE")) {
            return MOST_CLOSED_PER_SECOND;
        }
        return atOnce ? 0 : count / seconds;
    }

    /** Had again where something went wrong while the machine itself stood still, in whichever process. */
    Outcome rageUnlessStalled(Calm calm) throws IOException, InterruptedException {
        Outcome outcome = rage(calm);
        for (int i = 1; i < TRIES && !outcome.problems().isEmpty() && outcome.machineStalled(); i++) {
            System.out.println("Once more, since the machine itself stalled: " + outcome);
            outcome = rage(calm);
        }
        return outcome;
    }

    Outcome rage(Calm calm) throws IOException, InterruptedException {
        Serve serve = calm.serve();
        int seconds = seconds();
        long longest = LONGER * (long) seconds;
        int logBefore = serve.log().length();
        int count = TIMES_THE_LIMIT * limit;
        int most = 0;
        int attackers;
        long stall;
        Guests guests = new Guests(serve.http()).settle();
        long begin;
        try (guests) {
            Attack attack = new Attack(serve, kinds(), count, perSecond(count, seconds));
            begin = System.nanoTime();
            try (attack) {
                while (System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(seconds)
                        || (!attack.hasCome() && System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(longest))) {
                    most = Math.max(most, serve.descriptors());
                    Http.pause(5);
                }
                // The guests finish while the attackers still hold what they have.
                guests.close();
            }
            attackers = attack.connected();
            // All at once they take their time.
            stall = atOnce ? 0 : attack.stall();
        }
        long end = System.nanoTime();
        long backMs = isBeyondBacklog() ? BACK_BEYOND_BACKLOG_MS : BACK_MS;
        while (serve.descriptors() > calm.descriptors() && System.nanoTime() - end < backMs * 1_000_000) {
            Http.pause(10);
        }
        long back = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - end);
        int heap = serve.heap();
        String log = serve.log().substring(logBefore);

        long settled = begin + TimeUnit.SECONDS.toNanos(unsettledSeconds());
        List<Guests.Visit> all = guests.visitsSince(begin);
        List<Guests.Visit> visits = guests.visitsSince(settled);
        long unserved = all.stream().filter(visit -> visit.failure() != null).count();
        List<Guests.Visit> turnedAway = (isBusy() || isBeyondBacklog() ? visits : all)
                .stream().filter(visit -> visit.failure() != null).toList();
        long p99 = Guests.p99(visits);

        List<String> problems = new ArrayList<>();
        check(problems, attackers >= count * COME, "only " + attackers + " attackers of " + count + " came");
        check(problems, visits.size() >= 10, "only " + visits.size() + " visitors came");
        check(problems, turnedAway.size() <= all.size() / 1000, "turned away: " + turnedAway);
        check(
                problems,
                !isQuick() || p99 <= calm.p99() + LATER_MS + guests.control().allowanceMs(),
                "99 % of visitors within " + p99 + " ms, those of an idle server within "
                        + guests.control().slowestMs());
        check(problems, guests.politeLost.isEmpty(), "polite requests lost: " + guests.politeLost);
        check(problems, guests.races.get() == 0, guests.races + " polite requests crossed a close");
        check(
                problems,
                !leavesNewcomers() || guests.toldToClose.get() <= mostToldToClose(calm, guests),
                guests.toldToClose + " times polite clients had to open another connection");
        check(problems, guests.broken.isEmpty(), "responses broken off: " + guests.broken);
        // Where all that is there is busy, visitors may use all but the last few.
        int kept = isBusy() ? LAST_DESCRIPTORS : calm.reserve();
        check(problems, most <= limit - kept + 1, most + " descriptors used");
        check(
                problems,
                back < backMs,
                serve.descriptors() + " descriptors afterwards, " + calm.descriptors() + " before");
        check(
                problems,
                heap <= calm.heap() + HEAP_SLACK_MIB,
                heap + " MiB of heap afterwards, " + calm.heap() + " before");
        check(problems, !hasFailures(log), "in the log: " + log);
        String row = String.format(
                Locale.ROOT,
                "%-18s %5d %-5s %-6s %9d %8d %6.1f%% %5d %5d %5d %6d %4d %5d %5d %5d %6d %5d %7d %2d>%3d %5d %5d",
                name,
                limit,
                tls ? "TLS" : "clear",
                atOnce ? "once" : "steady",
                attackers,
                all.size(),
                100.0 * (all.size() - unserved) / all.size(),
                calm.p99(),
                p99,
                all.get(all.size() - 1).millis(),
                guests.politeServed.get(),
                guests.politeLost.size(),
                guests.races.get(),
                guests.toldToClose.get(),
                guests.whole.get(),
                guests.broken.size(),
                most,
                back,
                calm.heap(),
                heap,
                guests.stall(),
                guests.control().slowestMs());
        return new Outcome(
                row,
                problems,
                Math.max(stall, Math.max(guests.stall(), guests.control().slowestMs())) > STALL_MS);
    }

    private static void check(List<String> problems, boolean good, String problem) {
        if (!good) {
            problems.add(problem);
        }
    }

    /** Failures to accept, and stack traces. */
    static boolean hasFailures(String log) {
        return log.contains("Too many open files") || log.contains("Accept Failure") || log.contains("\tat ");
    }

    @Override
    public String toString() {
        return name + " at " + limit + (tls ? " TLS" : " clear") + (atOnce ? " at once" : " steadily");
    }
}
