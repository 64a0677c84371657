package org.strictkeepalive.internal.http2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Decisions;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.testkit.VirtualGovernor;

/** When the time of an HTTP/2 connection is over, in virtual time. */
class Http2DeadlinesTest {
    private static final long SECOND = 1_000_000_000L;

    private final VirtualGovernor governor = new VirtualGovernor(Long.MAX_VALUE - 5 * SECOND); // nanoTime may wrap
    private final BareHttp2 connection = new BareHttp2(governor);

    private void policy(UnaryOperator<KeepAlivePolicy.Builder> settings) {
        governor.decisions =
                new Decisions(settings.apply(KeepAlivePolicy.builder()).build());
    }

    private boolean begin() {
        connection.streams++;
        connection.opened++;
        return connection.onRequest(governor.now);
    }

    private void end() {
        connection.streams--;
        connection.ended++;
        connection.onExchangeOver(false);
    }

    private void exchange() {
        assertTrue(begin());
        end();
    }

    private long lookAfter(long nanos) {
        governor.now += nanos;
        return connection.look(new Tick(governor.now, governor.pressure)) - governor.now;
    }

    @Test
    void withoutAStreamItGoesAtTheFirstRequestTimeout() {
        policy(p -> p.firstRequestTimeout(Duration.ofSeconds(3)));
        assertEquals(SECOND, lookAfter(2 * SECOND));
        assertEquals(List.of(), connection.done);
        lookAfter(SECOND);
        assertEquals(List.of(Http2Deadlines.GOAWAY), connection.done);
        assertEquals(CloseReason.FIRST_REQUEST_TIMEOUT, connection.closing());
        assertEquals(CloseReason.FIRST_REQUEST_TIMEOUT, connection.told);
        assertFalse(begin(), "what a GOAWAY refuses is not executed");
    }

    @Test
    void idleTimeCountsFromTheEndOfTheLastStream() {
        policy(p -> p.keepAliveTimeout(Duration.ofSeconds(4)).lingerTimeout(Duration.ofSeconds(2)));
        begin();
        governor.now += 10 * SECOND;
        end();
        assertEquals(ConnectionState.IDLE, connection.state());
        assertEquals(SECOND, lookAfter(3 * SECOND));
        assertEquals(Http2Deadlines.SHORT_RELOOK, lookAfter(SECOND));
        assertEquals(CloseReason.KEEP_ALIVE_TIMEOUT, connection.closing());
        assertEquals(ConnectionState.LINGERING, connection.state());
        assertEquals(SECOND, lookAfter(SECOND));
        lookAfter(SECOND);
        assertEquals(List.of(Http2Deadlines.GOAWAY, Http2Deadlines.CLOSE), connection.done);
    }

    @Test
    void lingerCountsFromTheGoAwayOrTheEndOfTheLastStream() {
        policy(p -> p.keepAliveTimeout(Duration.ofSeconds(4)).lingerTimeout(Duration.ofSeconds(2)));
        governor.now += SECOND;
        exchange();
        lookAfter(4 * SECOND);
        assertEquals(governor.now, connection.since());
        assertEquals(governor.now - 4 * SECOND, connection.idleSince());
        BareHttp2 busy = new BareHttp2(governor);
        busy.streams++;
        busy.opened++;
        assertTrue(busy.onRequest(governor.now));
        busy.sessionClosed = true;
        governor.now += SECOND;
        busy.look(new Tick(governor.now, governor.pressure));
        assertEquals(governor.now, busy.since());
        governor.now += SECOND;
        busy.streams--;
        busy.ended++;
        busy.onExchangeOver(false);
        assertEquals(governor.now, busy.since());
    }

    @Test
    void streamThatIsOpenKeepsItsConnectionEvenBeforeItsRequestIsThere() {
        policy(p -> p.keepAliveTimeout(Duration.ofSeconds(1)));
        exchange();
        connection.streams++;
        lookAfter(100 * SECOND);
        assertEquals(List.of(), connection.done);
        assertEquals(ConnectionState.BUSY, connection.state());
        assertFalse(connection.evict(connection.since(), governor.now));
    }

    @Test
    void streamThatComesAtTheLastMomentTakesItBack() {
        exchange();
        BareHttp2 late = new BareHttp2(governor) {
            @Override
            public void act(int what) {
                streams++;
                super.act(what);
            }
        };
        late.opened = 1;
        assertTrue(late.evict(late.since(), governor.now));
        assertEquals(List.of(), late.done);
        assertEquals(Http2Life.OPEN, late.life());
        assertTrue(late.onRequest(governor.now));
    }

