package org.strictkeepalive.examples;

import java.io.PrintWriter;
import java.util.Locale;

/** What the demo shows in the terminal: a view that is redrawn in place, or a line every few seconds. */
final class DemoView {
    /** Two of them, and the names before, fit into a terminal of 80 columns. */
    private static final int COLUMN = 30;

    private static final int LINES = 6;
    private static final double LINE_EVERY_SECONDS = 5;

    private final PrintWriter out;
    private final boolean live;
    private final int limit;
    private boolean drawn;
    private double nextLine;

    DemoView(PrintWriter out, boolean live, int limit) {
        this.out = out;
        this.live = live;
        this.limit = limit;
    }

    void show(DemoSide.Sample plain, DemoSide.Sample strict) {
        if (live) {
            if (drawn) {
                out.print("\u001b[" + LINES + "A");
            }
            drawn = true;
            row("%4.0f s".formatted(plain.seconds()), "plain Jetty", "strict");
            row("descriptors", bar(plain), bar(strict));
            row("level", text(plain.level()), text(strict.level()));
            row("clients that leak", Integer.toString(plain.leaks()), Integer.toString(strict.leaks()));
            row("visitors served", Long.toString(plain.served()), Long.toString(strict.served()));
            row("turned away", Long.toString(plain.turnedAway()), Long.toString(strict.turnedAway()));
        } else if (plain.seconds() >= nextLine) {
            nextLine += LINE_EVERY_SECONDS;
            out.printf(
                    Locale.ROOT,
                    "%3.0f s  plain: descriptors=%d served=%d turnedAway=%d  "
                            + "strict: descriptors=%d level=%s served=%d turnedAway=%d  leaks=%d%n",
                    plain.seconds(),
                    plain.descriptors(),
                    plain.served(),
                    plain.turnedAway(),
                    strict.descriptors(),
                    text(strict.level()),
                    strict.served(),
                    strict.turnedAway(),
                    strict.leaks());
        }
        out.flush();
    }

    private void row(String what, String plain, String strict) {
        out.printf("\u001b[2K%-17s %-" + COLUMN + "s %s%n", what, plain, strict);
    }

    private String bar(DemoSide.Sample sample) {
        String number = " " + sample.descriptors() + "/" + limit;
        int width = COLUMN - 1 - number.length();
        int full = (int) Math.max(0, Math.min(width, (long) sample.descriptors() * width / limit));
        return "#".repeat(full) + ".".repeat(width - full) + number;
    }

    private static String text(String value) {
        return value == null ? "-" : value;
    }

    void end() {
        out.println();
        out.flush();
    }

    /** The end of the story. */
    static String table(DemoSide.Result plain, DemoSide.Result strict) {
        return line("", "plain Jetty", "strict")
                + line("visitors served", share(plain), share(strict))
                + line("slowest visit", plain.slowestVisitMs() + " ms", strict.slowestVisitMs() + " ms")
                + line("polite requests lost", lost(plain), lost(strict))
                + line(
                        "most descriptors used",
                        Integer.toString(plain.mostDescriptors()),
                        Integer.toString(strict.mostDescriptors()))
                + line(
                        "\"Too many open files\" in the log",
                        Long.toString(plain.tooManyOpenFiles()),
                        Long.toString(strict.tooManyOpenFiles()));
    }

    private static String lost(DemoSide.Result result) {
        return result.politeLost() + " of " + (result.politeLost() + result.politeServed())
                + (result.politeRetried() == 0 ? "" : ", " + result.politeRetried() + " retried");
    }

    private static String share(DemoSide.Result result) {
        return String.format(
                Locale.ROOT,
                "%.1f %% (%d of %d)",
                100 * result.shareServed(),
                result.served(),
                result.served() + result.turnedAway());
    }

    private static String line(String what, String plain, String strict) {
        return String.format("%-34s %-22s %s%n", what, plain, strict);
    }
}
