package org.strictkeepalive.internal.time;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.strictkeepalive.testkit.FakeConnection;

class RoundTest {
    private final Round<Timed> round = new Round<>();

    private List<Timed> add(int count) {
        List<Timed> added = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Timed node = new FakeConnection("c" + i);
            round.add(node);
            added.add(node);
        }
        return added;
    }

    @Test
    void aStepIsBoundedAndGoesOnWhereTheLastOneEnded() {
        List<Timed> all = add(10);
        Set<Timed> seen = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            assertTrue(i == 0 || !round.isOver());
            List<Timed> next = round.next(4);
            assertEquals(i < 2 ? 4 : 2, next.size());
            next.forEach(node -> assertTrue(seen.add(node), "twice in a round"));
        }
        assertTrue(round.isOver());
        assertEquals(new HashSet<>(all), seen);
        assertEquals(4, round.next(4).size());
    }

    @Test
    void thoseThatHaveComeSinceTheLastStepAreFirst() {
        add(10);
        round.next(4);
        List<Timed> come = add(3);
        List<Timed> next = round.next(4);
        assertEquals(come, next.subList(0, 3));
    }

    @Test
    void withNobodyThereARoundIsOver() {
        assertEquals(List.of(), round.next(5));
        assertTrue(round.isOver());
    }

    /** Who is there from the begin of a round to its end is handed out once in it, whatever happens to others. */
    @Property
    void nobodyIsLeftOutAndNobodyComesTwice(
            @ForAll @Size(max = 200) List<@IntRange(max = 99) Integer> actions,
            @ForAll @IntRange(min = 1, max = 7) int most) {
        Round<Timed> tried = new Round<>();
        List<Timed> there = new ArrayList<>();
        Set<Timed> owed = new HashSet<>();
        Set<Timed> seen = new HashSet<>();
        boolean begins = true;
        for (int action : actions) {
            if (action < 40) {
                Timed node = new FakeConnection("c");
                tried.add(node);
                there.add(node);
            } else if (action < 65 && !there.isEmpty()) {
                Timed gone = there.remove(action % there.size());
                tried.remove(gone);
                owed.remove(gone);
                assertEquals(-1, gone.place);
            } else {
                if (begins) {
                    assertEquals(Set.of(), owed);
                    owed.addAll(there);
                    seen.clear();
                }
                for (Timed node : tried.next(most)) {
                    assertTrue(there.contains(node));
                    assertTrue(seen.add(node), "twice in a round");
                    owed.remove(node);
                }
                begins = tried.isOver();
                if (begins) {
                    assertEquals(Set.of(), owed);
                }
            }
            assertEquals(there.size(), tried.size());
        }
        for (int i = 0; !tried.isOver(); i++) {
            assertTrue(i <= 200);
            owed.removeAll(tried.next(most));
        }
        assertEquals(Set.of(), owed);
    }
}
