package org.strictkeepalive.socket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;

/** A response says close, and Jetty takes the connection as one that persists: the client sees no difference. */
class CloseUnnoticedTest {
    private static final KeepAlivePolicy TWO =
            KeepAlivePolicy.builder().maxRequestsPerConnection(2).build();

    private static final String HEAD = RawClient.GET.replace("GET", "HEAD");

    private static TestServer.Answering answering(String kind) {
        return (request, response, callback) -> {
            switch (kind) {
                case "length" -> response.write(true, BufferUtil.toBuffer("whole"), callback);
                case "chunks" ->
                    response.write(
                            false,
                            BufferUtil.toBuffer("wh"),
                            Callback.from(
                                    () -> response.write(true, BufferUtil.toBuffer("ole"), callback),
                                    callback::failed));
                case "none" -> {
                    response.setStatus(204);
                    callback.succeeded();
                }
                default -> { // options of the application's own
                    response.getHeaders().put(HttpHeader.CONNECTION, "x-option");
                    response.write(true, BufferUtil.toBuffer("whole"), callback);
                }
            }
        };
    }

    @ParameterizedTest
    @ValueSource(strings = {"length", "chunks", "none", "options"})
    void theResponseIsAsBeforeButForTheClose(String kind) throws Exception {
        try (MemoryServer memory = new MemoryServer(TWO, TestServer.handler(answering(kind)))) {
            for (String request : List.of(RawClient.GET, HEAD, RawClient.POST)) {
                MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
                memory.open(endPoint);
                endPoint.addInput(request);
                String kept = endPoint.takeOutputString();
                assertFalse(kept.contains("close"), kept);
                assertFalse(endPoint.isOutputShutdown());
                endPoint.addInput(request);
                String last = endPoint.takeOutputString();
                assertTrue(endPoint.isOutputShutdown());
                assertEquals(lines(kept), lines(last.replaceFirst("(, |Connection: )close(\r\n)?", "")), last);
                endPoint.addInput(request);
                assertEquals("", endPoint.takeOutputString(), "what comes later is discarded");
                assertTrue(endPoint.isOpen());
                memory.pass(2_200);
                assertFalse(endPoint.isOpen());
            }
            assertEquals(3, memory.monitor.getStatistics().getClosed(CloseReason.MAX_REQUESTS));
            memory.assertNothingIsOpen();
        }
    }

    /** The lines that are not empty, in any order. */
    private static List<String> lines(String response) {
        return response.lines().filter(line -> !line.isEmpty()).sorted().toList();
    }

    @Test
    void applicationsSeeThatTheConnectionDoesNotPersist() throws Exception {
        List<Boolean> persistent = new ArrayList<>();
        try (MemoryServer memory = new MemoryServer(
                TWO,
                TestServer.handler((request, response, callback) -> response.write(
                        true,
                        BufferUtil.toBuffer("whole"),
                        Callback.from(
                                callback,
                                () -> persistent.add(
                                        request.getConnectionMetaData().isPersistent())))))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(RawClient.GET);
            endPoint.addInput(RawClient.GET);
            assertEquals(List.of(true, false), persistent);
        }
    }

    /** A response that fails in its middle looks cut, and the request behind it is not executed. */
    @ParameterizedTest
    @CsvSource({"0,GET", "1,GET", "2,GET", "3,GET", "0,POST", "1,POST", "2,POST", "3,POST"})
    void aFailureIsSeen(int before, String method) throws Exception {
        String sent = method.equals("GET") ? RawClient.GET : RawClient.POST;
        List<Integer> executed = new ArrayList<>();
        try (MemoryServer memory =
                new MemoryServer(KeepAlivePolicy.defaults(), TestServer.handler((request, response, callback) -> {
                    executed.add(executed.size());
                    if (executed.size() <= before) {
                        callback.succeeded();
                    } else {
                        response.write(
                                false,
                                BufferUtil.toBuffer("half"),
                                Callback.from(
                                        () -> callback.failed(new IllegalStateException("on purpose")),
                                        callback::failed));
                    }
                }))) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            for (int i = 0; i < before; i++) {
                endPoint.addInput(sent);
                endPoint.takeOutputString();
            }
            endPoint.addInput(sent + RawClient.GET);
            String answer = endPoint.takeOutputString();
            assertTrue(answer.contains("half"), answer);
            assertFalse(answer.contains("0\r\n\r\n"), answer);
            assertFalse(endPoint.isOpen());
            assertEquals(before + 1, executed.size());
            memory.assertNothingIsOpen();
        }
    }
}
