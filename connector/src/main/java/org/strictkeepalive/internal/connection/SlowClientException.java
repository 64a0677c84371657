package org.strictkeepalive.internal.connection;

import java.io.IOException;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpStatus;

/** The client moves fewer bytes than {@code minDataRate}: fails the pending read or write, and is answered with 408. */
final class SlowClientException extends TimeoutException implements HttpException {
    private static final long serialVersionUID = 1L;

    SlowClientException() {
        super("Client below minDataRate");
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
        // The stack would be the timer's.
        return this;
    }

    /**
     * The same as an {@link IOException}: any other checked exception would reach a blocking reader wrapped in one, and
     * the wrapping knows no status.
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
