package org.strictkeepalive.simulation;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.strictkeepalive.PressureLevel;

/** What came of it. Of visitors that would have sent again, unless it says otherwise. */
final class SimulationResult {
    final List<String> violations = new ArrayList<>();
    final Map<PressureLevel, Long> time = new EnumMap<>(PressureLevel.class);
    long connections;
    long requests;
    long evicted;
    long evictedReused;
    long evictedWanted;
    /** Idle ones whose timeout had shrunk. */
    long timedOutEarly;
    /** Told to close by a response. */
    long told;
    /** Requests that crossed a FIN. */
    long crossed;
    /** Requests that a GOAWAY refused, and that had to be sent again. */
    long refused;
    /** Visitors that gave up before they were accepted, or whose first request was not answered. */
    long turnedAway;

    long longestWait;
    /** Accepts, and the application's own, that found no descriptor. */
    long withoutDescriptor;

    long levelChanges;
    double openSeconds;
    double seconds;

    double minutes(PressureLevel level) {
        return time.getOrDefault(level, 0L) / 60e9;
    }

    @Override
    public String toString() {
        return List.of(
                        time,
                        connections,
                        requests,
                        evicted,
                        evictedReused,
                        evictedWanted,
                        timedOutEarly,
                        told,
                        crossed,
                        refused,
                        turnedAway,
                        longestWait,
                        withoutDescriptor,
                        levelChanges,
                        openSeconds)
                .toString();
    }
}
