package org.strictkeepalive.internal.connection;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** The timer claims a connection as bytes wake it up, and as its next wait begins. */
@JCStressTest
@Description("claimed, woken up, state")
@Outcome(id = "1, 0, 3", expect = Expect.ACCEPTABLE, desc = "The policy has it.")
@Outcome(id = "0, 1, 1", expect = Expect.ACCEPTABLE, desc = "It waits again, and the old claim has failed.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Both have it, or nobody, or the claim took the next wait.")
@State
public class ClaimAgainstBytes {
    private final BareLife life = new BareLife();
    private final int seen;
    private int claimed;
    private int woken;

    /** It waits. */
    public ClaimAgainstBytes() {
        life.waits();
        seen = life.seen();
    }

    /** The timer. */
    @Actor
    public void claim() {
        claimed = life.claim(seen, ConnectionLife.OWNED) ? 1 : 0;
    }

    /** The selector, and Jetty's connection behind it. */
    @Actor
    public void wake() {
        if (life.bytesCame()) {
            woken = 1;
            life.waits();
        }
    }

    /** What came of it. */
    @Arbiter
    public void judge(III_Result result) {
        result.r1 = claimed;
        result.r2 = woken;
        result.r3 = ConnectionLife.state(life.seen());
    }
}
