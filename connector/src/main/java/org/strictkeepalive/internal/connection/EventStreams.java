package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;

/** Knows server-sent events by the headers of their response. Pure. */
public final class EventStreams {
    private static final String TYPE = "text/event-stream";

    private EventStreams() {}

    /** Whether a response with these headers is a stream of server-sent events. */
    public static boolean isOne(HttpFields headers) {
        HttpField field = headers.getField(HttpHeader.CONTENT_TYPE);
        String type = field == null ? null : field.getValue();
        return type != null
                && type.regionMatches(true, 0, TYPE, 0, TYPE.length())
                && (type.length() == TYPE.length() || "; \t".indexOf(type.charAt(TYPE.length())) >= 0);
    }
}
