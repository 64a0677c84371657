package org.strictkeepalive.internal.connection;

import java.util.Iterator;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http.PreEncodedHttpField;

/** The header fields of a response that are about its connection. Pure. */
final class ResponseHeaders {
    private static final String CONNECTION = HttpHeader.CONNECTION.asString();
    /**
     * The JDK's {@code HttpURLConnection} obeys a {@code Keep-Alive} field only beside this option, and intermediaries
     * remove that field because of it. Jetty strips the option from a field whose header it knows, so this field has a
     * name only.
     */
    private static final HttpField KEEP_ALIVE = new HttpField(null, CONNECTION, HttpHeaderValue.KEEP_ALIVE.asString());

    /** Jetty obeys a field only if its header is known, so this field has a name only. */
    private static final HttpField CLOSE = new PreEncodedHttpField(CONNECTION, HttpHeaderValue.CLOSE.asString());

    private static final HttpField CHUNKED =
            new HttpField(HttpHeader.TRANSFER_ENCODING, HttpHeaderValue.CHUNKED.asString());

    private ResponseHeaders() {}

    /**
     * Whether the fields have a connection option. Most messages have none, and getField finds that out without an
     * iterator.
     */
    static boolean isConnection(HttpFields fields, HttpHeaderValue option) {
        return fields.getField(HttpHeader.CONNECTION) != null
                && fields.contains(HttpHeader.CONNECTION, option.asString());
    }

    /** Adds {@code Connection: close} and withdraws a promise. */
    static void sayClose(HttpFields.Mutable headers) {
        withdrawPromise(headers);
        if (HttpHeaderValue.KEEP_ALIVE.is(headers.get(CONNECTION))) {
            headers.remove(CONNECTION);
        }
        headers.ensureField(HttpFields.CONNECTION_CLOSE);
    }

    /**
     * Adds {@code Connection: close} in a way that Jetty doesn't notice: it takes the connection as one that persists.
     * Returns false, and changes nothing, if the response has options for the connection already.
     */
    static boolean sayCloseUnnoticed(HttpFields.Mutable headers) {
        if (headers.getField(HttpHeader.CONNECTION) != null) {
            return false;
        }
        withdrawPromise(headers);
        if (!has(headers, CLOSE)) {
            headers.add(CLOSE);
        }
        return true;
    }

    /**
     * Adds {@code Connection: close} where Jetty adds it too: 12.1.12 forgets it if the headers overflow its buffer.
     */
    static void sayCloseAsJetty(HttpFields.Mutable headers) {
        if (headers.getField(HttpHeader.CONNECTION) == null) {
            headers.ensureField(HttpFields.CONNECTION_CLOSE);
        }
    }

    /**
     * Promises to keep the connection.
     *
     * @param value the value of the {@code Keep-Alive} field
     */
    static void promise(HttpFields.Mutable headers, String value, boolean http10) {
        headers.put(HttpHeader.KEEP_ALIVE, value);
        // For HTTP/1.0 Jetty adds the option itself. For HTTP/1.1 it strips the option from the application's own
        // field.
        if (!http10 && !has(headers, KEEP_ALIVE)) {
            headers.add(KEEP_ALIVE);
        }
    }

    /** Whether a field was added before. Jetty prepares a response twice if its headers overflow the buffer. */
    private static boolean has(HttpFields headers, HttpField field) {
        for (int i = 0; i < headers.size(); i++) {
            if (field.equals(headers.getField(i))) {
                return true;
            }
        }
        return false;
    }

    static void withdrawPromise(HttpFields.Mutable headers) {
        headers.remove(HttpHeader.KEEP_ALIVE);
        for (Iterator<HttpField> i = headers.iterator(); i.hasNext(); ) {
            if (KEEP_ALIVE.equals(i.next())) {
                i.remove();
            }
        }
    }

    /** Whether a response to HTTP/1.0 ends with the close: it has no length, and HTTP/1.0 has no chunks. */
    static boolean endsWithClose(HttpFields headers) {
        return headers.getField(HttpHeader.CONTENT_LENGTH) == null;
    }

    static boolean isLengthUnknown(MetaData.Response response) {
        HttpFields fields = response.getHttpFields();
        return response.getContentLength() < 0
                && fields.getField(HttpHeader.CONTENT_LENGTH) == null
                && fields.getField(HttpHeader.TRANSFER_ENCODING) == null;
    }

    /**
     * Makes Jetty write chunks. Because of the close it would leave them out, and a response that fails midway would
     * look whole.
     */
    static void chunk(HttpFields.Mutable headers) {
        headers.put(CHUNKED);
    }

    /** The same response with other headers. */
    static MetaData.Response with(MetaData.Response response, HttpFields headers) {
        return new MetaData.Response(
                response.getStatus(),
                response.getReason(),
                response.getHttpVersion(),
                headers,
                response.getContentLength(),
                response.getTrailersSupplier());
    }
}
