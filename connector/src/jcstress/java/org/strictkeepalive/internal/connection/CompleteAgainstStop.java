package org.strictkeepalive.internal.connection;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.strictkeepalive.KeepAliveStatistics;

/** The application completes an exchange as the server stops. */
@JCStressTest
@Description("answered, open, closed")
@Outcome(id = "0, 0, 1", expect = Expect.ACCEPTABLE, desc = "Stopped before the answer.")
@Outcome(id = "1, 0, 1", expect = Expect.ACCEPTABLE, desc = "Answered before the stop.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Left open, or counted twice or not at all.")
@State
public class CompleteAgainstStop {
    private final RacingServer server = new RacingServer();
    private final MemoryClient client = server.connect(RacingServer.HOLD);

    /** The application. */
    @Actor
    public void complete() {
        client.exchange.run();
    }

    /** The operator. */
    @Actor
    public void stop() {
        server.stop();
    }

    /** What came of it. */
    @Arbiter
    public void judge(III_Result result) {
        KeepAliveStatistics statistics = server.monitor.getStatistics();
        result.r1 = client.count("200 OK");
        result.r2 = (client.isOpen() ? 1 : 0) + (int) statistics.getOpen() + server.monitor.getOpenConnections();
        result.r3 = (int) statistics.getClosed();
    }
}
