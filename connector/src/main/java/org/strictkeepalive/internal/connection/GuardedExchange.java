package org.strictkeepalive.internal.connection;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;

/** The exchanges of a connection: which requests may be executed, and what their responses say of the connection. */
public abstract class GuardedExchange extends GuardedProgress {
    /** Where in its jitter this connection's maximum age is. */
    private final float agePart = ThreadLocalRandom.current().nextFloat();

    /** The connection as requests show it, made for the first of them. */
    private ConnectionView view;
    /** Whether an exchange has failed: no request that is pipelined behind it may be executed. */
    private boolean failed;

    GuardedExchange(Governor governor, EndPoint shown) {
        super(governor, shown);
    }

    public final ConnectionView view() {
        if (view == null) {
            view = ConnectionViews.of(connection, unwrap());
        }
        return view;
    }

    // ---- The request

    /** The headers of a request are complete; false where it must not be executed. */
    final boolean onRequest(Request request) {
        int seen = seen();
        if (state(seen) != RUNNING) {
            return state(seen) == PASS;
        }
        if (isOutputShut() || failed || closing() == CloseReason.DATA_RATE) {
            return false;
        }
        long begun = governor.begun(request);
        if (phase() == ConnectionState.IDLE) {
            onReuse(begun - since());
        }
        requestBegins(begun);
        exchangeInProgress().begins(request, connection.isPersistent());
        forgetStall();
        return headersComplete(seen); // Last, since it publishes all of these.
    }

    /** The first bytes of a request have come to an idle connection. */
    final void onReuse(long idle) {
        governor.counters().reuses().add(TimeUnit.NANOSECONDS.toMillis(idle));
    }

    final boolean isBodyEnded() {
        return exchangeInProgress().isBodyEnded();
    }

    final void onBodyEnd() {
        exchangeInProgress().bodyEnds();
    }

    /** The last of the response was written. */
    final void onLastSent() {
        exchangeInProgress().lastSent();
    }

    /** Whether the last of the response was written; known only if the exchange can fail after it. */
    final boolean isLastSent() {
        return exchangeInProgress().isLastSent();
    }

    // ---- The end

    /**
     * An exchange is over.
     *
     * @param number its number, see {@link #exchange()}
     * @param whole whether its response was written whole
     * @param unread whether its request has a body that can't be read to its end without waiting
     * @return false if it was over before: then Jetty must not hear of it again, since another may be in progress
     */
    final boolean onComplete(int number, boolean whole, boolean unread) {
        endCalls();
        requestEnds(unread);
        if (!whole) {
            failed = true;
        } else {
            if (closing() == null && (unread || !connection.isPersistent())) {
                // Such as a response to HTTP/1.0 without a length, which ends with the close.
                closing(CloseReason.APPLICATION);
            }
            if (unread && !isOutputShut()) {
                shutdownOutput();
            }
        }
        if (!exchangeOver(number)) {
            onCompleteAgain();
            return false;
        }
        return true;
    }

    /** Whether an exchange is not over yet. One that is completed again ends the connection. */
    final boolean isInProgress(int number) {
        boolean inProgress = exchange() == number;
        if (!inProgress) {
            onCompleteAgain();
        }
        return inProgress;
    }

    /** An exchange was completed twice. */
    abstract void onCompleteAgain();

    /**
     * Ends the output if the last of a response is out. Behind that Jetty breaks off where the application fails, 12.0
     * also behind its own error response: so it becomes a linger. What a client doesn't take is never out.
     */
    final void shutdownIfSent() {
        if (!isOutputShut() && closing() != CloseReason.DATA_RATE && !isWritePending() && endPoint.isOpen()) {
            shutdownOutput();
        }
    }

    // ---- The response

    final void prepareResponse(HttpFields.Mutable headers) {
        // Only the status tells whether an upgrade or a tunnel comes of it.
        if (!exchangeInProgress().isUpgradeAsked()) {
            announce(headers);
        }
    }

