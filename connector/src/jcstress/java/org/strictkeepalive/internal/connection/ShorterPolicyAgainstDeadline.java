package org.strictkeepalive.internal.connection;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.strictkeepalive.Inside;

/** A shorter timeout is set as the timer looks. */
@JCStressTest
@Description("shut at first, shut later, closed")
@Outcome(id = "0, 1, 1", expect = Expect.ACCEPTABLE, desc = "Seen at the next tick.")
@Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "Seen at once.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Neither timeout rules, or counted twice or not at all.")
@State
public class ShorterPolicyAgainstDeadline {
    private final RacingServer server = new RacingServer();
    private final MemoryClient client = server.connectAndGet();

    /** Moves the clock without a tick. */
    public ShorterPolicyAgainstDeadline() {
        server.scheduler.now = RacingServer.seconds(5);
    }

    /** The operator. */
    @Actor
    public void swap() {
        server.factory.setPolicy(RacingServer.keepAlive(1));
    }

    /** The timer. */
    @Actor
    public void tick() {
        Inside.governor(server.monitor).tick(server.scheduler.now);
    }

    /** What came of it. */
    @Arbiter
    public void judge(III_Result result) {
        result.r1 = client.isShut() ? 1 : 0;
        server.scheduler.now = RacingServer.seconds(6);
        Inside.governor(server.monitor).tick(server.scheduler.now);
        result.r2 = client.isShut() ? 1 : 0;
        server.scheduler.now += RacingServer.seconds(10);
        Inside.governor(server.monitor).tick(server.scheduler.now);
        result.r3 = (int) server.monitor.getStatistics().getClosed();
    }
}
