package org.strictkeepalive;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.SocketChannel;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Counts the open descriptors of this process. */
interface DescriptorProbe {
    /** The name for operators. */
    String name();

    /** The open descriptors, or -1 where they can't be known on this system. */
    long used() throws IOException;

    /** The soft limit, or -1 where it can't be known on this system. */
    long limit();

    /** Whether {@link #used()} may be asked at each accept. */
    boolean isCheap();

    /** Whether a descriptor can be opened, found by trying: decides where the count is in doubt. */
    default boolean hasRoom() {
        try {
            SocketChannel.open().close();
            return true;
        } catch (IOException x) {
            return false;
        }
    }

    /** The best probe that works here, found by trying. */
    static DescriptorProbe find() {
        try {
            MXBeanProbe bean = new MXBeanProbe();
            return ProcfsProbe.works() ? new ProcfsProbe(bean) : new TimedProbe(bean);
        } catch (IllegalStateException | LinkageError x) {
            // Not a Unix, or a run-time image without the module jdk.management.
            return ProcfsProbe.works() ? new ProcfsProbe(new NoProbe()) : new NoProbe();
        }
    }

    /** The size of the directory {@code /proc/self/fd}: Linux 6.2 and later; 3 µs, needs no descriptor itself. */
    final class ProcfsProbe implements DescriptorProbe {
        private static final File DIRECTORY = new File("/proc/self/fd");
        private final DescriptorProbe limits;

        private ProcfsProbe(DescriptorProbe limits) {
            this.limits = limits;
        }

        static boolean works() {
            return DIRECTORY.length() > 0;
        }

        @Override
        public String name() {
            return "procfs";
        }

        @Override
        public long used() throws IOException {
            long size = DIRECTORY.length();
            if (size <= 0) {
                throw new IOException("no size of " + DIRECTORY);
            }
            return size;
        }

        @Override
        public long limit() {
            return limits.limit();
        }

        @Override
        public boolean isCheap() {
            return true;
        }
    }

    /** The JDK's own count, which reads the whole directory: 10 ms for 15,000, and it fails when none is free. */
    final class MXBeanProbe implements DescriptorProbe {
        private final com.sun.management.UnixOperatingSystemMXBean bean;

        private MXBeanProbe() {
            if (!(ManagementFactory.getOperatingSystemMXBean()
                    instanceof com.sun.management.UnixOperatingSystemMXBean unix)) {
                throw new IllegalStateException("not a Unix");
            }
            bean = unix;
        }

        @Override
        public String name() {
            return "mxbean";
        }

        @Override
        public long used() throws IOException {
            try {
                return bean.getOpenFileDescriptorCount();
            } catch (InternalError x) {
                throw new IOException(x.getMessage(), x);
            }
        }

        @Override
        public long limit() {
            return bean.getMaxFileDescriptorCount();
        }

        @Override
        public boolean isCheap() {
            return false;
        }
    }

    /** Asks another probe on a thread of its own, so that one that hangs holds up serving only once, and briefly. */
    final class TimedProbe implements DescriptorProbe {
        private static final long PATIENCE_MS = 200;
        private final DescriptorProbe probe;
        private final ThreadPoolExecutor thread;
        private Future<Long> question;

        TimedProbe(DescriptorProbe probe) {
            this.probe = probe;
            thread = new ThreadPoolExecutor(1, 1, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                Thread result = new Thread(task, "strict-keepalive-probe");
                result.setDaemon(true);
                return result;
            });
            thread.allowCoreThreadTimeOut(true);
        }

        @Override
        public String name() {
            return probe.name();
        }

        @Override
        public synchronized long used() throws IOException {
            if (question != null && !question.isDone()) {
                throw new IOException("no answer yet to an earlier question");
            }
            question = thread.submit(probe::used);
            try {
                return question.get(PATIENCE_MS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException x) {
                throw new IOException("no answer within " + PATIENCE_MS + " ms", x);
            } catch (ExecutionException x) {
                throw new IOException(x.getCause());
            } catch (InterruptedException x) {
                Thread.currentThread().interrupt();
                throw new IOException(x);
            }
        }

        @Override
        public long limit() {
            return probe.limit();
        }

        @Override
        public boolean isCheap() {
            return probe.isCheap();
        }

        @Override
        public boolean hasRoom() {
            return probe.hasRoom();
        }
    }

    /** Nothing is known. */
    final class NoProbe implements DescriptorProbe {
        @Override
        public String name() {
            return "none";
        }

        @Override
        public long used() {
            return -1;
        }

        @Override
        public long limit() {
            return -1;
        }

        @Override
        public boolean isCheap() {
            return true;
        }
    }
}
