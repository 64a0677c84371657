package org.strictkeepalive.internal.observe;

import java.io.IOException;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.ConnectionState;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.internal.policy.Pressure;

/**
 * Writes what operators read: changes of the level, lost requests, leaks of descriptors, drains. It decides how often
 * to log. No lock is held while it logs. What is about the level and {@link #watchOthers} are each used by one thread at
 * a time.
 */
public final class OperatorLog {
    /** The name is documented, so that a logging configuration can use it. */
    public static final String LOGGER = "org.strictkeepalive.DescriptorMonitor";

    private static final Logger LOG = LoggerFactory.getLogger(LOGGER);

    private final LevelLog levels = new LevelLog();
    private final LeakDetector leaks = new LeakDetector();
    /** Whether a line is held back. Written with the levels, read by any thread. */
    private volatile boolean behind;
    /** Whether the last rise was one of the threads. */
    private boolean ofThreads;
    /** The line that is due, null for none. */
    private LevelLog.Line due;

    /** Takes the level of a sample, and tells whether it has to be logged, by {@link #level}. */
    public boolean isLevelDue(Pressure p, long now) {
        due = levels.next(p.highestLevel(), now);
        behind = levels.isBehind();
        return due != null;
    }

    /**
     * Logs the level. If busy connections hold most of the room, a rise also says whom they wait for.
     *
     * @param pauses how often accepting was paused since start
     * @param states the number of connections in each state
     * @param eventStreams the number of connections with server-sent events
     * @param others the number of connections that are not governed, by their kind
     * @param holders who holds the busy ones
     */
    public void level(
            Pressure p,
            long pauses,
            StateCounts states,
            int eventStreams,
            Map<String, Integer> others,
            Holders holders) {
        int idle = states.count(ConnectionState.IDLE)
                + states.count(ConnectionState.NEW)
                + states.count(ConnectionState.READING);
        int busy = states.count(ConnectionState.BUSY);
        boolean isRise = due == LevelLog.Line.RISE;
        if (p.highestLevel() != PressureLevel.NORMAL) {
            ofThreads = !p.level().isAtLeast(p.threads().level());
        }
        PressureLevel highest = levels.highestTold();
        long paused = levels.takePauses(pauses);
        String text =
                "{} pressure {}:{}{} used={} limit={} open={} idle={} busy={} pressure={} changesNotLogged={}{}{}{}{}";
        Object[] numbers = {
            ofThreads ? "Thread" : "Descriptor",
            p.highestLevel(),
            highest == p.highestLevel() ? "" : " highest=" + highest,
            paused == 0 ? "" : " acceptPauses=" + paused,
            p.used(),
            p.limit(),
            p.open(),
            idle,
            busy,
            "%.2f".formatted(p.highestShare()),
            levels.takeOmitted(),
            p.threads().share() == 0
                    ? ""
                    : " threads=%.2f".formatted(p.threads().share()),
            eventStreams == 0 ? "" : " eventStreams=" + eventStreams,
            p.others() == 0 ? "" : " notGoverned=" + p.others() + " " + others,
            isRise && (busy > idle || p.threads().level() != PressureLevel.NORMAL) ? heldBy(holders, busy) : ""
        };
        if (isRise) {
            LOG.warn(text, numbers);
        } else {
            LOG.info(text, numbers);
        }
    }

    /** Whom the busy connections wait for. If there are very many, it is said of how many. */
    private static String heldBy(Holders holders, int busy) {
        int seen =
                holders.byWait().values().stream().mapToInt(Integer::intValue).sum();
        return " busyWaitFor" + (seen < busy ? " (" + seen + " of them): " : ": ") + holders;
    }

    /** Whether a line about the level is held back, so that the level has to be logged again later. */
    public boolean isBehind() {
        return behind;
    }

    public void races(RaceMeter races, long now) {
        RaceMeter.Warning warning = races.warning(now);
        if (warning != null) {
            LOG.warn(
                    "Requests lost in a race with a close: peer={} lost={} upTo={}ms after the FIN, reason={}, of {} in all: {}",
                    warning.peer(),
                    warning.count(),
                    String.format(Locale.ROOT, "%.1f", warning.latest() / 1e6),
                    warning.reason(),
                    warning.inAll(),
                    warning.remedy());
        }
    }

    /**
     * Watches the descriptors that are not connections, and warns if they grow steadily.
     *
     * @param connections the connections of all of the server's connectors, of whatever protocol
     * @param later runs a task that makes a system call for each descriptor
     */
    public void watchOthers(Pressure p, int connections, long now, Executor later) {
        if (!p.isKnown()) {
            return;
        }
        LeakDetector.Leak leak = leaks.sample(p.used() - connections, now);
        if (leak != null) {
            later.execute(() -> leak(leak, p, connections));
        }
    }

    private static void leak(LeakDetector.Leak leak, Pressure p, int connections) {
        String kinds;
        try {
            DescriptorKinds own = DescriptorKinds.own();
            kinds = "files=%d deletedFiles=%d pipes=%d otherSockets=%d others=%d"
                    .formatted(
                            own.files(),
                            own.deletedFiles(),
                            own.pipes(),
                            Math.max(0, own.sockets() - connections),
                            own.others());
        } catch (IOException | RuntimeException x) {
            kinds = "kinds unknown: " + x;
        }
        LOG.warn(
                "Descriptors that are not connections grow: {} more in {} minutes, {} an hour, used={} limit={} connections={}"
                        + " {}: closing connections can't cure that, look for what the application doesn't close",
                leak.growth(),
                TimeUnit.NANOSECONDS.toMinutes(leak.nanos()),
                Math.round(leak.perHour()),
                p.used(),
                p.limit(),
                connections,
                kinds);
    }

    public void drainBegun(long spread, int open) {
        LOG.info("Drain begun: spread={}ms open={}", TimeUnit.NANOSECONDS.toMillis(spread), open);
    }

    public void drainOver(int open) {
        LOG.info("Drain over: open={}", open);
    }

    public void drainEnded(int open) {
        LOG.info("Drain ended: open={}", open);
    }

    public void closed(CloseReason reason, Object connection) {
        LOG.debug("closed {} {}", reason, connection);
    }
}
