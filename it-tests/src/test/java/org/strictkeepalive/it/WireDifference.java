package org.strictkeepalive.it;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.strictkeepalive.it.WireAnswer.End;
import org.strictkeepalive.it.WireAnswer.Response;
import org.strictkeepalive.it.WireAnswer.State;
import org.strictkeepalive.it.WireRequest.Trait;

/**
 * What may differ between plain and strict on the wire, and nothing else. Each takes its difference out of the two
 * answers where its conditions hold; what is left must be the same.
 */
enum WireDifference {
    OWN_KEEP_ALIVE("Keep-Alive: timeout=T−buffer … so that clients stop using a connection before the server closes it:"
            + " the application's own field would promise something else") {
        @Override
        void takeOut(Pair pair) {
            Response plain = pair.first(pair.plain);
            Response strict = pair.first(pair.strict);
            if (plain != null
                    && strict != null
                    && plain.head().contains(OWN)
                    && !strict.head().contains(OWN)
                    && (pair.of.request().is(Trait.KEEP_ALIVE) || strict.isClosing())) {
                pair.plain = pair.withHead(pair.plain, plain.head().replace(OWN, ""));
                pair.found.add(this);
            }
        }
    },
    KEEP_ALIVE("Keep-Alive: timeout=T−buffer … only if the request asked with Connection: keep-alive … and never"
            + " where the close ends the response") {
        @Override
        void takeOut(Pair pair) {
            Response plain = pair.first(pair.plain);
            Response strict = pair.first(pair.strict);
            if (!pair.of.request().is(Trait.KEEP_ALIVE) || plain == null || strict == null) {
                return;
            }
            Matcher promise = PROMISE.matcher(strict.head());
            if (promise.find()
                    && !plain.head().contains("Keep-Alive:")
                    && !strict.isClosing()
                    && strict.isDelimited(pair.of.request().methods().get(0))
                    && strict.says("keep-alive")
                    && Integer.parseInt(promise.group(1)) < pair.of.idleSeconds()) {
                String head = strict.head().replace(promise.group(), "");
                if (!plain.says("keep-alive")) {
                    head = head.replace(SAYS_KEEP_ALIVE, "");
                }
                pair.strict = pair.withHead(pair.strict, head);
                pair.found.add(this);
            }
        }
    },
    /** Jetty 12.1.12 itself forgets it where the header overflows its buffer, and 12.0 behind an interim response. */
    LOST_CLOSE("Once the server has decided to close, no further request of that connection reaches the application") {
        @Override
        void takeOut(Pair pair) {
            Response plain = pair.first(pair.plain);
            Response strict = pair.first(pair.strict);
            if (pair.strict.end() == End.FIN
                    && isCloseLost(pair.of, pair.plain, pair.strict)
                    && withoutFraming(plain.head()).equals(withoutFraming(strict.head()))) {
                pair.plain = pair.strict;
                pair.found.add(this);
            }
        }
    },
    UNREAD_CLOSE("A request whose body the application leaves unread is answered whole: the response says close, FIN") {
        @Override
        void takeOut(Pair pair) {
            Response plain = pair.first(pair.plain);
            Response strict = pair.first(pair.strict);
            if (!pair.isBodyLate() || plain == null || strict == null || !strict.isClosing()) {
                return;
            }
            if (pair.plain.bytes().length() > plain.end() && pair.strict.bytes().length() == strict.end()) {
                // Nor is what follows executed.
                pair.plain = new WireAnswer(pair.plain.bytes().substring(0, plain.end()), pair.plain.end());
            }
            pair.plain = pair.withHead(pair.plain, withoutClose(plain.head()));
            pair.strict = pair.withHead(pair.strict, withoutClose(strict.head()));
            pair.found.add(this);
        }
    },
    UNREAD_FIN("A request whose body the application leaves unread is answered whole: the response says close, FIN,"
            + " then the rest of the body is read and discarded … (plain Jetty breaks the connection off with a"
            + " reset)") {
        @Override
        void takeOut(Pair pair) {
            if (pair.isBodyLate()
                    && pair.strict.bytes().equals(pair.plain.bytes())
                    && pair.strict.end() == End.FIN
                    && pair.plain.end() != End.FIN
                    && (pair.first(pair.plain) == null
                            || pair.first(pair.plain).state() != State.CUT
                            || pair.first(pair.strict).state() != State.COMPLETE)) {
                pair.plain = pair.strict;
                pair.found.add(this);
            }
        }
    };

    /** What {@link WireApplication} promises itself. */
    private static final String OWN = "Keep-Alive: timeout=77\r\n";

    private static final String SAYS_CLOSE = "Connection: close\r\n";
    private static final String SAYS_KEEP_ALIVE = "Connection: keep-alive\r\n";
    private static final Pattern PROMISE = Pattern.compile("Keep-Alive: timeout=(\\d+)(, max=\\d+)?\r\n");

    /** What DESIGN.md says of it. */
    final String sentence;

