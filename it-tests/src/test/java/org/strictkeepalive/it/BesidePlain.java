package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/** Compares a figure of plain Jetty with the connector's. */
final class BesidePlain {
    /** By how much the stop may be longer than plain's, measured at the same time. */
    private static final long SLACK_MS = 300;
    /** A machine that is busy gets further tries: it makes the difference larger, never smaller. */
    private static final int TRIES = 3;

    private BesidePlain() {}

    /** Both stop at the same time; the figures are milliseconds. */
    static void assertNoLonger(String what, ExecutorService threads, Callable<Long> plain, Callable<Long> strict)
            throws Exception {
        List<String> tries = new ArrayList<>();
        boolean longer = true;
        for (int i = 0; i < TRIES && longer; i++) {
            Future<Long> besides = threads.submit(plain);
            long strictMs = strict.call();
            long plainMs = besides.get();
            tries.add("plain " + plainMs + " ms, strict " + strictMs + " ms");
            longer = strictMs > plainMs + SLACK_MS;
        }
        report("Stop with " + what, tries, longer);
    }

    /** One after the other; the figures are requests. */
    static void assertLosesNoMore(String what, Callable<Integer> plain, Callable<Integer> strict) throws Exception {
        List<String> tries = new ArrayList<>();
        boolean worse = true;
        for (int i = 0; i < TRIES && worse; i++) {
            int plainLost = plain.call();
            int strictLost = strict.call();
            tries.add("plain " + plainLost + ", strict " + strictLost);
            worse = strictLost > plainLost;
        }
        report("Requests lost at a stop, " + what, tries, worse);
    }

    private static void report(String what, List<String> tries, boolean worse) {
        System.out.println(what + ": " + tries);
        if (worse) {
            fail(what + ": " + tries);
        }
    }
}
