package org.strictkeepalive.testkit;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.opentest4j.TestAbortedException;

/** For all tests: they wait for a condition as long as a slow machine needs, and {@link Paced} ones get another try. */
public final class TestMachine implements BeforeAllCallback, InvocationInterceptor {
    /** A condition that holds after a moment costs nothing of it. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final int TRIES = 10;

    /** For the service loader. */
    public TestMachine() {}

    @Override
    public void beforeAll(ExtensionContext context) {
        Awaitility.setDefaultTimeout(PATIENCE);
        Heartbeat.start();
    }

    @Override
    public void interceptTestMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
            throws Throwable {
        intercept(invocation, context);
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> context, ExtensionContext extension)
            throws Throwable {
        intercept(invocation, context);
    }

    private interface Try {
        void run() throws Throwable;
    }

    private static void intercept(Invocation<Void> invocation, ReflectiveInvocationContext<Method> context)
            throws Throwable {
        Paced paced = context.getExecutable().getAnnotation(Paced.class);
        Try one = invocation::proceed;
        for (int i = 1; paced != null && i < TRIES; i++) {
            if (!failsOfAStall(one, paced, context.getExecutable())) {
                return;
            }
            one = () -> again(context);
        }
        one.run();
    }

    /** Whether a try failed that doesn't count; throws the failure of one that does. */
    private static boolean failsOfAStall(Try one, Paced paced, Method method) throws Throwable {
        long from = System.nanoTime();
        try {
            one.run();
            return false;
        } catch (TestAbortedException x) {
            throw x;
        } catch (AssertionError | Exception x) {
            long stall = Heartbeat.longestSince(from);
            if (stall < paced.stallMs()) {
                throw x;
            }
            System.out.println(
                    "Once more, since the machine stood still for " + stall + " ms: " + method.getName() + ": " + x);
            return true;
        }
    }

    private static void again(ReflectiveInvocationContext<Method> context) throws Throwable {
        Method method = context.getExecutable();
        method.setAccessible(true);
        try {
            method.invoke(
                    context.getTarget().orElseThrow(), context.getArguments().toArray());
        } catch (InvocationTargetException x) {
            throw x.getCause();
        }
    }
}
