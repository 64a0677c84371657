package org.strictkeepalive;

import org.eclipse.jetty.http.HostPortHttpField;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpScheme;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;

/**
 * Runs once for each request whose headers arrived whole, before any handler. The {@link HttpConfiguration} may be
 * shared with other factories, so it acts on this connector's guards alone.
 */
final class GuardCustomizer implements HttpConfiguration.Customizer {
    /** Jetty 12.0 takes the scheme from the class of the endpoint, which is now a guard; later Jettys ask it. */
    private static final boolean MEND_SCHEME = org.eclipse.jetty.util.Jetty.VERSION.startsWith("12.0.");

    private final GovernedConnector connector;

    GuardCustomizer(GovernedConnector connector) {
        this.connector = connector;
    }

    @Override
    public Request customize(Request request, HttpFields.Mutable responseHeaders) {
        EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
        ConnectionGuard guard = ConnectionGuard.of(endPoint);
        if (guard == null || !guard.isOf(connector)) {
            return request;
        }
        if (!guard.onRequest(request)) {
            // The server has decided to close: the client gets no answer, so the request must not be executed.
            throw new HttpException.RuntimeException(HttpStatus.REQUEST_TIMEOUT_408);
        }
        Request result = MEND_SCHEME ? mendScheme(request, endPoint) : request;
        return guard.isBodyExpected() ? new GuardedBody(result) : result;
    }

    /** The port as it was asked for: Jetty has left out the default port of the wrong scheme. */
    private static int httpsPort(Request request, HttpURI uri) {
        int port = request.getHeaders().getField(HttpHeader.HOST) instanceof HostPortHttpField host
                ? host.getPort()
                : uri.getPort();
        return port == HttpScheme.HTTPS.getDefaultPort() || port == 0 ? -1 : port;
    }

    private static Request mendScheme(Request request, EndPoint endPoint) {
        HttpURI uri = request.getHttpURI();
        if (HttpScheme.HTTPS.is(uri.getScheme()) || endPoint.getSslSessionData() == null) {
            return request;
        }
        HttpURI mended = HttpURI.build(uri)
                .scheme(HttpScheme.HTTPS)
                .authority(uri.getHost(), httpsPort(request, uri))
                .fragment(uri.getFragment())
                .asImmutable();
        return new Request.Wrapper(request) {
            @Override
            public HttpURI getHttpURI() {
                return mended;
            }
        };
    }

    /** Makes the failure of a slow client one that blocking reads pass on as it is, so that it is answered with 408. */
    private static final class GuardedBody extends Request.Wrapper {
        private GuardedBody(Request request) {
            super(request);
        }

        @Override
        public Content.Chunk read() {
            Content.Chunk chunk = super.read();
            return Content.Chunk.isFailure(chunk) && chunk.getFailure() instanceof SlowClientException slow
                    ? Content.Chunk.from(slow.forReaders(), chunk.isLast())
                    : chunk;
        }
    }
}
