package org.strictkeepalive.simulation;

import java.net.SocketAddress;
import java.util.function.LongSupplier;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.ConnectionDeadlines;
import org.strictkeepalive.internal.connection.Ending;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/**
 * A connection in virtual time: the guard's own life and deadlines. Played are Jetty's connection and the socket, with
 * requests that come whole and at once.
 */
abstract class SimulatedConnection extends ConnectionDeadlines {
    private final LongSupplier clock;
    private long requests;
    private long freedAt;
    private boolean freed;

    SimulatedConnection(Governor governor, LongSupplier clock) {
        super(governor);
        this.clock = clock;
        begin(clock.getAsLong());
        aboutToWait(0, false, clock.getAsLong());
        waits();
    }

    @Override
    public final Counters counters() {
        return governor.counters();
    }

    /** The policy has shut the output. */
    abstract void onShut();

    /** The socket has closed. */
    abstract void onFreed();

    final boolean isFreed() {
        return freed;
    }

    public final boolean isIdle() {
        ConnectionState state = state();
        return !freed && (state == ConnectionState.NEW || state == ConnectionState.IDLE);
    }

    /** When the client is told: by the FIN, or by the close of the socket. */
    final long shutAt() {
        return isOutputShut() ? lingerSince() : freedAt;
    }

    /** A request comes; false where it comes too late. */
    public final boolean request() {
        if (freed || !bytesCame()) {
            return false;
        }
        governor.counters().onRequest();
        begun();
        requestBegins(clock.getAsLong());
        if (!headersComplete(seen())) {
            throw new AssertionError("not executed");
        }
        requests++;
        return true;
    }

    /** Why the response says close, null where it doesn't. */
    final CloseReason closeAfter(double agePart, Pressure pressure) {
        return decisions().closeAfter(requests, clock.getAsLong() - openedAt(), agePart, pressure);
    }

    /** The response is out, and has said close for that reason; null for none. */
    final void response(CloseReason reason) {
        requestEnds(false);
        if (!exchangeOver(exchange())) {
            throw new AssertionError("over before");
        }
        if (reason != null) {
            closeFor(reason);
            shut();
            return;
        }
        aboutToWait((int) requests, false, clock.getAsLong());
        waits();
        governor.due(this, due(governor.pressure()));
    }

    private void shut() {
        shut(clock.getAsLong());
        outputShut();
        governor.due(this, deadline(lingerSince(), lingerLimit(governor.pressure())));
        onShut();
    }

    /** The client has closed. */
    public final void clientCloses() {
        if (!freed) {
            free(closing() == null ? CloseReason.CLIENT : closing());
        }
    }

    public final void free(CloseReason reason) {
        freed = true;
        freedAt = clock.getAsLong();
        onFreed();
        governor.closed(this, reason);
    }

    // ---- What the policy does

    @Override
    public final void end(Ending how) {
        switch (how) {
            case CHECK -> {
                // Requests come whole and are read at once, so there are no bytes.
                closeFor(checkedFor());
                foundNothing();
                shut();
            }
            case CLOSE -> free(closing());
            default -> throw new AssertionError(how + " of a connection without a part of a request");
        }
    }

    @Override
    public void endQuietLinger() {
        if (!freed) {
            free(closing());
        }
    }

    @Override
    public void tellClosing(CloseReason reason) {}

    @Override
    public final boolean isSocketOpen() {
        return !freed;
    }

    @Override
    public final boolean isHandshaking() {
        return false;
    }

    @Override
    public final boolean lookAtExchange(int seen, Tick tick) {
        return false;
    }

    @Override
    public final boolean isBodyAwaited() {
        return false;
    }

    @Override
    public final void takeOver() {
        throw new AssertionError("shut by nobody");
    }

    @Override
    public final void closedUnheard() {
        throw new AssertionError("closed unheard");
    }

    @Override
    public final void act(int what) {
        throw new AssertionError("handed on");
    }

    @Override
    public final SocketAddress remoteAddress() {
        return null;
    }

    @Override
    public final long requests() {
        return requests;
    }
}
