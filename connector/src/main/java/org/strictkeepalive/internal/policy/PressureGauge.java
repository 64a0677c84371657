package org.strictkeepalive.internal.policy;

import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;

/**
 * Computes the pressure and its level from usage, with hysteresis. Pure: the last pressure goes in, the next comes out.
 *
 * <p>Pressure is the share of their room that connections hold, {@code open / (open + free)}. So it stays true if the
 * application itself holds most descriptors.
 *
 * <p>Connections that are not governed, such as WebSockets, also take room, but no policy can get it back. The reserve is
 * a part of the room of all connections, so that it holds where few are governed. It is a tenth of the descriptors that
 * are watched for it: where few are governed, pressure also is the share of these that is not free.
 */
public final class PressureGauge {
    /**
     * The largest limit that counts; a larger one counts as this. Containers without a limit report 2^30, with which
     * pressure would never rise.
     */
    public static final long LARGEST_LIMIT = 1L << 20;

    /** The reserve is at most this part of the room. */
    private static final int RESERVED_PART = 10;

    private final KeepAlivePolicy policy;
    private final Thresholds thresholds;
    private final double hysteresis;
    private final Integer reserved;
    private final int maxConnections;

    public PressureGauge(KeepAlivePolicy policy) {
        this.policy = policy;
        thresholds = Thresholds.of(policy);
        hysteresis = thresholds.hysteresis();
        reserved = policy.getReservedDescriptors();
        maxConnections = policy.getMaxConnections();
    }

    /** The policy whose settings these are. */
    public KeepAlivePolicy policy() {
        return policy;
    }

    /**
     * Returns the pressure that follows.
     *
     * @param last the last pressure
     * @param open the governed connections
     * @param used the open descriptors of the process, negative for unknown
     * @param limit the descriptor limit, negative for unknown
     * @param acceptors the acceptor threads of the governed connectors
     * @param further the highest of the further sources, from 0 to 1
     * @param accepted how many connections had been accepted since start when descriptors were counted
     * @param recentRoom the largest room of all connections in the last moments, which limits the reserve
     * @param others the connections that are not governed
     */
    public Pressure next(
            Pressure last,
            int open,
            long used,
            long limit,
            int acceptors,
            double further,
            long accepted,
            long recentRoom,
            int others) {
        boolean known = used >= 0 && limit >= 0;
        long free = known ? Math.max(limit - used, 0) : Long.MAX_VALUE;
        double share = further;
        long reserve = 0;
        long room = 0;
        if (known) {
            room = open + free;
            reserve = reserve(limit, Math.max(room + others, recentRoom), acceptors);
            share = Math.max(share, room == 0 ? 1 : (double) open / room);
            if (open > 0) {
                long watched = watched(reserve, room + others);
                share = Math.max(share, (double) (watched - free) / watched);
            }
        }
        if (maxConnections > 0) {
            share = Math.max(share, Math.min(1, (double) open / maxConnections));
        }

        PressureLevel was = last.level();
        boolean full = maxConnections > 0 && open >= maxConnections;
        boolean critical = full || (known && free <= reserve);
        boolean wasFull = maxConnections > 0 && open > maxConnections * (1 - hysteresis);
        boolean wasShort = known && free <= reserve + (long) (hysteresis * room);
        boolean held = was == PressureLevel.CRITICAL && (wasFull || wasShort);
        PressureLevel level = critical || held ? PressureLevel.CRITICAL : thresholds.level(was, share);
        return new Pressure(
                level,
                share,
                thresholds.squeeze(level, share),
                used,
                limit,
                reserve,
                open,
                others,
                accepted,
                level.isAtLeast(PressureLevel.HIGH) ? last.verdict() : Verdict.NONE);
    }

    /**
     * The descriptors to keep free: at most a tenth of the room, but more than the acceptors still accept after a
     * pause.
     */
    long reserve(long limit, long room, int acceptors) {
        long wanted = reserved != null ? reserved : Math.max(16, Math.min(256, limit / 100));
        return Math.max(Math.min(wanted, room / RESERVED_PART), acceptors + 1L);
    }

    /** The descriptors of which the reserve is a tenth, at most the room of all connections. */
    private static long watched(long reserve, long roomOfAll) {
        return Math.min(reserve * RESERVED_PART, roomOfAll);
    }

    /**
     * How many connections have to go, besides those that go already, so that visitors find room: so many that the level
     * is no longer CRITICAL.
     */
    public int shortage(Pressure pressure, int going) {
        if (pressure.level() != PressureLevel.CRITICAL) {
            return 0;
        }
        long missing = 0;
        if (pressure.isKnown()) {
            long room = pressure.open() + pressure.free();
            missing = pressure.reserve() + (long) (hysteresis * room) + 1 - pressure.free();
        }
        if (maxConnections > 0) {
            missing = Math.max(missing, pressure.open() - (long) (maxConnections * (1 - hysteresis)));
        }
        return (int) Math.max(0, Math.min(missing - going, pressure.open()));
    }

    /** Whether the first request of a connection is answered with 503, since busy requests hold all the room. */
    public boolean isRefusing(Pressure pressure) {
        return policy.isRefuseWhenFull()
                && pressure.level() == PressureLevel.CRITICAL
                && pressure.verdict().full()
                && (pressure.free() <= pressure.reserve() || (maxConnections > 0 && pressure.open() >= maxConnections));
    }

    /** How many connections have to go, besides those that linger already, to come down below HIGH. */
    public int excess(Pressure pressure, int lingering) {
        double target = thresholds.belowHigh();
        if (pressure.share() <= target) {
            return 0;
        }
        int open = pressure.open();
        int excess = open - lingering - (int) (open * target / pressure.share());
        if (pressure.isKnown() && pressure.others() > 0) {
            // The room that the governed connections share may not be what is short.
            long free = pressure.free();
            long watched = watched(pressure.reserve(), open + pressure.others() + free);
            excess = Math.max(excess, (int) (watched - free - (long) (watched * target)) - lingering);
        }
        return Math.max(0, Math.min(excess, open));
    }
}
