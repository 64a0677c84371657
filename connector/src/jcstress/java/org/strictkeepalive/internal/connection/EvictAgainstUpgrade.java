package org.strictkeepalive.internal.connection;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/** An idle connection is evicted as it asks for an upgrade. */
@JCStressTest
@Description("executed, switched (101), says close, shut")
@Outcome(id = "0, 0, 0, 1", expect = Expect.ACCEPTABLE, desc = "Evicted before the request.")
@Outcome(id = "1, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "Upgraded, and left alone.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Executed without a switch, or switched and cut, or neither.")
@State
public class EvictAgainstUpgrade {
    private final RacingServer server = new RacingServer();
    private final MemoryClient client = server.connectAndGet();
    private final ConnectionGuard guard = client.guard();
    private final long since = guard.since();

    /** Its time passes. */
    public EvictAgainstUpgrade() {
        server.scheduler.now = RacingServer.seconds(2);
    }

    /** The timer. */
    @Actor
    public void evict() {
        guard.evict(since, server.scheduler.now);
    }

    /** The client. */
    @Actor
    public void upgrade() {
        client.addInput(RacingServer.UPGRADE);
    }

    /** What came of it. */
    @Arbiter
    public void judge(IIII_Result result) {
        result.r1 = client.executed;
        result.r2 = client.count("101 Switching");
        result.r3 = client.count("Connection: close");
        result.r4 = client.isShut() ? 1 : 0;
    }
}