    @Test
    void firstRequestThatTheServerHasNotReadYetIsWaitedFor() {
        policy(p -> p.firstRequestTimeout(Duration.ofSeconds(3)));
        connection.unread = true;
        assertTrue(connection.isComing(governor.now + 2 * SECOND));
        connection.evict(connection.since(), governor.now);
        lookAfter(3 * SECOND);
        assertEquals(List.of(), connection.done);
        assertEquals(Http2Life.OPEN, connection.life());
        lookAfter(7 * SECOND);
        assertFalse(connection.isComing(governor.now));
        assertEquals(List.of(Http2Deadlines.GOAWAY), connection.done);
    }

    @Test
    void requestThatTheServerHasNotReadYetIsSparedOnce() {
        exchange();
        connection.unread = true;
        assertFalse(connection.isComing(governor.now));
        assertTrue(connection.evict(connection.since(), governor.now));
        assertEquals(List.of(), connection.done);
        assertEquals(Http2Life.OPEN, connection.life());
        exchange();
        assertTrue(connection.evict(connection.since(), governor.now));
        assertEquals(List.of(), connection.done);
    }

    @Test
    void whoSendsOtherThanRequestsIsNotSparedAgain() {
        exchange();
        connection.unread = true;
        assertTrue(connection.evict(connection.since(), governor.now));
        assertTrue(connection.evict(connection.since(), governor.now));
        assertEquals(List.of(Http2Deadlines.GOAWAY), connection.done);
    }

    @Test
    void evictionHoldsForTheWaitThatWasSeen() {
        exchange();
        long since = connection.since();
        governor.now += SECOND;
        exchange();
        assertFalse(connection.evict(since, governor.now));
        assertTrue(connection.evict(connection.since(), governor.now));
        assertEquals(CloseReason.EVICTED, connection.closing());
    }

    @Test
    void inUseItIsToldFirstWhenNothingIsInProgress() {
        policy(p -> p.maxRequestsPerConnection(2));
        exchange();
        begin();
        assertEquals(CloseReason.MAX_REQUESTS, connection.closing());
        assertEquals(List.of(), connection.done);
        end();
        assertEquals(List.of(Http2Deadlines.ANNOUNCE), connection.done);
        assertTrue(begin(), "within a round trip requests come");
        end();
        assertEquals(SECOND / 2, lookAfter(SECOND / 2));
        lookAfter(SECOND / 2);
        assertEquals(List.of(Http2Deadlines.ANNOUNCE, Http2Deadlines.GOAWAY), connection.done);
        assertEquals(CloseReason.MAX_REQUESTS, connection.closing());
    }

    @Test
    void alwaysInUseItIsToldAndRefusesAllTheSame() {
        policy(p -> p.maxConnectionAge(Duration.ofSeconds(10)).maxConnectionAgeJitter(0));
        begin();
        governor.now += 10 * SECOND;
        begin();
        end();
        assertEquals(CloseReason.MAX_AGE, connection.closing());
        lookAfter(SECOND / 2);
        assertEquals(List.of(), connection.done);
        lookAfter(SECOND / 2);
        assertEquals(List.of(Http2Deadlines.ANNOUNCE), connection.done);
        assertTrue(begin());
        lookAfter(SECOND);
        assertEquals(List.of(Http2Deadlines.ANNOUNCE, Http2Deadlines.GOAWAY_BUSY), connection.done);
        assertFalse(begin());
        connection.streams--;
        lookAfter(100 * SECOND);
        assertEquals(2, connection.done.size(), "what is in progress finishes");
        end();
        end();
        lookAfter(2 * SECOND);
        assertEquals(Http2Deadlines.CLOSE, connection.done.get(2));
    }

    @Test
    void requestThatWaitedForAThreadWhileTheGoAwayWasSentIsExecuted() {
        policy(p -> p.maxRequestsPerConnection(1));
        begin();
        end();
        connection.streams += 2;
        connection.opened += 2;
        connection.lastStream = 5;
        assertFalse(connection.beginsLate(3), "it is not closed");
        lookAfter(SECOND);
        assertEquals(List.of(Http2Deadlines.ANNOUNCE, Http2Deadlines.GOAWAY_BUSY), connection.done);
        assertFalse(connection.onRequest(governor.now));
        assertFalse(connection.beginsLate(7));
        assertTrue(connection.beginsLate(3));
        assertTrue(connection.beginsLate(5));
        assertEquals(2, connection.exchanges());
        end();
        end();
        lookAfter(2 * SECOND);
        assertEquals(Http2Deadlines.CLOSE, connection.done.get(2));
    }