    /** A last look at a response that is about to be committed. */
    final MetaData.Response revise(MetaData.Request request, MetaData.Response response, boolean last) {
        int status = response.getStatus();
        if (HttpStatus.isInformational(status)) {
            return response;
        }
        Exchange exchange = exchangeInProgress();
        boolean upgradeAsked = exchange.isUpgradeAsked();
        boolean early = exchange.isEarly(request, last);
        boolean unchunked = !last
                && !exchange.isHttp10()
                && (upgradeAsked || isCloseOurs())
                && ResponseHeaders.isLengthUnknown(response)
                && !Exchange.isContinueExpected(request); // There Jetty closes itself.
        boolean promiseBroken = promisedSeconds() > 0 && !connection.isPersistent();
        if (!upgradeAsked && !early && !unchunked && !promiseBroken) {
            return response;
        }
        if (exchange.isConnectAsked() && HttpStatus.isSuccess(status)) {
            return response;
        }
        HttpFields.Mutable headers = HttpFields.build(response.getHttpFields());
        if (upgradeAsked) {
            announce(headers);
        }
        if (early && closing() == null && connection.isPersistent()) {
            // The rest of the body will be discarded, so say close.
            closing(CloseReason.APPLICATION);
            ResponseHeaders.sayClose(headers);
        }
        if (promiseBroken) {
            ResponseHeaders.withdrawPromise(headers);
        }
        if (unchunked && isCloseOurs()) {
            ResponseHeaders.chunk(headers);
        }
        return ResponseHeaders.with(response, headers);
    }

    private boolean isCloseOurs() {
        CloseReason reason = closing();
        return reason != null && reason != CloseReason.CLIENT && reason != CloseReason.APPLICATION;
    }

    private void announce(HttpFields.Mutable headers) {
        Exchange exchange = exchangeInProgress();
        if (closing() == null) {
            if (exchange.isCloseAsked()) {
                closing(CloseReason.CLIENT);
            } else if (!connection.isPersistent() || ResponseHeaders.isConnection(headers, HttpHeaderValue.CLOSE)) {
                closing(CloseReason.APPLICATION);
            } else {
                decide(exchange, headers);
                return;
            }
        }
        if (isCloseOurs()) {
            ResponseHeaders.sayClose(headers);
        } else if (!exchange.isHttp10()) {
            ResponseHeaders.sayCloseAsJetty(headers);
        }
    }

    private void decide(Exchange exchange, HttpFields.Mutable headers) {
        Decisions decisions = governor.decisions();
        Pressure pressure = governor.pressure();
        long count = connection.getMessagesIn();
        // The age as the request began, a time that is there: it is at most one request late.
        CloseReason reason = decisions.closeAfter(count, since() - openedAt(), agePart, pressure);
        if (reason == null || (reason == CloseReason.PRESSURE && count > 1 && pressure.spares(peer()))) {
            reason = governor.farewell();
        }
        if (reason == null && exchange.isKeepAliveAsked() && decisions.isAdvertiseKeepAlive()) {
            reason = promise(exchange, headers, decisions, pressure, count);
        }
        if (reason != null) {
            closeFor(reason);
            ResponseHeaders.sayClose(headers);
        }
    }

    /** Promises to keep the connection; or answers why the response says close. */
    private CloseReason promise(
            Exchange exchange, HttpFields.Mutable headers, Decisions decisions, Pressure pressure, long count) {
        if (exchange.isHttp10() && ResponseHeaders.endsWithClose(headers)) {
            return null;
        }
        long seconds = decisions.promisableSeconds(squeeze(pressure), governor.idleTimeout(), idleTimeoutIfLowered());
        if (seconds == 0) {
            boolean spared = pressure.keepsTimeouts(isReused(), since() - openedAt(), peer());
            return pressure.level().isAtLeast(PressureLevel.ELEVATED) && !spared ? CloseReason.PRESSURE : null;
        }
        String value = decisions.keepAliveField(seconds, count);
        if (value != null) {
            ResponseHeaders.promise(headers, value, exchange.isHttp10());
            promised(seconds);
        }
        return null;
    }

    /** The endpoint's idle timeout in nanoseconds where it is neither the connector's nor that of requests, else 0. */
    private long idleTimeoutIfLowered() {
        long idleTimeout = endPoint.getIdleTimeout();
        return isIdleTimeoutOfConnector()
                        || idleTimeout == connection.getHttpConfiguration().getIdleTimeout()
                ? 0
                : TimeUnit.MILLISECONDS.toNanos(idleTimeout);
    }
}
