package org.strictkeepalive.internal.server;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.util.List;
import org.strictkeepalive.PressureSource;

/**
 * The share of the heap that was in use after the last collection. Of the pools of the heap only those count that hold
 * what lives long. These are the ones for which a threshold of usage can be set: young generations have none.
 */
public final class HeapMemory implements PressureSource {
    private final List<MemoryPoolMXBean> pools;
    private final long largest;

    /**
     * Creates a source.
     *
     * @param largest the size of the heap, for pools that have no limit of their own
     */
    HeapMemory(List<MemoryPoolMXBean> all, long largest) {
        this.largest = largest;
        pools = all.stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP && pool.isUsageThresholdSupported())
                .toList();
    }

    public static PressureSource ofThisProcess() {
        return new HeapMemory(
                ManagementFactory.getMemoryPoolMXBeans(), Runtime.getRuntime().maxMemory());
    }

    @Override
    public double getPressure() {
        long used = 0;
        long most = 0;
        for (MemoryPoolMXBean pool : pools) {
            MemoryUsage usage = pool.getCollectionUsage(); // null if the collector doesn't tell
            if (usage != null) {
                used += usage.getUsed();
                most += usage.getMax() > 0 ? usage.getMax() : largest;
            }
        }
        return most <= 0 ? 0 : (double) used / Math.min(most, largest);
    }

    @Override
    public String toString() {
        return "memory of the heap";
    }
}
