package org.strictkeepalive.internal.http2;

import java.net.SocketAddress;
import java.util.function.LongSupplier;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.observe.Counters;
import org.strictkeepalive.internal.observe.Protocol;
import org.strictkeepalive.testkit.PlayedClient;
import org.strictkeepalive.testkit.PlayedConnection;

/**
 * A connection of HTTP/2 in virtual time. Played are Jetty's session and the socket, with one request after the other,
 * and responses that the client takes at once.
 */
public final class PlayedHttp2 extends Http2Deadlines implements PlayedConnection {
    private final LongSupplier clock;
    private final PlayedClient client;
    /** A round trip after a GOAWAY the client knows, and sends nothing more. */
    private final long roundTrip;

    private int streams;
    private long opened;
    private long ended;
    private boolean sessionClosed;
    private boolean told;
    private long toldAt;
    private boolean freed;

    /**
     * Creates a connection that was accepted just now.
     *
     * @param agePart how much of {@code maxConnectionAgeJitter} applies to it, from 0 to 1
     */
    public PlayedHttp2(Governor governor, LongSupplier clock, double agePart, long roundTrip, PlayedClient client) {
        super(governor, clock.getAsLong(), (float) agePart);
        this.clock = clock;
        this.roundTrip = roundTrip;
        this.client = client;
    }

    @Override
    public GovernedConnection governed() {
        return this;
    }

    @Override
    public long dueFirst() {
        return firstDue();
    }

    @Override
    public boolean request() {
        boolean known = told && clock.getAsLong() - toldAt >= roundTrip;
        if (freed || sessionClosed || known) {
            return false;
        }
        streams++;
        opened++;
        if (!onRequest(clock.getAsLong())) {
            throw new AssertionError("refused without a GOAWAY");
        }
        return true;
    }

    @Override
    public CloseReason respond() {
        boolean before = told;
        waits(); // It was written.
        streams--;
        ended++;
        onExchangeOver(true);
        if (before) {
            client.onShut();
        }
        return told ? closing() : null;
    }

    @Override
    public boolean isIdle() {
        ConnectionState state = state();
        return !freed && !told && (state == ConnectionState.NEW || state == ConnectionState.IDLE);
    }

    @Override
    public long idleSinceWhen() {
        return idleSince();
    }

    @Override
    public long toldAt() {
        return toldAt;
    }

    @Override
    public boolean refusesSafely() {
        return true;
    }

    @Override
    public void clientCloses() {
        if (!freed && streams == 0) { // It waits for what is in progress, and is told again.
            free(closing() == null ? CloseReason.CLIENT : closing());
        }
    }

    @Override
    public void free(CloseReason reason) {
        freed = true;
        if (!told) {
            told = true;
            toldAt = clock.getAsLong();
        }
        client.onFreed();
        governor.closed(this, reason);
    }

    // ---- What the policy does

    @Override
    public void act(int what) {
        switch (what) {
            case ANNOUNCE -> tell();
            case GOAWAY -> {
                if (confirm()) {
                    sessionClosed = true;
                    tell();
                }
            }
            case GOAWAY_BUSY -> {
                sessionClosed = true;
                tell();
            }
            case CLOSE -> free(closing());
            default -> throw new AssertionError("action " + what);
        }
    }

    private void tell() {
        if (!told) {
            told = true;
            toldAt = clock.getAsLong();
            if (streams == 0) {
                client.onShut();
            }
        }
    }

    @Override
    public void endQuietLinger() {
        if (!freed && isEnding() && streams == 0 && !client.isDiscarded()) {
            free(closing());
        }
    }

    @Override
    void tellClosing(CloseReason reason) {
        client.onClosing(reason);
    }

    @Override
    void onClosed() {
        throw new AssertionError("closed unheard");
    }

    // ---- What the session tells

    @Override
    boolean isSocketOpen() {
        return !freed;
    }

    @Override
    boolean isSessionClosed() {
        return sessionClosed;
    }

    @Override
    int streams() {
        return streams;
    }

    @Override
    int lastStream() {
        return streams == 0 ? 0 : (int) (2 * opened - 1);
    }

    @Override
    boolean adaptIdleTimeout(boolean isIdle) {
        return false;
    }

    @Override
    boolean hasMoreCome() {
        return false;
    }

    @Override
    long ended() {
        return ended;
    }

    @Override
    long bytesIn() {
        return 0;
    }

    @Override
    boolean isServersTurn() {
        return false;
    }

    @Override
    long moved() {
        return 0;
    }

    @Override
    boolean isBlocked() {
        return false;
    }

    @Override
    public long requests() {
        return opened;
    }

    @Override
    public Counters counters() {
        return governor.counters();
    }

    @Override
    public Protocol protocol() {
        return Protocol.HTTP_2;
    }

    @Override
    public SocketAddress remoteAddress() {
        return null;
    }
}
