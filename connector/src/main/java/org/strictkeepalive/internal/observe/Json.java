package org.strictkeepalive.internal.observe;

import java.util.Iterator;
import java.util.Map;

/** Writes maps, collections, numbers, booleans and text as JSON (RFC 8259). */
public final class Json {
    private Json() {}

    public static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(out, value, "\n");
        return out.append('\n').toString();
    }

    private static void write(StringBuilder out, Object value, String newLine) {
        if (value instanceof Map<?, ?> map) {
            list(out, '{', map.entrySet(), '}', newLine);
        } else if (value instanceof Iterable<?> items) {
            list(out, '[', items, ']', newLine);
        } else if (value instanceof Map.Entry<?, ?> entry) {
            text(out, entry.getKey().toString());
            write(out.append(" : "), entry.getValue(), newLine);
        } else if (value == null
                || value instanceof Boolean
                || (value instanceof Number number && Double.isFinite(number.doubleValue()))) {
            out.append(value);
        } else {
            text(out, value.toString());
        }
    }

    private static void list(StringBuilder out, char begin, Iterable<?> items, char end, String newLine) {
        out.append(begin);
        String inside = newLine + "  ";
        for (Iterator<?> i = items.iterator(); i.hasNext(); ) {
            out.append(inside);
            write(out, i.next(), inside);
            out.append(i.hasNext() ? "," : newLine);
        }
        out.append(end);
    }

    private static void text(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                out.append("\\u%04x".formatted((int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
