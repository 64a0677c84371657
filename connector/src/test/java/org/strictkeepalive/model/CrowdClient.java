package org.strictkeepalive.model;

import java.nio.channels.SelectableChannel;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.io.Connection;
import org.strictkeepalive.Inside;
import org.strictkeepalive.testkit.FakeChannel;
import org.strictkeepalive.testkit.MemoryEndPoint;

/** A client of the model of a crowd, and its connection. */
final class CrowdClient {
    private final CrowdServer server;
    final CrowdExchanges exchanges;
    private final CrowdChecks checks;
    final MemoryEndPoint endPoint;
    final StringBuilder output = new StringBuilder();
    final long acceptedAt;
    String owed = "";
    String sent = "";
    long firstByteAt;
    boolean firstByteSent;
    /** When the first byte of the first request was sent, null before. */
    Long begunAt;

    boolean takesNothing;
    /** It has ended its side, or the connection. */
    boolean gone;

    boolean upgraded;
    boolean stopped;
    private boolean sentFin;
    long shutAt;
    long closedAt;

    CrowdClient(CrowdServer server) {
        this.server = server;
        acceptedAt = server.scheduler.now;
        exchanges = new CrowdExchanges(server, this);
        checks = new CrowdChecks(server, this);
        endPoint = new MemoryEndPoint(server.scheduler) {
            @Override
            public void doShutdownOutput() {
                sentFin = true;
                shutAt = server.scheduler.now;
                super.doShutdownOutput();
            }

            @Override
            public void doClose() {
                closedAt = server.scheduler.now;
                if (!sentFin) {
                    shutAt = closedAt;
                }
                super.doClose();
            }
        };
    }

    boolean isOpen() {
        return endPoint.isOpen();
    }

    void connect() {
        server.accepted++;
        SelectableChannel channel = new FakeChannel();
        Inside.governor(server.factory, server.connector).accepts().onAccepting(channel);
        Connection connection = server.factory.newConnection(server.connector, endPoint);
        endPoint.setConnection(connection);
        endPoint.onOpen();
        connection.onOpen();
        Inside.governor(server.factory, server.connector).accepts().onAccepted(channel);
    }

    void send(String bytes) {
        if (gone || !isOpen() || bytes.isEmpty()) {
            return;
        }
        if (!firstByteSent) {
            firstByteSent = true;
            firstByteAt = server.scheduler.now;
            begunAt = begunAt == null ? Long.valueOf(server.scheduler.now) : begunAt;
        }
        server.tell(server.clients.indexOf(this) + " sends " + bytes.replace("\r\n", "|"));
        sent = bytes;
        checks.onSent();
        endPoint.addInput(bytes);
    }

    void sendOwed(int bytes) {
        String part = owed.substring(0, Math.min(bytes, owed.length()));
        owed = owed.substring(part.length());
        send(part);
    }

    String take() {
        String taken = endPoint.takeOutputString(StandardCharsets.US_ASCII);
        server.runTasks();
        return taken;
    }

    void check() {
        checks.check();
    }

    int count(String text) {
        int count = 0;
        for (int i = output.indexOf(text); i >= 0; i = output.indexOf(text, i + 1)) {
            count++;
        }
        return count;
    }

    @Override
    public String toString() {
        return "client " + server.clients.indexOf(this) + " at " + server.scheduler.now / CrowdServer.MS + ", due "
                + checks.due() / CrowdServer.MS + ", with " + exchanges.executed + " requests, " + endPoint;
    }
}
