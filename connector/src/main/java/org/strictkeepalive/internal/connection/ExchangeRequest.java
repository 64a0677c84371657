package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.server.Request;

/** A request, together with the headers of its response. */
public abstract class ExchangeRequest extends Request.Wrapper {
    private final HttpFields responseHeaders;

    ExchangeRequest(Request request, HttpFields responseHeaders) {
        super(request);
        this.responseHeaders = responseHeaders;
    }

    /** Whether the response is a stream of server-sent events. Any thread may ask, at any time. */
    final boolean isEventStream() {
        try {
            return EventStreams.isOne(responseHeaders);
        } catch (RuntimeException x) {
            return false; // The application changes the headers just now, so the response has not begun.
        }
    }
}
