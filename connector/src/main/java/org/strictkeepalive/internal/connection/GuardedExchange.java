package org.strictkeepalive.internal.connection;

import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.io.EndPoint;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;

/** Decides which requests of a connection may be executed, and what the responses say about the connection. */
public abstract class GuardedExchange extends GuardedWatch {
    /** What a refused visitor is told to wait, in seconds. */
    public static final String RETRY_AFTER = "1";

    /** The connection as requests show it. Most applications don't ask for it, and it takes 170 bytes. */
    private volatile ConnectionView view;
    /** Whether an exchange has failed. If so, no pipelined request may be executed, since it would get no answer. */
    private boolean failed;
    /**
     * Whether the response says close in a way that Jetty doesn't notice. The guard then shuts the output.
     *
     * @see ResponseHeaders#sayCloseUnnoticed
     */
    private boolean closeUnnoticed;

    GuardedExchange(Governor governor, EndPoint shown) {
        super(governor, shown);
    }

    /** The connection as requests show it, with the endpoint that it would have without the guard. */
    final ConnectionView view() {
        ConnectionView made = view;
        return made == null ? makeView() : made;
    }

    /** Any thread of the application may ask. */
    private synchronized ConnectionView makeView() {
        if (view == null) {
            view = ConnectionViews.of(connection, unwrap(), () -> closeUnnoticed);
        }
        return view;
    }

    // ---- The request

    /** The headers of a request are complete. Returns false if the request must not be executed. */
    final boolean onRequest(ExchangeRequest request) {
        governor.counters().onRequest();
        if (goesOn() && !endPoint.isOpen()) {
            failed = true;
        }
        int seen = seen();
        if (state(seen) != RUNNING) {
            return state(seen) == PASS;
        }
        if (isOutputShut() || failed || isEndedForItsClient()) {
            return false;
        }
        long begun = governor.begun(request);
        onRequestBegun(begun - since(), onlyIfIdle());
        requestBegins(begun);
        exchangeBegins(request, connection.isPersistent());
        if (mayBeUnwatched()) {
            leaveUnwatched();
        }
        forgetStall();
        return headersComplete(seen); // Last, because it publishes the fields that were written above.
    }

    /**
     * Whether the request has to be answered with 503: it is the first one of its connection, and busy requests hold all
     * the room. Asked once, when its headers are complete.
     */
    public final boolean isRefused() {
        boolean refused = connection.getMessagesIn() == 1 && governor.isRefusing() && state(seen()) == BUSY;
        if (refused) {
            closeFor(CloseReason.REFUSED);
        }
        return refused;
    }

    /** The first bytes of a request have come to a connection that was idle for that many nanoseconds. */
    final void onReuse(long idle) {
        onRequestBegun(idle, 1);
    }

    /** As {@link #onReuse}, times 1 or 0. */
    private void onRequestBegun(long idle, int times) {
        governor.counters().reuses().add(TimeUnit.NANOSECONDS.toMillis(idle), times);
    }

    /** The last of the response was written. */
    final void onLastSent() {
        lastSent();
        if (closeUnnoticed && !isOutputShut()) {
            shutdownOutput();
        }
    }

    // ---- The end

    /**
     * An exchange is over.
     *
     * @param number its number, see {@link #exchange()}
     * @param whole whether its response was written to its end
     * @param unread whether its request has a body that can't be read to its end without waiting
     * @return false if it was over before. Then Jetty must not be told again, since another exchange may be in progress
     */
    final boolean onComplete(int number, boolean whole, boolean unread) {
        endCalls();
        requestEnds(unread);
        forgetRequest();
        if (!whole) {
            failed = true;
        } else {
            if (closing() == null && (unread || !connection.isPersistent())) {
                // For example a response to HTTP/1.0 without a length, which ends with the close.
                closing(CloseReason.APPLICATION);
            }
            if ((unread || closeUnnoticed) && !isOutputShut()) {
                shutdownOutput();
            }
        }
        if (!exchangeOver(number)) {
            onCompleteAgain();
            return false;
        }
        return true;
    }

    /**
     * Whether an exchange is in progress. If it is over, it is being completed for the second time, and the connection
     * is closed.
     */
    final boolean isInProgress(int number) {
        boolean inProgress = exchange() == number;
        if (!inProgress) {
            onCompleteAgain();
        }
        return inProgress;
    }

    /** Whether the response that was written last says close in a way that Jetty doesn't notice. */
    final boolean isCloseUnnoticed() {
        return closeUnnoticed;
    }

    /** An exchange was completed twice. */
    abstract void onCompleteAgain();

    /**
     * Shuts the output if the whole response has been sent, so that the close becomes a linger. Otherwise Jetty would
     * abort the connection when the application fails after its response; 12.0 does so after its own error response
     * too. Not where the exchange was ended for its client, which has not taken the response.
     */
    final void shutdownIfSent() {
        if (!isOutputShut() && !isEndedForItsClient() && !isWritePending() && endPoint.isOpen()) {
            shutdownOutput();
        }
    }

