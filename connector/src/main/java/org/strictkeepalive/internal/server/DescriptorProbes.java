package org.strictkeepalive.internal.server;

/** Finds out how descriptors can be counted on this machine. */
public final class DescriptorProbes {
    private DescriptorProbes() {}

    /** Returns the best probe that works here, found by trying. */
    public static DescriptorProbe find() {
        try {
            MXBeanProbe bean = new MXBeanProbe();
            return ProcfsProbe.works() ? new ProcfsProbe(bean) : new TimedProbe(bean);
        } catch (IllegalStateException | LinkageError x) {
            // Not a Unix, or a run-time image without the module jdk.management.
            return ProcfsProbe.works() ? new ProcfsProbe(new NoProbe()) : new NoProbe();
        }
    }
}
