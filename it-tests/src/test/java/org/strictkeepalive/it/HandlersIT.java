package org.strictkeepalive.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.CustomRequestLog;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.server.handler.QoSHandler;
import org.eclipse.jetty.server.handler.StatisticsHandler;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;

/** Jetty's own handlers and logs on a server that has the policy. */
class HandlersIT extends HoldingServer {
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