    // ---- The response

    final void prepareResponse(HttpFields.Mutable headers) {
        // If the request asks for an upgrade or a tunnel, wait for the status, which tells whether there is one.
        if (!isUpgradeAsked()) {
            announce(headers);
        }
    }

    /** Revises the headers of a response that is about to be committed. */
    final MetaData.Response revise(MetaData.Request request, MetaData.Response response, boolean last) {
        int status = response.getStatus();
        if (HttpStatus.isInformational(status)) {
            return response;
        }
        boolean upgradeAsked = isUpgradeAsked();
        boolean early = isEarly(request, last);
        boolean unchunked = !last
                && !isHttp10()
                && (upgradeAsked || (isCloseOurs() && !closeUnnoticed))
                && ResponseHeaders.isLengthUnknown(response)
                && !isContinueExpected(request); // Then Jetty itself closes.
        boolean promiseBroken = promisedSeconds() > 0 && !connection.isPersistent();
        if (!upgradeAsked && !early && !unchunked && !promiseBroken) {
            return response;
        }
        if (upgradeAsked && HttpMethod.CONNECT.is(request.getMethod()) && HttpStatus.isSuccess(status)) {
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
        if (unchunked && isCloseOurs() && !closeUnnoticed) {
            ResponseHeaders.chunk(headers);
        }
        return ResponseHeaders.with(response, headers);
    }

    private boolean isCloseOurs() {
        CloseReason reason = closing();
        return reason != null && reason != CloseReason.CLIENT && reason != CloseReason.APPLICATION;
    }

    private void announce(HttpFields.Mutable headers) {
        if (closing() == null) {
            if (isCloseAsked()) {
                closing(CloseReason.CLIENT);
            } else if (!connection.isPersistent() || ResponseHeaders.isConnection(headers, HttpHeaderValue.CLOSE)) {
                closing(CloseReason.APPLICATION);
            } else {
                decide(headers);
                return;
            }
        }
        if (closing() == CloseReason.REFUSED) {
            headers.put(HttpHeader.RETRY_AFTER, RETRY_AFTER);
        }
        if (isCloseOurs()) {
            sayClose(headers);
        } else if (!isHttp10()) {
            ResponseHeaders.sayCloseAsJetty(headers);
        }
    }

    private void decide(HttpFields.Mutable headers) {
        Decisions decisions = governor.decisions();
        Pressure pressure = governor.pressure();
        long count = connection.getMessagesIn();
        // The age at the begin of the request needs no look at the clock. The close comes one request late at most.
        CloseReason reason = decisions.closeAfter(count, since() - openedAt(), agePart(), pressure);
        if (reason == null || (reason == CloseReason.PRESSURE && count > 1 && pressure.spares(peer()))) {
            reason = governor.farewell();
        }
        if (reason == null && isKeepAliveAsked() && decisions.isAdvertiseKeepAlive()) {
            reason = promise(headers, decisions, pressure, count);
        }
        if (reason != null) {
            closeFor(reason);
            sayClose(headers);
        }
    }

    /**
     * Says close. If Jetty noticed, it would take ways that it has never taken before, and the compiler would throw away
     * the compiled code of all requests.
     */
    private void sayClose(HttpFields.Mutable headers) {
        closeUnnoticed = isPlainRequest()
                && !isMoreBehind()
                && !isPipelined() // Jetty would parse what is left in its buffer.
                && !isHttp10()
                && !governor.isShutdown()
                && ResponseHeaders.sayCloseUnnoticed(headers);
        if (!closeUnnoticed) {
            ResponseHeaders.sayClose(headers);
        }
    }

    /**
     * Adds the promise of a {@code Keep-Alive} field. Returns null, or the reason why the response has to say close
     * instead.
     */
    private CloseReason promise(HttpFields.Mutable headers, Decisions decisions, Pressure pressure, long count) {
        boolean http10 = isHttp10();
        if (http10 && ResponseHeaders.endsWithClose(headers)) {
            return null;
        }
        long seconds = decisions.promisableSeconds(squeeze(pressure), governor.idleTimeout(), idleTimeoutIfLowered());
        if (seconds == 0) {
            boolean spared = pressure.keepsTimeouts(isReused(), since() - openedAt(), peer());
            return pressure.level().isAtLeast(PressureLevel.ELEVATED) && !spared ? CloseReason.PRESSURE : null;
        }
        String value = decisions.keepAliveField(seconds, count);
        if (value != null) {
            ResponseHeaders.promise(headers, value, http10);
            promised(seconds);
        }
        return null;
    }

    /**
     * The endpoint's idle timeout in nanoseconds if it is neither the connector's nor the HTTP configuration's, else 0.
     */
    private long idleTimeoutIfLowered() {
        long idleTimeout = endPoint.getIdleTimeout();
        return isIdleTimeoutOfConnector()
                        || idleTimeout == connection.getHttpConfiguration().getIdleTimeout()
                ? 0
                : TimeUnit.MILLISECONDS.toNanos(idleTimeout);
    }
}
