package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;

/** A default method of a newer Jetty's EndPoint that the guard doesn't hand on would act on the guard alone. */
class ConnectionGuardEndPointTest {
    @Test
    void everyMethodOfTheRunningJettysEndPointIsHandedOn() throws NoSuchMethodException {
        List<Method> missing = new ArrayList<>();
        int seen = 0;
        for (Method method : EndPoint.class.getMethods()) {
            if (Modifier.isStatic(method.getModifiers())) {
                continue;
            }
            seen++;
            Class<?> owner = ConnectionGuard.class
                    .getMethod(method.getName(), method.getParameterTypes())
                    .getDeclaringClass();
            boolean own = !owner.isInterface();
            if (!own) {
                missing.add(method);
            }
        }
        assertTrue(seen > 20, "methods were found");
        assertEquals(List.of(), missing);
    }

    @Test
    void everyMethodOfTheRunningJettysCallbackButConvenienceIsItsOwn() throws NoSuchMethodException {
        for (String name : List.of("succeeded", "getInvocationType")) {
            assertFalse(
                    ConnectionGuard.class.getMethod(name).getDeclaringClass().isInterface(), name);
        }
        assertFalse(ConnectionGuard.class
                .getMethod("failed", Throwable.class)
                .getDeclaringClass()
                .isInterface());
        assertTrue(Callback.class.isAssignableFrom(ConnectionGuard.class));
    }

    @Test
    void theGuardIsAWrapperAsJettysOwn() {
        assertTrue(EndPoint.Wrapper.class.isAssignableFrom(ConnectionGuard.class));
    }

    @Test
    void equalityIsIdentitySinceEndPointsAreKeys() {
        for (Method method : ConnectionGuard.class.getMethods()) {
            if (method.getName().equals("equals") || method.getName().equals("hashCode")) {
                assertEquals(Object.class, method.getDeclaringClass());
            }
        }
    }
}
