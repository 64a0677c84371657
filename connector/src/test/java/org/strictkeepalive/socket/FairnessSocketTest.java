package org.strictkeepalive.socket;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.KeepAliveListener;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.testkit.Paced;
import org.strictkeepalive.testkit.RawClient;
import org.strictkeepalive.testkit.TestServer;
import org.strictkeepalive.testkit.Transport;

/** One address that takes what it can get, on real sockets. */
class FairnessSocketTest {
    /** From 127.0.1.number. */
    private static RawClient connect(TestServer server, int number) throws IOException {
        Socket socket = new Socket();
        socket.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 1, (byte) number}), 0));
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()), 60_000);
        socket.setSoTimeout(60_000);
        return new RawClient(socket);
    }

    /** Polite clients that ask every two seconds, beside one address that takes what it can get and keeps it. */
    private static int politeConnectionsLost(double fairShare) throws Exception {
        int room = 100;
        int lost = 0;
        List<RawClient> all = new ArrayList<>();
        try (TestServer server = TestServer.strict(
                Transport.CLEAR,
                p -> p.maxConnections(room)
                        .keepAliveTimeout(Duration.ofMinutes(10))
                        .firstRequestTimeout(Duration.ofMinutes(1))
                        .fairShare(fairShare))) {
            Set<PressureLevel> levels = ConcurrentHashMap.newKeySet();
            server.monitor().addListener(new KeepAliveListener() {
                @Override
                public void onPressureChanged(PressureLevel from, PressureLevel to, double usage) {
                    levels.add(to);
                }
            });
            List<RawClient> polite = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                RawClient client = connect(server, 1 + i);
                all.add(client);
                polite.add(client);
                client.get();
                client.get();
            }
            for (int round = 0; round < 3; round++) {
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
                for (int i = 0; i < 60 || System.nanoTime() - end < 0; i++) {
                    RawClient attacker = connect(server, 100);
                    all.add(attacker);
                    attacker.send(RawClient.GET + RawClient.GET);
                    TimeUnit.MILLISECONDS.sleep(20);
                }
                for (int i = 0; i < polite.size(); i++) {
                    RawClient client = polite.get(i);
                    try {
                        RawClient.Answer answer = client.get();
                        if (answer.saysClose()) {
                            throw new IOException("told to close");
                        }
                    } catch (IOException x) {
                        lost++;
                        RawClient again = connect(server, 1 + i);
                        all.add(again);
                        polite.set(i, again);
                        again.get();
                    }
                }
            }
            await().until(() -> levels.contains(PressureLevel.HIGH));
        } finally {
            for (RawClient client : all) {
                client.close();
            }
        }
        return lost;
    }

    /**
     * What has answered within the last second is not evicted, so the attacker's connections of a second, 50, have to be
     * far fewer than the room.
     */
    @Test
    @Paced(stallMs = 200)
    void aStormFromOneAddressCostsTheClientsOfOthersNothing() throws Exception {
        int lost = 0;
        for (int i = 0; i < 5 && lost == 0; i++) {
            lost = politeConnectionsLost(0);
        }
        assertTrue(lost > 0, "without it, it does");
        // A polite client that a busy machine keeps from asking in time looks like any other: a few tries.
        int spared = politeConnectionsLost(0.25);
        for (int i = 0; i < 3 && spared > 0; i++) {
            spared = politeConnectionsLost(0.25);
        }
        assertEquals(0, spared);
    }

    /** What a client of another address gets to hear while one address holds more than its share. */
    private static boolean isToldToClose(double fairShare, boolean reused) throws Exception {
        List<RawClient> all = new ArrayList<>();
        double[] share = {0};
        try (TestServer server = TestServer.strict(
                Transport.CLEAR, p -> p.keepAliveTimeout(Duration.ofMinutes(10)).fairShare(fairShare))) {
            server.monitor().addPressureSource(() -> share[0]);
            for (int i = 0; i < 20; i++) {
                RawClient greedy = connect(server, 100);
                all.add(greedy);
                greedy.get();
                greedy.get();
            }
            RawClient other = connect(server, 1);
            all.add(other);
            if (reused) {
                other.get();
                other.get();
            }
            share[0] = 0.85;
            server.awaitLevel(PressureLevel.HIGH);
            for (int i = 0; i < 10; i++) { // The timer has to look first.
                TimeUnit.MILLISECONDS.sleep(100);
                if (other.get().saysClose()) {
                    return true;
                }
            }
            return false;
        } catch (IOException evicted) {
            return true;
        } finally {
            for (RawClient client : all) {
                client.close();
            }
        }
    }

    /** Else whoever has many addresses would buy, with one more that is greedy, that those don't have to close. */
    @Test
    void oneGreedyAddressSparesOthersWhatTheyHaveAndNotThatNewcomersGo() throws Exception {
        assertTrue(isToldToClose(0, true), "without a fair share it has to go");
        assertFalse(isToldToClose(0.25, true));
        assertTrue(isToldToClose(0.25, false), "a newcomer goes all the same");
    }
}
