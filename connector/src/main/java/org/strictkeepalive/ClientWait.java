package org.strictkeepalive;

/** How an exchange waits for its client: there only for those that do, so that it costs the others nothing. */
final class ClientWait {
    /** What has been offered to a client that doesn't take it. */
    enum Offer {
        NONE,
        FILLED,
        FULL,
        UNDER_WAY,
        MADE
    }

    volatile long demandSince;
    /** How long earlier demands had waited. */
    long waited;

    long writeSince;
    boolean writing;
    volatile Offer offer = Offer.NONE;
    /** The bytes of the exchange that had moved at the last verdict. */
    long judged;

    ClientWait(long now) {
        demandSince = now;
        writeSince = now;
    }

    void begin(long now, long moved) {
        judged = moved;
        waited = 0;
        demandSince = now;
        writeSince = now;
    }

    /** How long it has waited at this time. */
    long time(long now, boolean reading) {
        return Math.max(reading ? waited + (now - demandSince) : 0, writing ? now - writeSince : 0);
    }
}
