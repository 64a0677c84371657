package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import org.junit.jupiter.api.Test;

/** Each idle connection has a guard, so a further field of a guard costs each of them memory. */
class ConnectionGuardSizeTest {
    private static final int HEADER = 12;

    /** By the layout of HotSpot with compressed references, which leaves no gaps between these fields. */
    @Test
    void aGuardHasAtMost184Bytes() {
        int size = HEADER;
        for (Class<?> layer = ConnectionGuard.class; layer != null; layer = layer.getSuperclass()) {
            for (Field field : layer.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                    size += sizeOf(field.getType());
                }
            }
        }
        int fields = size;
        assertTrue(fields <= 184, () -> "a guard has " + fields + " bytes");
    }

    private static int sizeOf(Class<?> type) {
        return switch (type.getName()) {
            case "boolean", "byte" -> 1;
            case "short", "char" -> 2;
            case "long", "double" -> 8;
            default -> 4;
        };
    }
}
