package org.strictkeepalive.internal.http2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Who may act on an HTTP/2 connection. */
class Http2LifeTest {
    private final BareHttp2 life = new BareHttp2(0);

    @Test
    void requestTakesAClaimedConnectionBack() {
        assertTrue(life.claim());
        assertFalse(life.claim(), "only one may claim it");
        assertEquals(1, life.begins());
        assertEquals(Http2Life.OPEN, life.life());
        assertFalse(life.closes());
        assertTrue(life.ends(false));
        assertTrue(life.claim());
        assertTrue(life.closes());
        assertEquals(Http2Life.CLOSED, life.life());
    }

    @Test
    void noRequestIsExecutedOnceItIsClosed() {
        assertEquals(1, life.begins());
        assertTrue(life.closesBusy(0));
        assertFalse(life.closesBusy(0));
        assertEquals(0, life.begins());
        assertEquals(1, life.exchanges());
        assertTrue(life.ends(false));
        assertFalse(life.claim());
    }

    @Test
    void connectionThatWasGivenBackCanBeClaimedAgain() {
        assertTrue(life.claim());
        life.giveBack();
        assertFalse(life.closes());
        assertTrue(life.claim());
        assertTrue(life.closesBusy(0));
    }

    @Test
    void itWaitsWhileAllExchangesDo() {
        assertFalse(life.isAllWaiting());
        life.begins();
        life.begins();
        life.waits();
        assertFalse(life.isAllWaiting());
        life.waits();
        assertTrue(life.isAllWaiting());
        life.goesOn();
        assertFalse(life.isAllWaiting());
        assertFalse(life.ends(false));
        assertTrue(life.isAllWaiting());
        assertTrue(life.ends(true));
        assertFalse(life.isAllWaiting());
        assertEquals(0, life.exchanges());
    }
}
