package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpStatus;
import org.strictkeepalive.CloseReason;

/**
 * Fails the pending read or write of a client that moves fewer bytes a second than {@code minDataRate}, or is the
 * slowest. Jetty answers with 408 if the response is not committed.
 */
final class SlowClientException extends TimeoutException implements HttpException {
    private static final long serialVersionUID = 1L;

    SlowClientException(CloseReason reason) {
        super(reason == CloseReason.SLOWEST ? "Slowest client" : "Client below minDataRate");
    }

    @Override
    public int getCode() {
        return HttpStatus.REQUEST_TIMEOUT_408;
    }

    @Override
    public String getReason() {
        return getMessage();
    }

    @Override
    public Throwable fillInStackTrace() {
        // The stack would only show the thread that ends connections.
        return this;
    }

    /**
     * Returns this failure as an {@link IOException} that carries the status 408. Jetty wraps any other checked
     * exception before a blocking reader gets it, and the status would be lost.
     */
    IOException forReaders() {
        return new SlowRead(this);
    }

    private static final class SlowRead extends IOException implements HttpException {
        private static final long serialVersionUID = 1L;

        private SlowRead(SlowClientException cause) {
            super(cause.getMessage(), cause);
        }

        @Override
        public int getCode() {
            return HttpStatus.REQUEST_TIMEOUT_408;
        }

        @Override
        public String getReason() {
            return getMessage();
        }
    }
}