    WireDifference(String sentence) {
        this.sentence = sentence;
    }

    abstract void takeOut(Pair pair);

    /** Without what tells whether the connection persists. */
    private static String withoutClose(String head) {
        return head.replaceAll("(?m)^Connection: (close|keep-alive)\r\n", "")
                .replaceAll("(?m)^(Connection: [^\r]*?), ?(close|keep-alive)\r\n", "$1\r\n");
    }

    private static String withoutFraming(String head) {
        return withoutClose(head).replace("Transfer-Encoding: chunked\r\n", "");
    }

    /** One request to one application. */
    record Case(WireRequest request, String path, boolean succeeds, boolean idle) {
        private double idleSeconds() {
            if (path.equals("lower-idle")) {
                return WireApplication.LOWER_IDLE / 1000.0;
            }
            return idle ? WireServer.SHORT_IDLE / 1000.0 : 30;
        }

        @Override
        public String toString() {
            return path + " <- " + request + (idle ? " (idle)" : "");
        }
    }

    /** Two answers that should be the same, and what was found to differ. */
    static final class Pair {
        private final Case of;
        private WireAnswer plain;
        private WireAnswer strict;
        private final Set<WireDifference> found = EnumSet.noneOf(WireDifference.class);

        Pair(Case of, WireAnswer plain, WireAnswer strict) {
            this.of = of;
            this.plain = plain;
            this.strict = strict;
        }

        private boolean isSame() {
            if (plain.equals(strict)) {
                return true;
            }
            // An echo has the chunks that its reads had.
            Response expected = first(plain);
            Response actual = first(strict);
            return of.path().endsWith("echo")
                    && expected != null
                    && actual != null
                    && plain.end() == strict.end()
                    && expected.head().equals(actual.head())
                    && expected.head().contains("chunked")
                    && expected.meaning().equals(actual.meaning())
                    && plain.bytes()
                            .substring(expected.end())
                            .equals(strict.bytes().substring(actual.end()));
        }

        private boolean isBodyLate() {
            return of.request().is(Trait.BODY_LATE);
        }

        /** The final response to the first request. */
        private Response first(WireAnswer answer) {
            return answer.responses(of.request().methods()).stream()
                    .filter(response -> !response.isInterim())
                    .findFirst()
                    .orElse(null);
        }

        private WireAnswer withHead(WireAnswer answer, String head) {
            Response old = first(answer);
            int start = old.bodyStart() - old.head().length() - 2;
            return new WireAnswer(
                    answer.bytes().substring(0, start)
                            + head
                            + answer.bytes().substring(start + old.head().length()),
                    answer.end());
        }
    }

    /** The differences between two answers; null where there is one that is not among these. */
    static Set<WireDifference> explain(Case of, WireAnswer plain, WireAnswer strict) {
        Pair pair = new Pair(of, plain, strict);
        for (WireDifference difference : values()) {
            if (!pair.plain.equals(pair.strict)) {
                difference.takeOut(pair);
            }
        }
        return pair.isSame() ? pair.found : null;
    }

    /** Whether a client, or the application, says close, and only strict tells so: else they say the same. */
    static boolean isCloseLost(Case of, WireAnswer plainAnswer, WireAnswer strictAnswer) {
        Pair pair = new Pair(of, plainAnswer, strictAnswer);
        Response plain = pair.first(plainAnswer);
        Response strict = pair.first(strictAnswer);
        boolean closing = of.request().is(Trait.CLOSE)
                || of.request().is(Trait.EXPECT)
                || of.path().contains("close");
        return closing
                && plain != null
                && strict != null
                && !plain.isClosing()
                && strict.isClosing()
                && plain.body().equals(strict.body())
                && (of.path().contains("big-header")
                        || plainAnswer.bytes().startsWith("HTTP/1.1 10")
                        || plain.head().equals(strict.head().replace(SAYS_CLOSE, "")));
    }

    /** Whether the client has asked for the close, and an answer neither says it nor brings it (RFC 9112, 9.6). */
    static boolean isCloseIgnored(Case of, WireAnswer answer) {
        Response first = new Pair(of, answer, answer).first(answer);
        return of.request().is(Trait.CLOSE)
                && !of.request().is(Trait.HTTP10)
                && first != null
                && first.state() == State.COMPLETE
                && !first.isClosing();
    }

    /** Where a client reads other messages from strict than from plain. */
    static String changedMessage(Case of, WireAnswer plain, WireAnswer strict) {
        List<Response> expected = plain.responses(of.request().methods());
        List<Response> actual = strict.responses(of.request().methods());
        return IntStream.range(0, Math.max(expected.size(), actual.size()))
                .mapToObj(i -> {
                    String was = i < expected.size() ? expected.get(i).meaning() : "none";
                    String is = i < actual.size() ? actual.get(i).meaning() : "none";
                    return was.equals(is) ? null : was + " became " + is;
                })
                .filter(change -> change != null)
                .findFirst()
                .orElse(null);
    }
}
