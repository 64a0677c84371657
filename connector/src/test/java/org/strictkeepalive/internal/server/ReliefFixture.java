package org.strictkeepalive.internal.server;

import java.util.ArrayList;
import java.util.List;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.internal.observe.Failures;
import org.strictkeepalive.internal.policy.Pressure;
import org.strictkeepalive.internal.policy.PressureGauge;
import org.strictkeepalive.internal.policy.Tick;
import org.strictkeepalive.internal.policy.Verdict;
import org.strictkeepalive.internal.time.DeadlineWheel;
import org.strictkeepalive.internal.time.Slice;
import org.strictkeepalive.internal.time.TaskThread;
import org.strictkeepalive.testkit.FakeConnection;
import org.strictkeepalive.testkit.FakeProbe;

/** Relief in virtual time. */
abstract class ReliefFixture {
    static final long MS = 1_000_000L;
    static final long SECOND = 1_000 * MS;
    static final long SLICE = 200_000;

    long now = 1_000 * SECOND;
    /** What the slices are measured by, and how long a close takes. */
    long time;

    long closeTakes;
    final KeepAlivePolicy policy = KeepAlivePolicy.defaults();
    PressureGauge gauge = new PressureGauge(policy);
    final DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(now);
    final List<FakeConnection> all = new ArrayList<>();
    final Failures failures = new Failures();
    final PressureMeter meter = new PressureMeter(
            new DescriptorCounter(new FakeProbe(), now),
            new ConnectionCount(),
            new Connectors(),
            new PressureSources(false, failures),
            failures);
    final Slice slice = new Slice(() -> time, new TaskThread("closer", false, failures.of("close")));
    final Relief relief = new Relief(wheel, new Ungoverned(), new Looks(wheel, meter, failures, slice, now), slice);

    List<FakeConnection> open(int count, ConnectionState state, boolean reused, long idleMillis) {
        List<FakeConnection> opened = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            FakeConnection connection = new FakeConnection(state + "" + i, state, reused, now - (idleMillis + i) * MS) {
                @Override
                public boolean evict(long asOf, long at) {
                    time += closeTakes;
                    return super.evict(asOf, at);
                }
            };
            wheel.add(connection, now + 60 * SECOND);
            opened.add(connection);
        }
        all.addAll(opened);
        return opened;
    }

    /** A step with so many of a hundredth of the room held; returns how many connections it looked at. */
    int step(PressureLevel level, double share) {
        int before = all.stream().mapToInt(connection -> connection.looks).sum();
        slice.begin(SLICE);
        verdict = relief.step(
                new Tick(now, new Pressure(level, share, 1, used, 1000, 16, wheel.size(), 0, accepted, Verdict.NONE)),
                gauge,
                visitors);
        now += 10 * MS;
        return all.stream().mapToInt(connection -> connection.looks).sum() - before;
    }

    Verdict verdict;
    long used = 900;
    long accepted;
    boolean visitors;

    static long evicted(List<FakeConnection> connections) {
        return connections.stream()
                .filter(connection -> connection.evictions > 0)
                .count();
    }
}
