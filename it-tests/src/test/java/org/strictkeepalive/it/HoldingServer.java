package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.LinkedBlockingDeque;
import org.awaitility.core.ConditionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterEach;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAlive;

/** A server that has the policy and holds requests until a test releases them: the base of tests of Jetty's own parts. */
abstract class HoldingServer {
    static final KeepAlivePolicy PATIENT = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ofMinutes(1))
            .requestHeaderTimeout(Duration.ofMinutes(1))
            .firstRequestTimeout(Duration.ofMinutes(1))
            .sampleInterval(Duration.ofMillis(20))
            .build();

    final Server server = new Server();
    final ServerConnector connector = new ServerConnector(server, 1, 1);
    final StrictKeepAlive strict;
    final DescriptorMonitor monitor;
    /** What completes the requests that are held, the newest last. */
    final BlockingDeque<Runnable> held = new LinkedBlockingDeque<>();

    final List<Wire> wires = new ArrayList<>();
    volatile double furtherPressure;

    HoldingServer() {
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        server.setHandler(new Application());
        strict = StrictKeepAlive.install(server, PATIENT);
        monitor = strict.getDescriptorMonitor();
        monitor.addPressureSource(() -> furtherPressure);
    }

    @AfterEach
    void stop() throws Exception {
        for (Wire wire : wires) {
            wire.close();
        }
        server.stop();
    }

    private final class Application extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            switch (Request.getPathInContext(request)) {
                case "/hold" -> {
                    request.addIdleTimeoutListener(x -> false);
                    held.add(() -> response.write(true, BufferUtil.toBuffer("held", UTF_8), callback));
                }
                case "/read" -> {
                    Content.Source.asString(request);
                    callback.succeeded();
                }
                case "/unread" -> {
                    response.setStatus(413);
                    callback.succeeded();
                }
                default -> response.write(true, BufferUtil.toBuffer("hello", UTF_8), callback);
            }
            return true;
        }
    }

    static ConditionFactory soon() {
        return await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(10));
    }

    /** Puts handlers around the application. */
    void wrap(Handler.Wrapper wrapper) {
        Handler application = server.getHandler();
        server.setHandler(wrapper);
        wrapper.setHandler(application);
    }

    Wire connect() throws IOException {
        Wire wire = new Wire(connector.getLocalPort());
        wires.add(wire);
        return wire;
    }

    Wire get(String path) throws IOException {
        return connect().request("GET " + path, "Host: test");
    }

    void assertServed() throws IOException {
        assertTrue(get("/").answer().startsWith("http/1.1 200"));
    }

    /** A request that is in progress until it is released. */
    Wire hold() throws IOException {
        int before = held.size();
        Wire wire = get("/hold");
        soon().until(() -> held.size() > before);
        return wire;
    }

    void release(Wire newest) throws Exception {
        held.takeLast().run();
        assertTrue(newest.answer().startsWith("http/1.1 200"));
        newest.close();
    }

    void awaitLevel(PressureLevel level) {
        soon().until(() -> monitor.getLevel() == level);
    }

    void awaitOpen(int count) {
        soon().until(() -> monitor.getOpenConnections() == count);
    }

    void assertNumbersAddUp() {
        assertEquals(
                monitor.getStatistics().getOpened(),
                monitor.getStatistics().getOpen() + monitor.getStatistics().getClosed());
    }

    void beginCritical() {
        strict.setPolicy(PATIENT.toBuilder().maxConnections(1).build());
        awaitLevel(PressureLevel.CRITICAL);
        soon().until(() -> !connector.isAccepting());
    }

    void endCritical() {
        strict.setPolicy(PATIENT);
        awaitLevel(PressureLevel.NORMAL);
    }

    /** Something that this version of Jetty may not have. */
    static Object create(String name, Object... arguments) throws Exception {
        Class<?> type;
        try {
            type = Class.forName("org.eclipse.jetty.server." + name);
        } catch (ClassNotFoundException x) {
            assumeTrue(false, "no " + name + " in this Jetty");
            throw x;
        }
        for (Constructor<?> constructor : type.getConstructors()) {
            Class<?>[] parameters = constructor.getParameterTypes();
            boolean fits = parameters.length == arguments.length;
            for (int i = 0; fits && i < parameters.length; i++) {
                fits = parameters[i].isInstance(arguments[i])
                        || (parameters[i] == int.class && arguments[i] instanceof Integer);
            }
            if (fits) {
                return constructor.newInstance(arguments);
            }
        }
        throw new NoSuchMethodException(type + " of " + List.of(arguments));
    }
}
