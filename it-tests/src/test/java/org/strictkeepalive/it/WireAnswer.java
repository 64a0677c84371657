package org.strictkeepalive.it;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * All that a server sent on a connection, and how the connection ended.
 *
 * @param bytes all of it, one char a byte, without what differs from exchange to exchange
 */
record WireAnswer(String bytes, End end) {
    private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.[01] (\\d{3})( [^\r\n]*)?");
    private static final Pattern FIELD = Pattern.compile("([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*)");
    private static final Pattern IDLE = Pattern.compile("(Idle timeout expired: )(\\d+)/");
    private static final Pattern LENGTH = Pattern.compile("\r\nContent-Length: (\\d+)");
    private static final Pattern CHUNK_SIZE = Pattern.compile("[0-9A-Fa-f]{1,8}(;[^\r\n]*)?");

    /** How a connection ended, OPEN if it did not. */
    enum End {
        OPEN,
        FIN,
        RESET
    }

    /** What a client that reads strictly knows of a message. */
    enum State {
        COMPLETE,
        /** It ended before its end. */
        CUT,
        /** Its end may still come. */
        PENDING
    }

    /** One response: the offset behind its head, and behind all that came of it. */
    record Response(int status, String head, String body, State state, int bodyStart, int end) {
        boolean isInterim() {
            return status / 100 == 1 && status != 101;
        }

        List<String> values(String name) {
            return head.lines()
                    .skip(1)
                    .map(FIELD::matcher)
                    .filter(field -> field.matches()
                            && field.group(1).toLowerCase(Locale.ROOT).equals(name))
                    .map(field -> field.group(2).trim().toLowerCase(Locale.ROOT))
                    .toList();
        }

        /** Whether it has this connection option. */
        boolean says(String option) {
            return values("connection").stream()
                    .anyMatch(value -> List.of(value.split("[ ,]+")).contains(option));
        }

        boolean isClosing() {
            return says("close");
        }

        /** Whether something else than the end of the connection ends it. */
        boolean isDelimited(String method) {
            return method.equals("HEAD")
                    || status == 204
                    || status == 304
                    || !values("content-length").isEmpty()
                    || values("transfer-encoding").contains("chunked");
        }

        /** What a client makes of it. */
        String meaning() {
            return status + " " + state + " " + body;
        }
    }

    static WireAnswer of(String bytes, End end) {
        return new WireAnswer(idleTime(bytes.replaceAll("\r\nDate: [^\r]*", "\r\nDate: x")), end);
    }

    /** The error page of an idle timeout says how long it lasted: here always with four digits. */
    private static String idleTime(String bytes) {
        Matcher idle = IDLE.matcher(bytes);
        int extra = 0;
        while (idle.find()) {
            extra += idle.group(2).length() - 4;
        }
        Matcher length = LENGTH.matcher(bytes);
        if (idle.replaceAll("").equals(bytes) || !length.find()) {
            return bytes;
        }
        return bytes.substring(0, length.start(1))
                + (Integer.parseInt(length.group(1)) - extra)
                + IDLE.matcher(bytes.substring(length.end())).replaceAll("$1xxxx/");
    }

    /** Reads responses to these methods as RFC 9112 does; what is none has the status 0 and is cut. */
    List<Response> responses(List<String> methods) {
        List<Response> responses = new ArrayList<>();
        int answered = 0;
        int at = 0;
        while (at < bytes.length()) {
            String method = answered < methods.size() ? methods.get(answered) : "GET";
            Response response = new Parse(at, method).response();
            responses.add(response);
            answered += response.isInterim() ? 0 : 1;
            at = response.end;
        }
        return responses;
    }

    /** Reads one response. */
    private final class Parse {
        private final int start;
        private final String method;
        private final StringBuilder body = new StringBuilder();
        private int at;

        private Parse(int start, String method) {
            this.start = start;
            this.method = method;
        }

        private State ended() {
            return end == End.OPEN ? State.PENDING : State.CUT;
        }

        private Response response() {
            int headEnd = bytes.indexOf("\r\n\r\n", start);
            if (headEnd < 0) {
                return new Response(0, bytes.substring(start), "", ended(), bytes.length(), bytes.length());
            }
            String head = bytes.substring(start, headEnd + 2);
            at = headEnd + 4;
            Matcher line = STATUS_LINE.matcher(head.substring(0, head.indexOf("\r\n")));
            boolean wellFormed = line.matches()
                    && head.lines()
                            .skip(1)
                            .allMatch(field -> FIELD.matcher(field).matches());
            if (!wellFormed) {
                return new Response(0, head, bytes.substring(at), State.CUT, at, bytes.length());
            }
            int status = Integer.parseInt(line.group(1));
            int bodyStart = at;
            State state = body(new Response(status, head, "", null, at, at));
            return new Response(status, head, body.toString(), state, bodyStart, at);
        }

        private State body(Response head) {
            List<String> lengths = head.values("content-length");
            boolean chunked = head.values("transfer-encoding").contains("chunked");
            int status = head.status;
            boolean tunnel = status == 101 || (method.equals("CONNECT") && status / 100 == 2);
            if (!tunnel && (status / 100 == 1 || status == 204 || status == 304 || method.equals("HEAD"))) {
                return State.COMPLETE;
            }
            if (chunked && !tunnel) {
                return chunks();
            }
            if (!lengths.isEmpty() && !tunnel) {
                return take(Long.parseLong(lengths.get(0))) ? State.COMPLETE : ended();
            }
            take(Long.MAX_VALUE);
            return switch (end) {
                case OPEN -> State.PENDING;
                case FIN -> State.COMPLETE;
                case RESET -> State.CUT;
            };
        }

        /** Whether so many bytes are there. */
        private boolean take(long length) {
            int to = (int) Math.min(bytes.length(), at + Math.min(length, Integer.MAX_VALUE / 2));
            boolean all = to - at == length;
            body.append(bytes, at, to);
            at = to;
            return all;
        }

        private String line() {
            int lineEnd = bytes.indexOf("\r\n", at);
            if (lineEnd < 0) {
                at = bytes.length();
                return null;
            }
            String line = bytes.substring(at, lineEnd);
            at = lineEnd + 2;
            return line;
        }

        private State chunks() {
            while (true) {
                String size = line();
                if (size == null) {
                    return ended();
                }
                if (!CHUNK_SIZE.matcher(size).matches()) {
                    at = bytes.length();
                    return State.CUT;
                }
                int length = Integer.parseInt(size.replaceAll(";.*", ""), 16);
                if (length == 0) {
                    String trailer = line();
                    while (trailer != null && !trailer.isEmpty()) {
                        trailer = line();
                    }
                    return trailer == null ? ended() : State.COMPLETE;
                }
                if (!take(length)) {
                    return ended();
                }
                String none = line();
                if (none == null) {
                    return ended();
                }
                if (!none.isEmpty()) {
                    at = bytes.length();
                    return State.CUT;
                }
            }
        }
    }

    @Override
    public String toString() {
        String text = bytes.replaceAll("x{100,}", "x…x").replace("\r", "\\r").replace("\n", "\\n");
        return end + " " + text;
    }
}
