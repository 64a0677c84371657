package org.strictkeepalive.internal.observe;

/** What a governed connection speaks. */
public enum Protocol {
    HTTP_1("HTTP/1.1"),
    HTTP_2("HTTP/2"),
    /** Not known yet: the connection is in a phase before HTTP. */
    NONE("none");

    private final String shown;

    Protocol(String shown) {
        this.shown = shown;
    }

    /** The name that operators see. */
    @Override
    public String toString() {
        return shown;
    }
}