    @Test
    void goAwayThatNoThreadCouldSendIsAskedForAgain() {
        policy(p -> p.maxRequestsPerConnection(1));
        begin();
        lookAfter(SECOND);
        lookAfter(SECOND);
        connection.sessionClosed = false;
        assertEquals(Http2Deadlines.SHORT_RELOOK, lookAfter(SECOND));
        assertEquals(
                List.of(Http2Deadlines.ANNOUNCE, Http2Deadlines.GOAWAY_BUSY, Http2Deadlines.GOAWAY_BUSY),
                connection.done);
        lookAfter(SECOND);
        assertEquals(3, connection.done.size());
    }

    @Test
    void drainTellsItAndAStopLeavesItToJetty() {
        governor.farewell = CloseReason.STOP;
        exchange();
        assertEquals(List.of(), connection.done);
        governor.farewell = CloseReason.DRAIN;
        exchange();
        assertEquals(List.of(Http2Deadlines.ANNOUNCE), connection.done);
        assertEquals(CloseReason.DRAIN, connection.closing());
    }

    @Test
    void sessionThatOthersHaveClosedLingersOnlyWithoutAStream() {
        begin();
        connection.sessionClosed = true;
        lookAfter(100 * SECOND);
        assertEquals(List.of(), connection.done);
        end();
        assertEquals(ConnectionState.LINGERING, connection.state());
        lookAfter(2 * SECOND);
        assertEquals(List.of(Http2Deadlines.CLOSE), connection.done);
    }

    @Test
    void atAStopOnlyAClientThatStillSendsIsWaitedFor() {
        exchange();
        connection.sessionClosed = true;
        governor.shutdown = true;
        assertEquals(SECOND * 15 / 100, lookAfter(SECOND));
        connection.moreComes = true;
        lookAfter(SECOND);
        connection.moreComes = false;
        assertTrue(lookAfter(SECOND / 2) > 0);
        assertEquals(List.of(), connection.done);
        BareHttp2 silent = new BareHttp2(governor);
        silent.sessionClosed = true;
        silent.look(new Tick(governor.now, governor.pressure));
        silent.look(new Tick(governor.now + SECOND * 15 / 100, governor.pressure));
        assertEquals(List.of(Http2Deadlines.CLOSE), silent.done);
    }

    @Test
    void connectionAllOfWhoseStreamsWaitForTheClientIsEndedUnderPressure() {
        begin();
        begin();
        connection.waits();
        lookAfter(0);
        governor.pressure = new Pressure(PressureLevel.ELEVATED, 0.7, 0, 0, 0, 0, 0, 0, 0, null);
        lookAfter(60 * SECOND);
        assertEquals(List.of(), connection.done, "one is the application's");
        connection.waits();
        lookAfter(0);
        connection.moved += 240 * 6;
        lookAfter(6 * SECOND);
        assertEquals(List.of(), connection.done, "fast enough");
        connection.moved += 239 * 6;
        lookAfter(6 * SECOND);
        assertEquals(List.of(Http2Deadlines.CALM), connection.done);
        assertEquals(CloseReason.DATA_RATE, connection.closing());
        assertFalse(begin());
        lookAfter(2 * SECOND);
        assertEquals(List.of(Http2Deadlines.CALM, Http2Deadlines.CLOSE), connection.done, "whatever hangs");
    }

    @Test
    void closeThatJettyDoesNotReportIsCounted() {
        connection.open = false;
        lookAfter(SECOND);
        assertFalse(connection.counted);
        lookAfter(SECOND);
        assertTrue(connection.counted);
    }

    @Test
    void serverSentEventsAreNotEndedForWhatTheirClientDoesNotTake() {
        begin();
        connection.waits();
        connection.eventStreamBegins();
        governor.pressure = new Pressure(PressureLevel.CRITICAL, 1, 0, 0, 0, 0, 0, 0, 0, null);
        lookAfter(0);
        lookAfter(60 * SECOND);
        assertEquals(List.of(), connection.done);
        connection.eventStreamEnds();
        lookAfter(0);
        lookAfter(60 * SECOND);
        assertEquals(List.of(Http2Deadlines.CALM), connection.done);
    }
}
