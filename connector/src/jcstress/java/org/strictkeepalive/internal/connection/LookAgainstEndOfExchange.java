package org.strictkeepalive.internal.connection;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/** The timer looks at an exchange while it ends, on two threads at once. */
@JCStressTest
@Description("times that it ended, looked, saw it in progress while looking, state")
@Outcome(id = "1, 0, 0, 0", expect = Expect.ACCEPTABLE, desc = "It had ended before.")
@Outcome(id = "1, 1, 1, 0", expect = Expect.ACCEPTABLE, desc = "It ended behind the look.")
@Outcome(expect = Expect.FORBIDDEN, desc = "It ended twice, or not at all, or during the look.")
@State
public class LookAgainstEndOfExchange {
    private final BareLife life = new BareLife();
    private final int seen;
    private final int number;
    private volatile boolean over;
    private int looked;
    private int inProgress;
    private int first;
    private int second;

    /** An exchange is in progress. */
    public LookAgainstEndOfExchange() {
        life.headersComplete(life.seen());
        seen = life.seen();
        number = life.exchange();
    }

    /** The timer. */
    @Actor
    public void look() {
        if (life.beginLook(seen)) {
            looked = 1;
            inProgress = over ? 0 : 1;
            life.endLook(seen);
        }
    }

    /** The application. */
    @Actor
    public void end() {
        if (life.exchangeOver(number)) {
            over = true;
            first = 1;
        }
    }

    /** The application once more. */
    @Actor
    public void endAgain() {
        if (life.exchangeOver(number)) {
            over = true;
            second = 1;
        }
    }

    /** What came of it. */
    @Arbiter
    public void judge(IIII_Result result) {
        result.r1 = first + second;
        result.r2 = looked;
        result.r3 = inProgress;
        result.r4 = ConnectionLife.state(life.seen());
    }
}
