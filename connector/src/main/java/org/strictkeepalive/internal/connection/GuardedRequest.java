package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.http.HostPortHttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpScheme;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Jetty;

/** A request of a governed connection. Applications see it as they would without the guard. */
public class GuardedRequest extends ExchangeRequest {
    /**
     * Jetty 12.0 derives the scheme from the class of the endpoint, which is now a guard. Later versions ask the
     * endpoint.
     */
    private static final boolean MEND_SCHEME = Jetty.VERSION.startsWith("12.0.");

    private final GuardedExchange guard;

    private GuardedRequest(Request request, HttpFields responseHeaders, GuardedExchange guard) {
        super(request, responseHeaders);
        this.guard = guard;
    }

    /**
     * Wraps a request.
     *
     * @param responseHeaders the headers of its response, which may not be there yet
     * @param guard the guard of its connection
     */
    public static GuardedRequest of(Request request, HttpFields responseHeaders, GuardedExchange guard) {
        HttpURI uri = MEND_SCHEME && guard.getSslSessionData() != null ? request.getHttpURI() : null;
        return uri == null || HttpScheme.HTTPS.is(uri.getScheme())
                ? new GuardedRequest(request, responseHeaders, guard)
                : new Secure(request, responseHeaders, guard, uri);
    }

    @Override
    public ConnectionMetaData getConnectionMetaData() {
        return guard.view();
    }

    /**
     * Turns the failure of a slow client into one that blocking reads throw as it is, so that Jetty answers with 408.
     */
    @Override
    public Content.Chunk read() {
        Content.Chunk chunk = super.read();
        return Content.Chunk.isFailure(chunk) && chunk.getFailure() instanceof SlowClientException slow
                ? Content.Chunk.from(slow.forReaders(), chunk.isLast())
                : chunk;
    }

    /** A request over TLS to which Jetty 12.0 has given the wrong scheme. */
    private static final class Secure extends GuardedRequest {
        private final HttpURI uri;

        private Secure(Request request, HttpFields responseHeaders, GuardedExchange guard, HttpURI uri) {
            super(request, responseHeaders, guard);
            this.uri = HttpURI.build(uri)
                    .scheme(HttpScheme.HTTPS)
                    .authority(uri.getHost(), port(request, uri))
                    .fragment(uri.getFragment())
                    .asImmutable();
        }

        /**
         * The port that the client asked for, -1 for the default. Jetty has removed the default port of the wrong
         * scheme.
         */
        private static int port(Request request, HttpURI uri) {
            int port = request.getHeaders().getField(HttpHeader.HOST) instanceof HostPortHttpField host
                    ? host.getPort()
                    : uri.getPort();
            return port == HttpScheme.HTTPS.getDefaultPort() || port == 0 ? -1 : port;
        }

        @Override
        public HttpURI getHttpURI() {
            return uri;
        }
    }
}
