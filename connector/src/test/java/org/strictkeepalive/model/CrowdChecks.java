package org.strictkeepalive.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What has to hold for each client of the model of a crowd, whatever it has done. */
final class CrowdChecks {
    private final CrowdServer server;
    private final CrowdClient client;
    private final CrowdExchanges exchanges;
    private boolean sentBehindClose;
    /** How many requests were executed when the server told of the close, -1 before. */
    private int executedAtClose = -1;

    private boolean shut;
    private boolean ended;

    CrowdChecks(CrowdServer server, CrowdClient client) {
        this.server = server;
        this.client = client;
        exchanges = client.exchanges;
    }

    /** The client sends something. */
    void onSent() {
        sentBehindClose |= shut;
    }

    void check() {
        assertNull(exchanges.violated);
        boolean wasPending = client.endPoint.isWritePending();
        if (wasPending) {
            exchanges.answeredAt = server.scheduler.now;
            client.firstByteAt = server.scheduler.now;
        }
        if (!client.takesNothing) {
            for (String all = client.take(); !all.isEmpty(); all = client.take()) {
                client.output.append(all);
                server.tell(server.clients.indexOf(client) + " takes " + all.replace("\r\n", "|"));
            }
        }
        if (client.upgraded) {
            int switched = client.output.indexOf("HTTP/1.1 101");
            assertTrue(switched < 0 || client.output.indexOf("close", switched) < 0, "a 101 that says close");
            assertTrue(client.gone || client.stopped || client.isOpen(), "a tunnel is cut");
            return;
        }
        assertTrue(executedAtClose < 0 || exchanges.executed == executedAtClose, "executed behind the close");
        if (client.stopped) {
            assertFalse(client.isOpen(), "open after the stop");
            return;
        }
        boolean isShut = client.endPoint.isOutputShutdown() || !client.isOpen();
        if (exchanges.isBusy()) {
            assertTrue(client.gone || !isShut, "a request in progress is cut");
            assertEquals(
                    exchanges.answered + exchanges.failures + 1,
                    exchanges.executed,
                    "executed and neither answered nor in progress");
        } else {
            assertEquals(
                    exchanges.answered + exchanges.failures, exchanges.executed, "executed twice, or never answered");
            if (!client.takesNothing && !client.gone) {
                assertEquals(exchanges.answered, client.count("HTTP/1.1 200 OK"), "answers");
            }
            if (!isShut && !wasPending) {
                assertTrue(
                        server.scheduler.now - due() < CrowdServer.LATE,
                        () -> client + ": " + (server.scheduler.now - due()) / CrowdServer.MS + " ms beyond its time");
            }
        }
        if (executedAtClose < 0 && (isShut || isToldOfTheEnd())) {
            executedAtClose = exchanges.executed;
        }
        if (isShut && !shut) {
            onShut();
        }
        if (shut && client.isOpen()) {
            assertTrue(
                    server.scheduler.now - client.shutAt < CrowdServer.LINGER + CrowdServer.LATE,
                    "lingers beyond its limit");
        }
        if (!client.isOpen() && !ended) {
            ended = true;
            onEnd();
        }
    }

    /** When a connection without an exchange has to be closed, at NORMAL. */
    long due() {
        if (exchanges.executed == 0) {
            return firstDue();
        }
        long idle = exchanges.answeredAt
                + server.factory.getPolicy().getKeepAliveTimeout().toMillis() * CrowdServer.MS;
        // A part of it may have come with the request before.
        boolean begun = client.firstByteSent || !client.sent.endsWith("\r\n\r\n");
        long reading = begun ? client.firstByteAt + CrowdServer.HEADER_MS * CrowdServer.MS : idle;
        return CrowdServer.later(server.policyAt, CrowdServer.later(idle, reading));
    }

    private long firstDue() {
        long first = CrowdServer.FIRST_MS * CrowdServer.MS;
        return client.acceptedAt
                + (client.begunAt == null
                        ? first
                        : Math.min(first, client.begunAt - client.acceptedAt + CrowdServer.HEADER_MS * CrowdServer.MS));
    }

    /** By a response that says close, or by one to a malformed request. */
    private boolean isToldOfTheEnd() {
        return client.output.indexOf("Connection: close") >= 0
                || client.output.indexOf("HTTP/1.1 400") >= 0
                || client.output.indexOf("HTTP/1.1 505") >= 0;
    }

    private void onShut() {
        shut = true;
        boolean malformed = client.output.indexOf("HTTP/1.1 400") >= 0 || client.output.indexOf("HTTP/1.1 505") >= 0;
        if (exchanges.executed == 0 && !malformed && !client.gone && client.acceptedAt - server.pressedAt > 0) {
            long early = firstDue() - server.scheduler.now;
            assertTrue(early <= 0, () -> "a new connection is closed " + early / CrowdServer.MS + " ms early");
        }
        if (exchanges.executed > 1
                && !isToldOfTheEnd()
                && !client.gone
                && exchanges.failures == 0
                && !client.takesNothing) {
            long idle = server.scheduler.now - exchanges.answeredAt;
            long least = Math.min(
                            1_000,
                            server.factory.getPolicy().getKeepAliveTimeout().toMillis())
                    * CrowdServer.MS;
            assertTrue(idle >= least, () -> "a reused connection is closed after " + idle / CrowdServer.MS + " ms");
        }
    }

    /** A close within the linger would make the client's next byte a reset, which destroys what it hasn't read. */
    private void onEnd() {
        if (client.gone || exchanges.brokenOff || exchanges.executed == 0) {
            return;
        }
        long lingered = client.closedAt - client.shutAt;
        if (client.takesNothing) {
            assertTrue(exchanges.mayBeEnded() || lingered >= CrowdServer.LEAST_LINGER, "a slow reader is cut");
            return;
        }
        boolean quiet = server.isRecent(server.criticalAt) && !sentBehindClose;
        assertTrue(
                quiet || lingered >= CrowdServer.LEAST_LINGER,
                () -> "closed " + lingered / CrowdServer.MS + " ms after the FIN");
    }
}
