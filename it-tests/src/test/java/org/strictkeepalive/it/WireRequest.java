package org.strictkeepalive.it;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What one client sends on one connection.
 *
 * @param steps the bytes to send, {@link #FIN} or {@link #ANSWER}; {@code {}} stands for the path of the application
 * @param methods the methods of its requests, in their order
 */
record WireRequest(String name, List<String> steps, List<String> methods, Set<Trait> traits) {
    /** Ends the client's output. */
    static final String FIN = "!fin";
    /** Waits for a whole answer, for the end of the connection or for a silence. */
    static final String ANSWER = "!answer";
    /** Waits for the end of the connection or for a silence, so that the server is done with what it has. */
    static final String SILENCE = "!silence";

    private static final int LARGE = 100_000;
    /** Looks like the end of a chunked message, and like a request. */
    private static final String TREACHEROUS = "\r\n0\r\n\r\nGET /none HTTP/1.1\r\nHost: test\r\n\r\n";

    enum Trait {
        /** Its first request asks with {@code Connection: keep-alive}. */
        KEEP_ALIVE,
        /** Its first request says {@code Connection: close}. */
        CLOSE,
        /** Its first request is of HTTP/1.0. */
        HTTP10,
        /** The body of its first request is not all there when its head is. */
        BODY_LATE,
        /** Its first request waits for 100 (Continue). */
        EXPECT,
        /** More requests follow. */
        MORE
    }

    static List<WireRequest> all() {
        List<WireRequest> all = new ArrayList<>();
        for (String connection : List.of("", "close", "keep-alive")) {
            all.addAll(List.of(
                    of("GET 1.1 " + connection, head("GET", "1.1", connection) + "\r\n"),
                    of("HEAD 1.1 " + connection, head("HEAD", "1.1", connection) + "\r\n"),
                    of("GET 1.0 " + connection, head("GET", "1.0", connection) + "\r\n"),
                    of("POST 1.1 " + connection, post("1.1", connection, 5) + "hello"),
                    of("POST 1.0 " + connection, post("1.0", connection, 5) + "hello"),
                    of("missing 1.1 " + connection, post("1.1", connection, 5)),
                    of("missing 1.0 " + connection, post("1.0", connection, 5)),
                    of("missing, FIN 1.1 " + connection, post("1.1", connection, 5), FIN),
                    of("part, FIN 1.1 " + connection, post("1.1", connection, 5) + "hel", FIN),
                    of("expect 1.1 " + connection, expect(connection), SILENCE, "hello"),
                    of("expect missing " + connection, expect(connection)),
                    of("chunked " + connection, chunked(connection) + "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
                    of("chunked, cut " + connection, chunked(connection) + "3\r\nhel\r\n2\r\nl", FIN),
                    of("chunked, bad " + connection, chunked(connection) + "3\r\nhel\r\nzz\r\nlo\r\n0\r\n\r\n")));
        }
        all.addAll(bodies());
        all.addAll(pipelines());
        return all;
    }

    private static List<WireRequest> bodies() {
        String large = "x".repeat(LARGE);
        return List.of(
                of("OPTIONS", head("OPTIONS", "1.1", "") + "\r\n"),
                of("OWN", head("OWN", "1.1", "keep-alive") + "Content-Length: 5\r\n\r\nhello"),
                of("PUT", head("PUT", "1.1", "") + "Content-Length: 5\r\n\r\nhello"),
                of("GET with body missing", head("GET", "1.1", "") + "Content-Length: 5\r\n\r\n"),
                of("HEAD 1.0 keep-alive", head("HEAD", "1.0", "keep-alive") + "\r\n"),
                of("two options", head("GET", "1.1", "keep-alive, X-Own") + "\r\n"),
                of("both options", head("GET", "1.1", "keep-alive, close") + "\r\n"),
                of("empty body", post("1.1", "", 0)),
                of("part", post("1.1", "", 5) + "hel"),
                of("late", post("1.1", "", 5) + "he", SILENCE, "llo"),
                of("late keep-alive", post("1.1", "keep-alive", 5), SILENCE, "hello"),
                of("large", post("1.1", "", LARGE) + large),
                of("large keep-alive", post("1.1", "keep-alive", LARGE), large),
                of("large part", post("1.1", "", LARGE) + large.substring(1000)),
                of("large 1.0", post("1.0", "", LARGE) + large),
                of("treacherous", post("1.1", "", TREACHEROUS.length()) + TREACHEROUS),
                of("treacherous part", post("1.1", "", 100) + TREACHEROUS),
                of("expect at once", expect("") + "hello"),
                of(
                        "expect chunked",
                        head("POST", "1.1", "") + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"),
                of("chunked, no chunk", chunked("")),
                of("chunked, part", chunked("") + "3\r\nhel\r\n"),
                of("chunked, part of chunk", chunked("") + "5\r\nhel"),
                of("chunked, no last chunk, FIN", chunked("") + "3\r\nhel\r\n", FIN),
                of("chunked, no last line", chunked("") + "3\r\nhel\r\n0\r\n"),
                of("chunked, late", chunked("") + "3\r\nhel\r\n", SILENCE, "0\r\n\r\n"),
                of("chunked, trailers", chunked("") + "3\r\nhel\r\n0\r\nT: v\r\n\r\n"),
                of("chunked, long", chunked("") + "3\r\nhello\r\n0\r\n\r\n"),
                of("chunked, bad at once", chunked("") + "zz\r\n"),
                of("half open", head("GET", "1.1", "") + "\r\n", FIN),
                of("upgrade", head("GET", "1.1", "Upgrade, keep-alive") + "Upgrade: nothing\r\n\r\n"));
    }

    private static List<WireRequest> pipelines() {
        String get = head("GET", "1.1", "") + "\r\n";
        String ok = get.replace("{}", "/ok");
        String last = (head("GET", "1.1", "close") + "\r\n").replace("{}", "/ok");
        return List.of(
                of("two", get + last),
                of("two, one by one", get, ANSWER, last),
                of("two, keep-alive", head("GET", "1.1", "keep-alive") + "\r\n" + ok + last),
                of("two, 1.0", head("GET", "1.0", "keep-alive") + "\r\n", ANSWER, last),
                of("two behind close", head("GET", "1.1", "close") + "\r\n" + ok),
                of("two behind body", post("1.1", "", 5) + "hello" + last),
                of("two behind late body", post("1.1", "", 5), SILENCE, "hello" + last),
                of("two behind chunks", chunked("") + "5\r\nhello\r\n0\r\n\r\n" + last),
                of("two behind bad chunks", chunked("") + "5\r\nhello\r\nzz\r\n" + last),
                of("two behind expect", expect(""), SILENCE, "hello" + last),
                of("two behind large", post("1.1", "", LARGE) + "x".repeat(LARGE) + last),
                of("HEAD and more", head("HEAD", "1.1", "") + "\r\n" + last),
                of("many", get + ok.repeat(8) + last),
                of("then bad", get + "BAD\r\n\r\n"),
                of("then part", get + "GET /ok HT"));
    }

    /** Requests that need no application, or get to none. */
    static List<WireRequest> malformed() {
        String host = "Host: test\r\n";
        List<WireRequest> all = new ArrayList<>();
        for (String text : List.of(
                "BAD\r\n\r\n",
                "GET {} HTTP/1.1\r\n\r\n",
                "GET {} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "GET {} HTTP/9.9\r\n" + host + "\r\n",
                "GET {}\r\n",
                "G\0T {} HTTP/1.1\r\n" + host + "\r\n",
                "POST {} HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n",
                "POST {} HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                "POST {} HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST {} HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST {} HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\nhello",
                "GET {} HTTP/1.1\r\n" + host + "X : y\r\n\r\n",
                "GET {} HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n",
                "GET {} HTTP/1.1\r\n" + host + "X: \0\r\n\r\n",
                "GET {} HTTP/1.1\r\n" + host + "Connection: keep-alive\r\nX: " + "x".repeat(9000) + "\r\n\r\n",
                "GET {}" + "x".repeat(9000) + " HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n",
                "GET {}/../../.. HTTP/1.1\r\n" + host + "\r\n",
                "OPTIONS * HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n",
                "CONNECT test:80 HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\nabc",
                "TRACE {} HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n",
                "\r\n\r\nGET {} HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n",
                "GET http://other{} HTTP/1.1\r\nHost: other\r\n\r\n",
                "GET {} HTTP/1.1\r\n" + host,
                "GET {} HT",
                "\r\n")) {
            String name = text.replaceAll("x{9000}", "x*9000").replaceAll("[\r\n\0]+", " ");
            all.add(of("malformed " + name, text));
            if (text.endsWith("\r\n\r\n")) { // Else Jetty sometimes answers 400 (Early EOF), and sometimes doesn't.
                all.add(of("malformed, FIN " + name, text, FIN));
            }
        }
        return all;
    }

    /** Requests that use a connection again within a second. */
    static WireRequest inUse() {
        String get = head("GET", "1.1", "keep-alive") + "\r\n";
        return of("five keep-alive", get, ANSWER, get, ANSWER, get, ANSWER, get, ANSWER, get);
    }

    private static WireRequest of(String name, String... steps) {
        String all = String.join("", steps);
        String first = steps[0].strip().replaceAll("(?s)\r\n\r\n.*", "").toLowerCase(Locale.ROOT);
        Set<Trait> traits = EnumSet.noneOf(Trait.class);
        if (first.matches("(?s).*\r\nconnection: [^\r]*keep-alive.*")) {
            traits.add(Trait.KEEP_ALIVE);
        }
        if (first.matches("(?s).*\r\nconnection: [^\r]*close.*")) {
            traits.add(Trait.CLOSE);
        }
        if (first.contains("expect: ")) {
            traits.add(Trait.EXPECT);
        }
        if (first.contains("http/1.0")) {
            traits.add(Trait.HTTP10);
        }
        if (name.matches("(?s).*(missing|part|late|large|expect|cut|bad|no chunk|no last|long).*")) {
            traits.add(Trait.BODY_LATE);
        }
        List<String> methods = new ArrayList<>();
        for (String line : all.replace(TREACHEROUS, "").split("\r\n|(?<=hello|xxxxx)(?=GET)", -1)) {
            if (line.contains(" HTTP/")) {
                methods.add(line.substring(0, line.indexOf(' ')));
            }
        }
        if (methods.size() > 1) {
            traits.add(Trait.MORE);
        }
        return new WireRequest(name.trim(), Arrays.asList(steps), methods, traits);
    }

    private static String head(String method, String version, String connection) {
        return method + " {} HTTP/" + version + "\r\nHost: test\r\n"
                + (connection.isEmpty() ? "" : "Connection: " + connection + "\r\n");
    }

    private static String post(String version, String connection, int length) {
        return head("POST", version, connection) + "Content-Length: " + length + "\r\n\r\n";
    }

    private static String expect(String connection) {
        return head("POST", "1.1", connection) + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    }

    private static String chunked(String connection) {
        return head("POST", "1.1", connection) + "Transfer-Encoding: chunked\r\n\r\n";
    }

    boolean is(Trait trait) {
        return traits.contains(trait);
    }

    /** Whether the client falls silent in the middle of its first request's body. */
    boolean isSilent() {
        return is(Trait.BODY_LATE) && steps.stream().noneMatch(step -> step.startsWith("!")) && !is(Trait.MORE);
    }

    /** All that it sends, for humans. */
    String text() {
        return String.join(" ", steps)
                .replaceAll("x{100,}", "x…x")
                .replace("\r", "\\r")
                .replace("\n", "\\n");
    }

    @Override
    public String toString() {
        return name;
    }
}
