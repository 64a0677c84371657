package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.eclipse.jetty.server.AcceptRateLimit;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.LowResourceMonitor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;

/** Jetty's own limits on a server that has the policy. */
class LimitsIT extends HoldingServer {
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
}
