package org.strictkeepalive.internal.http2;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import org.junit.jupiter.api.Test;

/** Each idle connection of HTTP/2 has a guard, so a further field of a guard costs each of them memory. */
class Http2GuardSizeTest {
    private static final int MOST = 250;
    private static final int HEADER = 12;
    private static final int REFERENCE = 4;
    /** A node of a map of connections, and its place in a table that is half full. */
    private static final int IN_MAP = HEADER + 4 + 3 * REFERENCE + 4 + 2 * REFERENCE;
    /** The place in the array of all connections, which may be half full. */
    private static final int IN_ARRAY = 2 * REFERENCE;
    /** The connector's governor among the listeners of Jetty's connection. */
    private static final int LISTENER = 8;
    /** The number that stands for the network of an IPv6 address; that of an IPv4 address is Jetty's own object. */
    private static final int PEER = 24;

    /** By the layout of HotSpot with compressed references, which leaves no gaps between these fields. */
    @Test
    void anIdleConnectionTakesAtMost250Bytes() {
        int fields = HEADER;
        for (Class<?> layer = Http2Guard.class; layer != null; layer = layer.getSuperclass()) {
            for (Field field : layer.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                    fields += sizeOf(field.getType());
                }
            }
        }
        int guard = (fields + 7) / 8 * 8;
        int all = guard + IN_MAP + IN_ARRAY + LISTENER + PEER;
        assertTrue(all <= MOST, () -> all + " bytes, of which the guard has " + guard);
    }

    private static int sizeOf(Class<?> type) {
        return switch (type.getName()) {
            case "boolean", "byte" -> 1;
            case "short", "char" -> 2;
            case "long", "double" -> 8;
            default -> REFERENCE;
        };
    }
}
