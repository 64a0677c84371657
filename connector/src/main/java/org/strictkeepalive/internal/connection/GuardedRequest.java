package org.strictkeepalive.internal.connection;

import org.eclipse.jetty.http.HostPortHttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpScheme;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Jetty;

/** A request of a governed connection as applications see it: as without the guard. */
public class GuardedRequest extends Request.Wrapper {
    /** Jetty 12.0 takes the scheme from the class of the endpoint, which is now a guard; later Jettys ask it. */
    private static final boolean MEND_SCHEME = Jetty.VERSION.startsWith("12.0.");

    private final ConnectionMetaData connection;

    private GuardedRequest(Request request, ConnectionMetaData connection) {
        super(request);
        this.connection = connection;
    }

    /**
     * Makes one.
     *
     * @param connection the connection as it is shown
     */
    public static GuardedRequest of(Request request, ConnectionMetaData connection) {
        HttpURI uri = MEND_SCHEME && connection.getConnection().getEndPoint().getSslSessionData() != null
                ? request.getHttpURI()
                : null;
        return uri == null || HttpScheme.HTTPS.is(uri.getScheme())
                ? new GuardedRequest(request, connection)
                : new Secure(request, connection, uri);
    }

    @Override
    public ConnectionMetaData getConnectionMetaData() {
        return connection;
    }

    /** Makes the failure of a slow client one that blocking reads pass on as it is, so that it is answered with 408. */
    @Override
    public Content.Chunk read() {
        Content.Chunk chunk = super.read();
        return Content.Chunk.isFailure(chunk) && chunk.getFailure() instanceof SlowClientException slow
                ? Content.Chunk.from(slow.forReaders(), chunk.isLast())
                : chunk;
    }

    /** A request over TLS whose scheme Jetty 12.0 didn't see. */
    private static final class Secure extends GuardedRequest {
        private final HttpURI uri;

        private Secure(Request request, ConnectionMetaData connection, HttpURI uri) {
            super(request, connection);
            this.uri = HttpURI.build(uri)
                    .scheme(HttpScheme.HTTPS)
                    .authority(uri.getHost(), port(request, uri))
                    .fragment(uri.getFragment())
                    .asImmutable();
        }

        /** The port as it was asked for: Jetty has left out the default port of the wrong scheme. */
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
