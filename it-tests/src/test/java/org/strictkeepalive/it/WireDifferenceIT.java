package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.it.WireAnswer.End;
import org.strictkeepalive.it.WireDifference.Case;

/**
 * The same bytes to plain Jetty, to strict at its default policy and to strict with every limit off: what comes back is
 * the same to the last byte and to the end of the connection, but for what {@link WireDifference} names.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WireDifferenceIT {
    static final KeepAlivePolicy OFF = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ZERO)
            .requestHeaderTimeout(Duration.ZERO)
            .firstRequestTimeout(Duration.ZERO)
            .maxRequestsPerConnection(0)
            .maxConnectionAge(Duration.ZERO)
            .minDataRate(0)
            .advertiseKeepAlive(false)
            .elevatedAt(0)
            .highAt(0)
            .hysteresis(0)
            .build();

    private static final int CLIENTS = 64;
    /** How long nothing comes, in ms, from a connection that stays open. Where answers differ, once more with the longer. */
    private static final int SILENCE = 150;

    private static final int LONG_SILENCE = 2000;
    private static final int IDLE_SILENCE = 5 * WireServer.SHORT_IDLE;
    /** How many differences of a path are looked for. */
    private static final int ENOUGH = Boolean.getBoolean("wire.all") ? Integer.MAX_VALUE : 6;

    private static final int REPEATS = 20;

    /** Every request to every path; else every second one to paths that don't fail midway. */
    private static final boolean ALL = Boolean.getBoolean("wire.all");

    private static final Pattern FAILING = Pattern.compile("cut|flush|length");
    /** Paths that have to do with a client that falls silent. */
    private static final Pattern WAITING = Pattern.compile("^[a-z/-]*(read|echo|consume|never|cut|hold|flush-throw)");

    private final WireApplication application = new WireApplication();
    private final Map<String, List<String>> unexplained = new ConcurrentSkipListMap<>();
    private final Map<String, Integer> counts = new ConcurrentSkipListMap<>();
    /** The cases that a silence has ended: what is executed behind the client's close is by chance. */
    private final Set<String> silent = ConcurrentHashMap.newKeySet();

    private final AtomicInteger compared = new AtomicInteger();
    private final AtomicInteger answered = new AtomicInteger();
    private WireServer plain;
    private WireServer strict;
    private WireServer off;
    private WireServer last;

    @BeforeAll
    void compareAll() throws Exception {
        plain = new WireServer(null);
        strict = new WireServer(KeepAlivePolicy.defaults());
        off = new WireServer(OFF);
        last = new WireServer(
                KeepAlivePolicy.builder().maxRequestsPerConnection(1).build());
        List<Case> cases = cases();
        ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < cases.size(); i++) {
                String id = "" + i;
                Case one = cases.get(i);
                running.add(clients.submit(() -> {
                    compare(one, id);
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } finally {
            clients.shutdownNow();
        }
        for (WireServer server : List.of(strict, off)) {
            for (int i = 0; i < cases.size(); i++) {
                Set<String> executed = server.executed("" + i);
                executed.removeAll(plain.executed("" + i));
                boolean ordered = !silent.contains("" + i)
                        && !cases.get(i).request().steps().contains(WireRequest.SILENCE);
                if (!executed.isEmpty() && ordered) {
                    unexplained
                            .computeIfAbsent(cases.get(i).path(), path -> new CopyOnWriteArrayList<>())
                            .add(cases.get(i) + "\n  executes what plain doesn't: " + executed);
                }
            }
        }
        List<String> lines = new ArrayList<>();
        counts.forEach((found, count) -> lines.add(count + " " + found));
        unexplained.values().forEach(lines::addAll);
        Files.write(Path.of("target", "wire-differences.txt"), lines);
    }

    @AfterAll
    void stop() throws Exception {
        for (WireServer server : new WireServer[] {plain, strict, off, last}) {
            if (server != null) {
                server.close();
            }
        }
    }

    private List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        List<String> paths = new ArrayList<>(application.names());
        paths.addAll(WireServlet.names());
        List<WireRequest> requests = WireRequest.all();
        for (int i = 0; i < paths.size(); i++) {
            String path = paths.get(i);
            for (int j = 0; j < requests.size(); j++) {
                WireRequest request = requests.get(j);
                if (path.endsWith("pending-demand") && request.name().equals("large keep-alive")) {
                    // Whether its body comes before the application asks for it is by chance, on plain Jetty too.
                    continue;
                }
                if ((i + j) % 2 == 0 || ALL || FAILING.matcher(path).find()) {
                    cases.add(of(request, path, false));
                }
                if ((i + j) % 3 == 0
                        && request.isSilent()
                        && WAITING.matcher(path).find()) {
                    cases.add(of(request, path, true));
                }
            }
        }
        cases.add(of(WireRequest.inUse(), "ok", true));
        for (WireRequest request : WireRequest.malformed()) {
            cases.add(of(request, "ok", false));
            cases.add(of(request, "ok", true));
        }
        return cases;
    }

    private Case of(WireRequest request, String path, boolean idle) {
        return new Case(request, path, application.succeeds(path) || WireServlet.succeeds(path), idle);
    }

    private void compare(Case one, String id) throws IOException {
        if (unexplained.getOrDefault(one.path(), List.of()).size() >= ENOUGH) {
            return; // Those that are known tell enough, and each takes long.
        }
        int silence = one.idle() ? IDLE_SILENCE : SILENCE;
        Set<WireAnswer> expected = new LinkedHashSet<>();
        expected.add(plain.exchange(one.request(), one.path(), id, silence, one.idle()));
        WireAnswer first = expected.iterator().next();
        compared.incrementAndGet();
        if (!first.bytes().isEmpty()) {
            answered.incrementAndGet();
        }
        if (first.end() == End.OPEN) {
            silent.add(id);
        }
        check(one, id, "strict", strict, expected, silence);
        check(one, id, "off", off, expected, silence);
        if (!one.path().equals("length-short-end")) { // There plain answers the next request within the first answer.
            checkLast(one, id, expected, silence);
        }
    }

    private void check(Case one, String id, String name, WireServer server, Set<WireAnswer> expected, int silence)
            throws IOException {
        WireAnswer answer = server.exchange(one.request(), one.path(), id, silence, one.idle());
        Set<WireDifference> found = explain(one, expected, answer);
        if (found == null) {
            // It was slow, or it differs; nor does plain answer the same each time where a body is on its way.
            int longer = Math.max(silence, LONG_SILENCE);
            Set<WireAnswer> answers = new LinkedHashSet<>();
            WireAnswer slow = server.exchange(one.request(), one.path(), id, longer, one.idle());
            for (int i = 0; i < 3 && explain(one, expected, slow) == null && mayBeLate(slow, expected); i++) {
                longer *= 2; // On a machine with other work even a timer is late by seconds.
                expected.add(plain.exchange(one.request(), one.path(), id, longer, one.idle()));
                slow = server.exchange(one.request(), one.path(), id, longer, one.idle());
            }
            answers.add(slow);
            if (answer.end() != End.OPEN
                    && !one.idle()
                    && !one.request().steps().contains(WireRequest.SILENCE)) {
                answers.add(answer);
            }
            for (WireAnswer other : answers) {
                found = explain(one, expected, other);
                for (int i = 0; i < REPEATS && found == null; i++) {
                    WireAnswer again = plain.exchange(one.request(), one.path(), id, longer, one.idle());
                    i += again.end() == End.OPEN || one.idle() ? REPEATS / 2 : 0;
                    expected.add(again);
                    found = explain(one, expected, other);
                }
                if (found == null) {
                    note(one, name, expected, other);
                    return;
                }
            }
        }
        if (WireDifference.isCloseIgnored(one, answer)) {
            note(one, name + " does not close", expected, answer); // Nor does plain 12.1.12 where headers overflow.
        }
        counts.merge(name + " " + found, 1, Integer::sum);
    }

    /** An answer that strict makes the last one of its connection says the same as plain's. */
    private void checkLast(Case one, String id, Set<WireAnswer> expected, int silence) throws IOException {
        for (int i = 0; ; i++) {
            WireAnswer answer = last.exchange(one.request(), one.path(), id, silence, one.idle());
            List<String> meanings =
                    expected.stream().map(plain -> first(one, plain)).toList();
            if (meanings.contains(first(one, answer))
                    || expected.stream().anyMatch(plain -> WireDifference.isCloseLost(one, plain, answer))) {
                return;
            }
            if (i > 1) {
                note(one, "last", expected, answer);
                return;
            }
            silence = Math.max(2 * silence, LONG_SILENCE);
            expected.add(plain.exchange(one.request(), one.path(), id, silence, one.idle()));
        }
    }

    private static String first(Case one, WireAnswer answer) {
        return answer.responses(one.request().methods()).stream()
                .filter(response -> !response.isInterim())
                .map(WireAnswer.Response::meaning)
                .findFirst()
                .orElse("none");
    }

    /** Whether more of one of them would make it the other. */
    private static boolean mayBeLate(WireAnswer answer, Set<WireAnswer> expected) {
        return expected.stream()
                .anyMatch(plain -> (answer.end() == End.OPEN && plain.bytes().startsWith(answer.bytes()))
                        || (plain.end() == End.OPEN && answer.bytes().startsWith(plain.bytes())));
    }

    private static Set<WireDifference> explain(Case one, Set<WireAnswer> expected, WireAnswer answer) {
        return expected.stream()
                .map(plain -> WireDifference.explain(one, plain, answer))
                .filter(found -> found != null)
                .findFirst()
                .orElse(null);
    }

    private void note(Case one, String name, Set<WireAnswer> expected, WireAnswer answer) {
        StringBuilder text =
                new StringBuilder(one + "\n  request " + one.request().text());
        for (WireAnswer plainAnswer : expected) {
            text.append("\n  plain  ").append(plainAnswer);
        }
        text.append("\n  ").append(name).append(' ').append(answer);
        text.append("\n  ")
                .append(WireDifference.changedMessage(one, expected.iterator().next(), answer));
        unexplained
                .computeIfAbsent(one.path(), path -> new CopyOnWriteArrayList<>())
                .add(text.toString());
    }

    @TestFactory
    Stream<DynamicTest> strictDiffersByNothingElse() {
        Set<String> paths = new TreeSet<>(application.names());
        paths.addAll(WireServlet.names());
        return paths.stream()
                .map(path -> DynamicTest.dynamicTest(path, () -> {
                    List<String> differences = unexplained.getOrDefault(path, List.of());
                    assertTrue(
                            differences.isEmpty(),
                            () -> differences.size() + " differences:\n"
                                    + String.join("\n", differences.subList(0, Math.min(5, differences.size()))));
                }));
    }

    @Test
    void nothingWasUnderPressure() {
        assertEquals(
                PressureLevel.NORMAL,
                strict.server.getBean(DescriptorMonitor.class).getLevel());
    }

    @Test
    void mostRequestsWereAnswered() {
        assertTrue(answered.get() > compared.get() / 2, () -> answered + " of " + compared);
    }
}
