package org.strictkeepalive.it;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * What the machine gives at the moment: visitors of an idle server of plain Jetty in a process of its own, which nobody
 * attacks. What a test asserts of an upper bound in time it asserts beside this.
 */
final class Control implements AutoCloseable {
    private static final long EVERY_MS = 100;
    private static final long PATIENCE_MS = 60_000;
    private static final int DESCRIPTORS = 1024;
    private static final int WARM_VISITS = 500;
    /** A visit takes several threads of two processes, and what it is compared with a few more. */
    private static final int TIMES = 10;

    private static Http idle;

    private final Http http;
    private final Queue<Long> visits = new ConcurrentLinkedQueue<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private volatile boolean running = true;

    /** Watches until it is closed. */
    Control() {
        http = idle();
        threads.execute(() -> {
            while (running) {
                threads.execute(this::visit);
                Http.pause(EVERY_MS);
            }
        });
    }

    private static synchronized Http idle() {
        if (idle == null) {
            try {
                Serve serve = Serve.start(Files.createTempDirectory("control"), DESCRIPTORS, "--plain");
                Runtime.getRuntime()
                        .addShutdownHook(new Thread(() -> serve.process().destroyForcibly()));
                for (int i = 0; i < WARM_VISITS; i++) {
                    serve.http().get("/", PATIENCE_MS);
                }
                idle = serve.http();
            } catch (IOException x) {
                throw new IllegalStateException(x);
            } catch (InterruptedException x) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(x);
            }
        }
        return idle;
    }

    private void visit() {
        long start = System.nanoTime();
        try {
            http.get("/", PATIENCE_MS);
            visits.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
        } catch (IOException x) {
            visits.add(PATIENCE_MS);
        }
    }

    /** How long the slowest visitor of the idle server took, in milliseconds. */
    long slowestMs() {
        return visits.stream().mapToLong(Long::longValue).max().orElse(0);
    }

    /** How much later than on a quiet machine something may be, in milliseconds. */
    long allowanceMs() {
        return TIMES * slowestMs();
    }

    @Override
    public void close() throws InterruptedException {
        running = false;
        threads.shutdown();
        if (!threads.awaitTermination(2 * PATIENCE_MS, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException("the machine itself hangs");
        }
    }
}
