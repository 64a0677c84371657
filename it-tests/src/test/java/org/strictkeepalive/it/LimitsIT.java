package org.strictkeepalive.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.core.ConditionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.AcceptRateLimit;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.CustomRequestLog;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.LowResourceMonitor;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.server.handler.QoSHandler;
import org.eclipse.jetty.server.handler.StatisticsHandler;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAlive;

/** Jetty's own limits, handlers and logs on a server that has the policy. */
class LimitsIT {
    private static final KeepAlivePolicy PATIENT = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ofMinutes(1))
            .requestHeaderTimeout(Duration.ofMinutes(1))
            .firstRequestTimeout(Duration.ofMinutes(1))
            .sampleInterval(Duration.ofMillis(20))
            .build();

    private final Server server = new Server();
    private final ServerConnector connector = new ServerConnector(server, 1, 1);
    private final StrictKeepAlive strict;
    private final DescriptorMonitor monitor;
    /** What completes the requests that are held, the newest last. */
    private final BlockingDeque<Runnable> held = new LinkedBlockingDeque<>();

    private final List<Wire> wires = new ArrayList<>();
    private volatile double furtherPressure;

    LimitsIT() {
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

    // ---- What a test does

    private static ConditionFactory soon() {
        return await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(10));
    }

    /** Puts handlers around the application. */
    private void wrap(Handler.Wrapper wrapper) {
        Handler application = server.getHandler();
        server.setHandler(wrapper);
        wrapper.setHandler(application);
    }

    private Wire connect() throws IOException {
        Wire wire = new Wire(connector.getLocalPort());
        wires.add(wire);
        return wire;
    }

    private Wire get(String path) throws IOException {
        return connect().request("GET " + path, "Host: test");
    }

    private void assertServed() throws IOException {
        assertTrue(get("/").answer().startsWith("http/1.1 200"));
    }

    /** A request that is in progress until it is released. */
    private Wire hold() throws IOException {
        int before = held.size();
        Wire wire = get("/hold");
        soon().until(() -> held.size() > before);
        return wire;
    }

    private void release(Wire newest) throws Exception {
        held.takeLast().run();
        assertTrue(newest.answer().startsWith("http/1.1 200"));
        newest.close();
    }

    private void awaitLevel(PressureLevel level) {
        soon().until(() -> monitor.getLevel() == level);
    }

    private void awaitOpen(int count) {
        soon().until(() -> monitor.getOpenConnections() == count);
    }

    private void assertNumbersAddUp() {
        assertEquals(
                monitor.getStatistics().getOpened(),
                monitor.getStatistics().getOpen() + monitor.getStatistics().getClosed());
    }

    private void beginCritical() {
        strict.setPolicy(PATIENT.toBuilder().maxConnections(1).build());
        awaitLevel(PressureLevel.CRITICAL);
        soon().until(() -> !connector.isAccepting());
    }

    private void endCritical() {
        strict.setPolicy(PATIENT);
        awaitLevel(PressureLevel.NORMAL);
    }

    /** Something that this version of Jetty may not have. */
    private static Object create(String name, Object... arguments) throws Exception {
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

    // ---- Two switches for accepting

    /** Another switch of accepting. */
    private interface Switch {
        void reach() throws Exception;

        void clear() throws Exception;
    }

    private Switch limit(String name) throws Exception {
        Object limit = name.equals("AcceptRateLimit")
                ? new AcceptRateLimit(1, 1, TimeUnit.MINUTES, connector)
                : create(name, 2, new Connector[] {connector});
        server.addBean(limit);
        return new Switch() {
            private Wire second;

            @Override
            public void reach() throws IOException {
                second = hold();
                soon().until(() -> !connector.isAccepting());
            }

            @Override
            public void clear() throws Exception {
                release(second);
                if (limit instanceof AcceptRateLimit rate) {
                    rate.reset();
                }
                awaitOpen(1);
            }
        };
    }

    /** Jetty's monitor of low resources, with a resource that the test makes low. */
    private final class LowResources implements Switch, LowResourceMonitor.LowResourceCheck {
        private final LowResourceMonitor lowResourceMonitor = new LowResourceMonitor(server);
        private volatile boolean low;

        private LowResources(boolean accepting, int idleTimeout) {
            lowResourceMonitor.setPeriod(20);
            lowResourceMonitor.setAcceptingInLowResources(accepting);
            lowResourceMonitor.setLowResourcesIdleTimeout(idleTimeout);
            lowResourceMonitor.setLowResourceChecks(Set.of(this));
            server.addBean(lowResourceMonitor);
        }

        @Override
        public void reach() {
            low = true;
            soon().until(lowResourceMonitor::isLowOnResources);
        }

        @Override
        public void clear() {
            low = false;
            soon().until(() -> !lowResourceMonitor.isLowOnResources());
        }

        @Override
        public boolean isLowOnResources() {
            return low;
        }

        @Override
        public String getReason() {
            return "the test says so";
        }
    }

    private enum Step {
        REACH,
        CLEAR,
        CRITICAL,
        NORMAL
    }

    static Stream<Arguments> switchesAndOrders() {
        List<List<Step>> orders = List.of(
                List.of(Step.REACH, Step.CRITICAL, Step.CLEAR, Step.NORMAL),
                List.of(Step.REACH, Step.CRITICAL, Step.NORMAL, Step.CLEAR),
                List.of(Step.CRITICAL, Step.REACH, Step.CLEAR, Step.NORMAL),
                List.of(Step.CRITICAL, Step.REACH, Step.NORMAL, Step.CLEAR));
        return Stream.of("ConnectionLimit", "NetworkConnectionLimit", "AcceptRateLimit", "LowResourceMonitor")
                .flatMap(name -> orders.stream().map(order -> Arguments.of(name, order)));
    }

    @ParameterizedTest
    @MethodSource("switchesAndOrders")
    void acceptingIsOnAtTheEndWhateverTheOrderOfTwoSwitches(String name, List<Step> order) throws Exception {
        Switch other = name.equals("LowResourceMonitor") ? new LowResources(false, 60_000) : limit(name);
        server.start();
        Wire first = hold();
        for (Step step : order) {
            switch (step) {
                case REACH -> other.reach();
                case CLEAR -> other.clear();
                case CRITICAL -> beginCritical();
                case NORMAL -> endCritical();
            }
            if (monitor.getLevel() == PressureLevel.CRITICAL) {
                // Also where the other one has just switched it on.
                soon().until(() -> !connector.isAccepting());
            }
        }
        soon().until(connector::isAccepting);
        assertFalse(monitor.isAcceptingPaused());
        release(first);
        awaitOpen(0);
        assertServed();
        soon().until(connector::isAccepting);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ConnectionLimit", "NetworkConnectionLimit"})
    void whatALimitRefusesIsNotCounted(String name) throws Exception {
        strict.setPolicy(PATIENT.toBuilder().maxConnections(100).build());
        server.addBean(create(name, 1, new Connector[] {connector}));
        server.start();
        for (int i = 0; i < 5; i++) {
            soon().until(connector::isAccepting);
            Wire wire = hold();
            connector.setAccepting(true); // as another switch does that knows nothing of the limit
            assertThrows(IOException.class, () -> get("/").head());
            release(wire);
            awaitOpen(0);
        }
        soon().until(() -> monitor.getPressure() == 0);
        assertEquals(5, monitor.getStatistics().getOpened());
        assertNumbersAddUp();
    }

    @Test
    void lowResourcesEndIdleConnectionsEarlyAndNoRequest() throws Exception {
        LowResources resources = new LowResources(true, 300);
        server.start();
        Wire busy = hold();
        Wire idle = get("/");
        idle.answer();
        resources.reach();
        assertEquals("", idle.rest());
        idle.close();
        awaitOpen(1);
        assertEquals(1, monitor.getStatistics().getClosed(CloseReason.IDLE_TIMEOUT));
        resources.clear();
        release(busy);
        Wire later = get("/");
        later.answer();
        Thread.sleep(1000);
        assertTrue(later.request("GET /", "Host: test").answer().startsWith("http/1.1 200"));
    }

    // ---- Handlers

    @Test
    void gracefulStopFinishesRequestsInProgress() throws Exception {
        wrap(new GracefulHandler());
        server.setStopTimeout(20_000);
        server.start();
        List<Wire> busy = List.of(hold(), hold(), hold());
        Wire idle = get("/");
        idle.answer();
        CompletableFuture<Void> stopped = CompletableFuture.runAsync(() -> {
            try {
                server.stop();
            } catch (Exception x) {
                throw new IllegalStateException(x);
            }
        });
        assertEquals("", idle.rest()); // at once, long before keepAliveTimeout
        idle.close();
        furtherPressure = 0.95;
        Thread.sleep(1000);
        assertFalse(stopped.isDone());
        held.forEach(Runnable::run);
        for (Wire wire : busy) {
            String head = wire.answer();
            assertTrue(head.startsWith("http/1.1 200") && head.contains("connection: close"), head);
            assertEquals("", wire.rest());
        }
        stopped.get(60, TimeUnit.SECONDS);
        assertEquals(0, monitor.getOpenConnections());
        assertEquals(4, monitor.getStatistics().getOpened());
        assertNumbersAddUp();
    }

    @Test
    void requestsThatQoSSuspendsAreBusyAndNotCut() throws Exception {
        QoSHandler qos = new QoSHandler();
        qos.setMaxRequestCount(1);
        wrap(qos);
        server.start();
        hold();
        for (int i = 0; i < 4; i++) {
            get("/hold");
        }
        soon().until(() -> qos.getSuspendedRequestCount() == 4);
        assertEquals(5, monitor.getStatistics().getOpen(ConnectionState.BUSY));
        furtherPressure = 0.95;
        awaitLevel(PressureLevel.HIGH);
        Thread.sleep(1000);
        beginCritical();
        Thread.sleep(1000);
        for (int i = 0; i < 5; i++) {
            held.takeLast().run();
        }
        for (Wire wire : wires) {
            assertTrue(wire.answer().startsWith("http/1.1 200"));
            wire.close();
        }
        awaitOpen(0);
        assertEquals(0, monitor.getStatistics().getClosed(CloseReason.EVICTED));
        assertEquals(0, monitor.getStatistics().getClosed(CloseReason.DATA_RATE));
        assertNumbersAddUp();
    }

    @Test
    void whatTheDoSHandlerRejectsIsAnAnswerAsOthers() throws Exception {
        wrap((Handler.Wrapper)
                create("handler.DoSHandler", create("handler.DoSHandler$LeakingBucketTrackerFactory", 1)));
        server.start();
        Wire wire = connect();
        int rejected = 0;
        for (int i = 0; i < 10; i++) {
            String head = wire.request("GET /", "Host: test").answer();
            assertFalse(head.contains("connection: close"), head);
            rejected += head.startsWith("http/1.1 429") ? 1 : 0;
        }
        assertTrue(rejected > 0);
        assertEquals(10, monitor.getStatistics().getRequests());
    }

    @Test
    void logAndStatisticsTellOfWhatReachedJetty() throws Exception {
        List<String> log = Collections.synchronizedList(new ArrayList<>());
        server.setRequestLog(new CustomRequestLog(log::add, "%m %U %s"));
        StatisticsHandler statistics = new StatisticsHandler();
        wrap(statistics);
        strict.setPolicy(PATIENT.toBuilder()
                .keepAliveTimeout(Duration.ofMillis(300))
                .requestHeaderTimeout(Duration.ofMillis(300))
                .minKeepAliveTimeout(Duration.ofMillis(300))
                .minRequestHeaderTimeout(Duration.ofMillis(300))
                .dataRateGrace(Duration.ofMillis(300))
                .build());
        server.start();
        // A header that doesn't end: 408 by the policy.
        Wire slowHeader = get("/first");
        slowHeader.answer();
        assertTrue(slowHeader.send("GET /never HTTP/1.1\r\n").answer().startsWith("http/1.1 408"));
        assertEquals("", slowHeader.rest());
        // Behind a response that says close.
        Wire pipelined = connect();
        pipelined.request("GET /last", "Host: test", "Connection: close").request("GET /behind", "Host: test");
        pipelined.answer();
        assertEquals("", pipelined.rest());
        // A body that nobody reads.
        Wire unread = connect();
        unread.request("POST /unread", "Host: test", "Content-Length: 1000000").send("x");
        assertTrue(unread.answer().startsWith("http/1.1 413"));
        assertEquals("", unread.rest());
        // A body that doesn't come: 408 by the failure of the application's read.
        furtherPressure = 0.75;
        Wire slowBody = connect();
        slowBody.request("POST /read", "Host: test", "Content-Length: 100").send("x");
        assertTrue(slowBody.answer().startsWith("http/1.1 408"));
        for (Wire wire : wires) {
            wire.close();
        }
        awaitOpen(0);
        assertEquals(List.of("GET /first 200", "GET /last 200", "POST /unread 413", "POST /read 408"), log);
        assertEquals(4, statistics.getRequestTotal());
        assertEquals(0, statistics.getRequestsActive());
        assertEquals(2, statistics.getResponses2xx());
        assertEquals(2, statistics.getResponses4xx());
        assertEquals(1, monitor.getStatistics().getClosed(CloseReason.REQUEST_HEADER_TIMEOUT));
        assertEquals(1, monitor.getStatistics().getClosed(CloseReason.DATA_RATE));
        assertNumbersAddUp();
    }
}
