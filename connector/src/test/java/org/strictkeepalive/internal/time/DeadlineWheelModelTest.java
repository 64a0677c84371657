package org.strictkeepalive.internal.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.strictkeepalive.internal.time.DeadlineWheelTest.EARLY;
import static org.strictkeepalive.internal.time.DeadlineWheelTest.HOUR;
import static org.strictkeepalive.internal.time.DeadlineWheelTest.MS;
import static org.strictkeepalive.internal.time.DeadlineWheelTest.ORIGINS;
import static org.strictkeepalive.internal.time.DeadlineWheelTest.ROUND;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.strictkeepalive.internal.connection.GovernedConnection;
import org.strictkeepalive.testkit.FakeConnection;

/** The wheel beside a naive model of it, by random operations. */
class DeadlineWheelModelTest {
    /** Random operations beside a map from each connection to the time it is due. */
    @Property(tries = 200)
    void theWheelAgreesWithANaiveModel(
            @ForAll long seed, @ForAll @IntRange(max = 4) int origins, @ForAll @IntRange(min = 1, max = 60) int most) {
        Random random = new Random(seed);
        long origin = ORIGINS[origins];
        DeadlineWheel<GovernedConnection> wheel = new DeadlineWheel<>(origin);
        // Times are relative to the origin here, so the model need not care for a wrap.
        Map<GovernedConnection, Long> model = new LinkedHashMap<>();
        List<GovernedConnection> names = new ArrayList<>();
        long[] now = {0};
        for (int step = 0; step < 400; step++) {
            switch (random.nextInt(6)) {
                case 0, 1 -> {
                    if (model.size() < most) {
                        FakeConnection added = new FakeConnection("c");
                        long due = now[0] + delay(random);
                        wheel.add(added, origin + due);
                        model.put(added, due);
                        names.add(added);
                    }
                }
                case 2 -> {
                    if (!names.isEmpty()) {
                        GovernedConnection removed = names.get(random.nextInt(names.size()));
                        assertEquals(model.remove(removed) != null, wheel.remove(removed));
                    }
                }
                case 3 -> {
                    if (!names.isEmpty()) {
                        GovernedConnection moved = names.get(random.nextInt(names.size()));
                        long due = now[0] + delay(random);
                        wheel.due(moved, origin + due);
                        model.computeIfPresent(moved, (key, was) -> Math.min(was, due));
                    }
                }
                default -> {
                    now[0] += random.nextInt(20) == 0 ? HOUR : Math.abs(random.nextLong(300 * MS));
                    Map<GovernedConnection, Long> due = new LinkedHashMap<>(model);
                    due.values().removeIf(at -> at > now[0]);
                    Set<GovernedConnection> seen = new HashSet<>();
                    Set<GovernedConnection> seenNow = new HashSet<>();
                    DeadlineWheel.Look<GovernedConnection> look = tracked -> {
                        assertTrue(seenNow.add(tracked), "once an advance");
                        seen.add(tracked);
                        assertTrue(model.containsKey(tracked), "not one that was removed");
                        if (random.nextInt(5) == 0) {
                            assertTrue(wheel.remove(tracked));
                            model.remove(tracked);
                            return origin + now[0];
                        }
                        long again = model.get(tracked) <= now[0] ? now[0] + delay(random) : model.get(tracked);
                        model.put(tracked, again);
                        return origin + again;
                    };
                    if (random.nextInt(10) == 0) {
                        Set<GovernedConnection> some = model.keySet().stream()
                                .filter(tracked -> random.nextBoolean())
                                .collect(Collectors.toSet());
                        wheel.due(some::contains, origin + now[0]);
                        wheel.advance(origin + now[0], () -> false, look);
                        assertTrue(seen.containsAll(some));
                        assertTrue(seen.containsAll(due.keySet()), "all that is due is looked at");
                    } else {
                        // Beyond a round an early look is allowed, nearer it is by a bucket at most.
                        Map<GovernedConnection, Long> before = new LinkedHashMap<>(model);
                        int slice = 1 + random.nextInt(random.nextBoolean() ? 3 : 100);
                        int[] looks = {0};
                        boolean all = false;
                        for (int i = 0; !all && i < 3; i++) {
                            all = wheel.advance(origin + now[0], () -> ++looks[0] % slice == 0, look);
                            seenNow.clear();
                        }
                        if (!all) {
                            wheel.advance(origin + now[0], () -> false, look);
                        }
                        seen.forEach(tracked -> assertTrue(
                                before.get(tracked) - now[0] < EARLY || before.get(tracked) - now[0] > ROUND / 2,
                                "looked at before its time"));
                        assertTrue(seen.containsAll(due.keySet()), "all that is due is looked at");
                    }
                }
            }
            assertEquals(model.size(), wheel.size());
        }
        assertEquals(model.keySet(), new HashSet<>(wheel.list()));
    }

    private static long delay(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong(EARLY * 2) - EARLY;
            case 1 -> random.nextLong(1_000 * MS);
            case 2 -> random.nextLong(30_000 * MS);
            default -> random.nextLong(3 * ROUND);
        };
    }
}
