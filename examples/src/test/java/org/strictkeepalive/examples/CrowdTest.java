package org.strictkeepalive.examples;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The clients of the demo against a server that misbehaves on purpose: what they lose has to be counted. */
class CrowdTest {
    /** Answers a request; false if the connection is to be closed. */
    private interface Answer {
        boolean give(Socket socket, int request) throws IOException, InterruptedException;
    }

    private static final String WHOLE = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!";

    private final AtomicInteger closes = new AtomicInteger();
    private ServerSocket listener;
    private Crowd crowd;

    @BeforeEach
    void listen() throws IOException {
        listener = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        crowd = new Crowd(new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort()));
    }

    @AfterEach
    void close() throws IOException {
        crowd.close();
        listener.close();
    }

    private void serve(Answer answer) {
        start(() -> {
            while (true) {
                Socket socket = listener.accept();
                start(() -> {
                    try (socket) {
                        for (int request = 1; readRequest(socket); request++) {
                            if (!answer.give(socket, request)) {
                                closes.incrementAndGet();
                                return;
                            }
                        }
                    }
                });
            }
        });
    }

    /** Something that a connection or the test may end with an exception. */
    private interface Task {
        void run() throws Exception;
    }

    private static void start(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception x) {
                // The listener or the client has closed.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static boolean readRequest(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        int matched = 0;
        while (matched < 4) {
            int read = in.read();
            if (read < 0) {
                return false;
            }
            matched = read == "\r\n\r\n".charAt(matched) ? matched + 1 : 0;
        }
        return true;
    }

    private static boolean write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
        return true;
    }

    private void finish() throws InterruptedException {
        crowd.stopInviting();
        crowd.awaitGuests();
    }

    @Test
    void everyGuestOfAGoodServerIsServed() throws Exception {
        serve((socket, request) -> write(socket, WHOLE));
        crowd.startGuests();
        await().atMost(60, SECONDS).until(() -> crowd.served.sum() >= 5 && crowd.politeServed.sum() >= 20);
        finish();
        assertEquals(0, crowd.turnedAway.sum() + crowd.politeLost.sum() + crowd.politeRetried.sum());
    }

    @Test
    void guestsStillWaitingAtTheEndCountAsLost() throws Exception {
        AtomicInteger unanswered = new AtomicInteger();
        serve((socket, request) -> {
            unanswered.incrementAndGet();
            Thread.sleep(SECONDS.toMillis(60));
            return false;
        });
        crowd.startGuests();
        await().atMost(60, SECONDS).until(() -> unanswered.get() >= 12);
        finish();
        assertEquals(0, crowd.served.sum());
        assertTrue(crowd.turnedAway.sum() >= 2, () -> crowd.turnedAway + " visitors");
        assertEquals(10, crowd.politeLost.sum());
    }

    @Test
    void closeThatCrossesTheRequestIsRetriedOnce() throws Exception {
        serve((socket, request) -> request == 1 && write(socket, WHOLE));
        crowd.startGuests();
        await().atMost(60, SECONDS).until(() -> crowd.politeRetried.sum() >= 10);
        finish();
        assertEquals(0, crowd.politeLost.sum());
        assertTrue(closes.get() >= 10);
    }

    @Test
    void closeWithoutAnAnswerOnAFreshConnectionIsALoss() throws Exception {
        serve((socket, request) -> false);
        crowd.startGuests();
        await().atMost(60, SECONDS).until(() -> crowd.politeLost.sum() >= 10 && crowd.turnedAway.sum() >= 3);
        finish();
        assertEquals(0, crowd.politeServed.sum() + crowd.politeRetried.sum() + crowd.served.sum());
    }

    @Test
    void closeInTheMiddleOfAnAnswerIsALoss() throws Exception {
        serve((socket, request) -> write(socket, request == 1 ? WHOLE : WHOLE.substring(0, 30)) && request == 1);
        crowd.startGuests();
        await().atMost(60, SECONDS).until(() -> crowd.politeLost.sum() >= 10);
        finish();
        assertEquals(0, crowd.politeRetried.sum());
    }

    @Test
    void idleConnectionThatTheServerEndedIsReplacedWithoutALoss() throws Exception {
        serve((socket, request) -> {
            write(socket, WHOLE);
            Thread.sleep(50);
            return false;
        });
        crowd.startGuests();
        await().atMost(60, SECONDS).until(() -> crowd.politeServed.sum() >= 30);
        finish();
        assertEquals(0, crowd.politeLost.sum() + crowd.politeRetried.sum());
    }

    @Test
    void leaksStayOpenBehindTheServersClose() throws Exception {
        serve((socket, request) -> {
            write(socket, WHOLE);
            return false;
        });
        crowd.startLeaks(100, 0, 0);
        await().atMost(60, SECONDS).until(() -> closes.get() >= 20);
        assertTrue(crowd.held() >= closes.get());
        crowd.requireLeaks();
    }
}
