package org.strictkeepalive.internal.connection;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.Tick;

/** The headers of a further request reach their deadline as their end arrives. */
@JCStressTest
@Description("executed, answered, timed out (408), shut")
@Outcome(id = "0, 0, 1, 1", expect = Expect.ACCEPTABLE, desc = "The deadline came before the end.")
@Outcome(id = "1, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "The request came in time.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Executed without an answer, or answered and cut, or neither.")
@State
public class TimeoutAgainstRestOfRequest {
    private final RacingServer server = new RacingServer();
    private final MemoryClient client = server.connectAndGet();
    private final ConnectionGuard guard = client.guard();

    /** A request is begun, and its time passes. */
    public TimeoutAgainstRestOfRequest() {
        client.addInput(RacingServer.GET.substring(0, 9));
        server.scheduler.now = RacingServer.seconds(11);
    }

    /** The timer. */
    @Actor
    public void close() {
        guard.look(new Tick(server.scheduler.now, Pressure.NONE));
    }

    /** The client. */
    @Actor
    public void request() {
        client.addInput(RacingServer.GET.substring(9));
    }

    /** What came of it. */
    @Arbiter
    public void judge(IIII_Result result) {
        result.r1 = client.executed;
        result.r2 = client.count("200 OK");
        result.r3 = client.count("408 Request Timeout");
        result.r4 = client.isShut() ? 1 : 0;
    }
}
