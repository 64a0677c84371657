package org.strictkeepalive.internal.jetty;

import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.strictkeepalive.internal.connection.ConnectionGuard;
import org.strictkeepalive.internal.connection.Governor;
import org.strictkeepalive.internal.connection.GuardedRequest;

/**
 * Runs once for each request whose headers arrived whole, before any handler. The {@link HttpConfiguration} may be
 * shared with other factories, so it acts on this connector's guards alone.
 */
final class GuardCustomizer implements HttpConfiguration.Customizer {
    private final Governor governor;

    GuardCustomizer(Governor governor) {
        this.governor = governor;
    }

    @Override
    public Request customize(Request request, HttpFields.Mutable responseHeaders) {
        ConnectionGuard guard = ConnectionGuard.of(
                request.getConnectionMetaData().getConnection().getEndPoint());
        if (guard == null || !guard.isOf(governor)) {
            return request;
        }
        if (!guard.accept(request)) {
            // The server has decided to close: the client gets no answer, so the request must not be executed.
            throw new HttpException.RuntimeException(HttpStatus.REQUEST_TIMEOUT_408);
        }
        return GuardedRequest.of(request, guard.view());
    }
}
