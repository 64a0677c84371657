package org.strictkeepalive.internal.observe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.internal.policy.Peers;

/** What is counted of reuses and returns, and what is said about it. */
class AdviceTest {
    private static final long MS = 1_000_000L;
    private static final long SECOND = 1_000 * MS;

    // ---- The histogram

    @ParameterizedTest
    @CsvSource({"-5,0", "0,0", "1,1", "2,2", "3,2", "4,3", "1023,10", "1024,11", "9223372036854775807,23"})
    void aBucketGoesFromHalfItsBoundToItsBound(long millis, int bucket) {
        assertEquals(bucket, Histogram.bucket(millis));
        assertTrue(millis < Histogram.bound(bucket) || millis == Long.MAX_VALUE);
        assertTrue(bucket == 0 || millis >= Histogram.bound(bucket - 1));
    }

    @Test
    void reusesAreCountedInTheirBuckets() {
        Histogram histogram = new Histogram();
        histogram.add(1500);
        histogram.add(1600);
        histogram.add(Long.MAX_VALUE);
        assertEquals(2, histogram.counts()[11]);
        assertEquals(1, histogram.counts()[Histogram.BUCKETS - 1]);
    }

    // ---- The sentence

    private static long[] reuses(long within2s, long within32s) {
        long[] counts = new long[Histogram.BUCKETS];
        counts[11] = within2s;
        counts[15] = within32s;
        return counts;
    }

    @Test
    void whereReusesComeEarlyAShorterTimeoutLosesFewAndHoldsLess() {
        // Held: 990 * 1.5 s, 10 * 24.6 s and 100 * 30 s, that is 4766 s; with 2 s 1746 s.
        assertEquals(
                "Of 1000 reuses 99.0 % came within 2.0 s: keepAliveTimeout 2.0 s instead of 30 s would lose 1.0 % of"
                        + " them and hold 63.4 % fewer idle connections; 60 s would hold up to 62.9 % more and have"
                        + " kept at least 7 of 100 that it closed",
                Advice.of(reuses(990, 10), 100, 7, 30_000));
    }

    @Test
    void whereReusesComeLateNothingShorterIsSpokenOf() {
        String advice = Advice.of(reuses(500, 500), 0, 0, 30_000);
        assertEquals("Of 1000 reuses 100.0 % came within 32.8 s", advice);
    }

    @Test
    void withoutATimeoutOnlyTheLossIsKnown() {
        assertEquals(
                "Of 1000 reuses 99.5 % came within 2.0 s: keepAliveTimeout 2.0 s instead of none would lose 0.5 % of them",
                Advice.of(reuses(995, 5), 0, 0, Long.MAX_VALUE));
    }

    @Test
    void withFewReusesThereIsNoAdvice() {
        assertEquals("No advice on keepAliveTimeout yet: 99 reuses", Advice.of(reuses(99, 0), 5, 5, 30_000));
        assertTrue(Advice.of(reuses(100, 0), 5, 5, 30_000).startsWith("Of 100 reuses"));
    }

    // ---- Regret

    @Test
    void whoComesBackWithinASecondIsRegretted() {
        Regret regret = new Regret();
        long now = Long.MAX_VALUE - MS; // it wraps
        regret.onClosed("a", CloseReason.KEEP_ALIVE_TIMEOUT, now, now);
        regret.onClosed("b", CloseReason.EVICTED, now, now);
        regret.onOpened("c", now);
        regret.onOpened("a", now + SECOND);
        regret.onOpened("b", now + SECOND + 1);
        assertEquals(Map.of(CloseReason.KEEP_ALIVE_TIMEOUT, 1L), regret.byReason());
    }

    @Test
    void eachCloseIsRegrettedOnceAtMost() {
        Regret regret = new Regret();
        regret.onClosed("proxy", CloseReason.EVICTED, 0, 0);
        regret.onClosed("proxy", CloseReason.EVICTED, MS, MS);
        for (int i = 0; i < 5; i++) {
            regret.onOpened("proxy", 2 * MS);
        }
        assertEquals(Map.of(CloseReason.EVICTED, 2L), regret.byReason());
        regret.onClosed("proxy", CloseReason.EVICTED, 5 * SECOND, 5 * SECOND);
        regret.onOpened("proxy", 5 * SECOND);
        regret.onOpened("proxy", 5 * SECOND);
        assertEquals(Map.of(CloseReason.EVICTED, 3L), regret.byReason());
    }

    /** Many clients share that address, or one has many connections: it connects whatever was closed. */
    @Test
    void whoHasConnectedMeanwhileAnywayIsNotRegretted() {
        Regret regret = new Regret();
        regret.onOpened("shared", 0);
        regret.onOpened("shared", 2 * SECOND);
        regret.onClosed("shared", CloseReason.KEEP_ALIVE_TIMEOUT, SECOND, 30 * SECOND);
        regret.onOpened("shared", 30 * SECOND);
        assertEquals(Map.of(), regret.byReason());
        regret.onClosed("shared", CloseReason.KEEP_ALIVE_TIMEOUT, 31 * SECOND, 61 * SECOND);
        regret.onOpened("shared", 61 * SECOND);
        assertEquals(Map.of(CloseReason.KEEP_ALIVE_TIMEOUT, 1L), regret.byReason());
    }

    @Test
    void aDrainAStopAndStrangersAreNotRegretted() {
        Regret regret = new Regret();
        regret.onClosed("a", CloseReason.DRAIN, 0, 0);
        regret.onClosed("a", CloseReason.STOP, 0, 0);
        regret.onClosed(null, CloseReason.EVICTED, 0, 0);
        regret.onOpened("a", 1);
        regret.onOpened(null, 1);
        assertEquals(Map.of(), regret.byReason());
    }

    @Test
    void thePeersOfTheOldestClosesAreForgotten() {
        Regret regret = new Regret();
        for (int i = 0; i <= Regret.MOST_PEERS; i++) {
            regret.onClosed(i, CloseReason.EVICTED, i, i);
        }
        regret.onOpened(0, SECOND / 2);
        assertEquals(Map.of(), regret.byReason());
        regret.onOpened(1, SECOND / 2);
        assertEquals(Map.of(CloseReason.EVICTED, 1L), regret.byReason());
    }

    private static Object key(String address) throws UnknownHostException {
        return Peers.key(new InetSocketAddress(InetAddress.getByName(address), 1));
    }

    @Test
    void aPeerIsAnAddressAndOfIPv6ItsSubscriber() throws UnknownHostException {
        assertEquals(key("192.0.2.1"), key("192.0.2.1"));
        assertNotEquals(key("192.0.2.1"), key("192.0.2.2"));
        assertEquals(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assertEquals(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::7"));
        assertNotEquals(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assertNull(Peers.key(null));
        assertNull(Peers.key(UnixDomainSocketAddress.of("/tmp/s")));
        assertNull(Peers.key(InetSocketAddress.createUnresolved("nowhere", 1)));
    }
}
