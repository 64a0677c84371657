package org.strictkeepalive.internal.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.testkit.MemoryEndPoint;
import org.strictkeepalive.testkit.MemoryServer;
import org.strictkeepalive.testkit.RawClient;

/** Where a request ends, and what comes with its end. */
class BodyEndTest {
    private static final KeepAlivePolicy POLICY = KeepAlivePolicy.builder()
            .keepAliveTimeout(Duration.ofSeconds(30))
            .requestHeaderTimeout(Duration.ofSeconds(5))
            .build();
    private static final String POST = "POST / HTTP/1.1\r\nHost: a\r\n";
    private static final String CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n";

    private static final Handler READER = new Handler.Abstract() {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            Content.Source.consumeAll(request, callback);
            return true;
        }
    };

    /** A bar stands for the end of a read. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "Content-Length: 4\r\n\r\nab|cdGET / HTTP/1.1\r\nHo",
                "Content-Length: 4\r\n\r\n|abcdGET / HTTP/1.1\r\nHo",
                "Content-Length: 4\r\n\r\na|b|cdG",
                "Transfer-Encoding: chunked\r\n\r\n2\r\nab|\r\n0\r\n\r\nGET / HTTP/1.1\r\nHo"
            })
    void theNextRequestThatComesWithTheEndOfABodyHasTheTimeOfHeaders(String reads) throws Exception {
        assertEndsAfter(reads, 5_000);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Content-Length: 4\r\n\r\nab|cd",
                "Content-Length: 4\r\n\r\n|abcd",
                "Transfer-Encoding: chunked\r\n\r\n2\r\nab|\r\n0\r\n\r\n"
            })
    void withoutOneTheConnectionIsIdle(String reads) throws Exception {
        assertEndsAfter(reads, 30_000);
    }

    private static void assertEndsAfter(String reads, long ms) throws Exception {
        try (MemoryServer memory = new MemoryServer(POLICY, READER)) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            for (String read : (POST + reads).split("\\|", -1)) {
                endPoint.addInput(read);
            }
            assertTrue(endPoint.takeOutputString().startsWith("HTTP/1.1 200 OK"));
            memory.pass(ms - 100);
            assertFalse(endPoint.isOutputShutdown());
            memory.pass(400);
            assertTrue(endPoint.isOutputShutdown());
        }
    }

    /** An answer before the body has come: the rest is discarded, so the answer says close. */
    @ParameterizedTest
    @ValueSource(strings = {"5\r\n\n0\r\n\r\n", "A\r\nab\n0\r\n\r\nxyz\r\n", "6\r\n0\r\n\r\n0\r\n"})
    void dataThatLooksLikeTheLastChunkIsNot(String body) throws Exception {
        assertTrue(answerTo(CHUNKED + body).contains("Connection: close"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0\r\n\r\n", "2\r\nab\r\n0\r\n\r\n", "2\r\nab\r\n0\r\nA: b\r\n\r\n"})
    void aWholeBodyThatNobodyReadsKeepsTheConnection(String body) throws Exception {
        assertFalse(answerTo(CHUNKED + body).contains("Connection: close"));
    }

    private static String answerTo(String bytes) throws Exception {
        try (MemoryServer memory = new MemoryServer(POLICY)) {
            MemoryEndPoint endPoint = new MemoryEndPoint(memory.scheduler);
            memory.open(endPoint);
            endPoint.addInput(bytes);
            String answer = endPoint.takeOutputString();
            assertTrue(answer.startsWith("HTTP/1.1 200 OK"), answer);
            return answer;
        }
    }

    @Test
    void aPipelineBehindAWholeBodyGoesOn() throws Exception {
        String answers = answerTo(CHUNKED + "2\r\nab\r\n0\r\n\r\n" + RawClient.GET);
        assertEquals(3, answers.split("HTTP/1.1 200 OK", -1).length, answers);
    }
}
