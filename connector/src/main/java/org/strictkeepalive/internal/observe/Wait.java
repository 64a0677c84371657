package org.strictkeepalive.internal.observe;

/** Whom the exchange in progress on a connection waits for. */
public enum Wait {
    /** The application has demanded bytes of the request's body, and the client has not sent them. */
    CLIENT_BODY("clientBody"),
    /** A part of the response is written, and the client has not taken it. */
    CLIENT_READING("clientReading"),
    APPLICATION("application");

    private final String shown;

    Wait(String shown) {
        this.shown = shown;
    }

    /** The name that operators see. */
    @Override
    public String toString() {
        return shown;
    }
}
