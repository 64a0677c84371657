package org.strictkeepalive.simulation;

import java.util.function.LongSupplier;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.testkit.PlayedClient;
import org.strictkeepalive.testkit.PlayedConnection;

/** A connection of HTTP/1.1 with a client that is told what happens to it. */
final class PlayedHttp1 extends SimulatedConnection implements PlayedConnection {
    private final double agePart;
    private final PlayedClient client;

    PlayedHttp1(Governor governor, LongSupplier clock, double agePart, PlayedClient client) {
        super(governor, clock);
        this.agePart = agePart;
        this.client = client;
    }

    @Override
    public GovernedConnection governed() {
        return this;
    }

    @Override
    public long dueFirst() {
        return due(governor.pressure());
    }

    @Override
    public CloseReason respond() {
        CloseReason reason = closeAfter(agePart, governor.pressure());
        response(reason);
        return reason;
    }

    @Override
    public long idleSinceWhen() {
        return since();
    }

    @Override
    public long toldAt() {
        return shutAt();
    }

    @Override
    public boolean refusesSafely() {
        return false;
    }

    @Override
    void onShut() {
        client.onShut();
    }

    @Override
    void onFreed() {
        client.onFreed();
    }

    @Override
    public void tellClosing(CloseReason reason) {
        client.onClosing(reason);
    }

    @Override
    public void endQuietLinger() {
        if (!client.isDiscarded()) {
            super.endQuietLinger();
        }
    }
}
