package org.strictkeepalive;

import org.strictkeepalive.internal.server.CgroupMemory;
import org.strictkeepalive.internal.server.HeapMemory;

/**
 * Sources of pressure for memory. None is there by itself: add what is scarce.
 *
 * <pre>{@code
 * monitor.addPressureSource(MemoryPressure.ofHeap());
 * monitor.addPressureSource(MemoryPressure.ofCgroup());
 * }</pre>
 *
 * <p>The sources are safe for use by any thread.
 */
public final class MemoryPressure {
    private MemoryPressure() {}

    /**
     * Returns the share of the heap that was still in use after its last collection: what is garbage by now doesn't
     * count. Of a collector with generations it is that of the old one, so it is 0 before the first collection of that.
     *
     * <p>The answer stays the same until the next collection, which may be minutes later. Closed connections don't lower
     * it before that. So from {@code highAt} on idle connections are closed as soon as their shortest times allow, until
     * a collection has shown that this was enough. Add it where keep-alive is worth less than the heap.
     *
     * @return the source
     */
    public static PressureSource ofHeap() {
        return HeapMemory.ofThisProcess();
    }

    /**
     * Returns the share of the memory that the process's cgroup (version 1 or 2), or one around it, may use; as a
     * container's limit. Files that the kernel has cached and can drop don't count; the kernel's buffers of sockets do.
     * Without such a limit, or on another system than Linux, the answer is always 0.
     *
     * @return the source
     */
    public static PressureSource ofCgroup() {
        return CgroupMemory.ofThisProcess();
    }
}
