package org.strictkeepalive.internal.jetty;

import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.connection.GuardedRequest;

/**
 * Jetty runs this once for each request whose headers are complete, before any handler. Other factories may share the
 * {@link HttpConfiguration}, so it acts only on guards of its own connector.
 */
final class GuardCustomizer implements HttpConfiguration.Customizer {
    private final Governor governor;

    GuardCustomizer(Governor governor) {
        this.governor = governor;
    }

    @Override
    public Request customize(Request request, HttpFields.Mutable responseHeaders) {
        Connection connection = request.getConnectionMetaData().getConnection();
        ConnectionGuard guard = ConnectionGuard.of(connection.getEndPoint());
        if (guard == null || !guard.isOf(governor) || !guard.isGuardOf(connection)) {
            return request;
        }
        GuardedRequest guarded = GuardedRequest.of(request, responseHeaders, guard);
        if (!guard.accept(guarded)) {
            // The server has decided to close: the client gets no answer, so the request must not be executed.
            throw new HttpException.RuntimeException(HttpStatus.REQUEST_TIMEOUT_408);
        }
        if (guard.isRefused()) {
            throw new HttpException.RuntimeException(HttpStatus.SERVICE_UNAVAILABLE_503);
        }
        return guarded;
    }
}
