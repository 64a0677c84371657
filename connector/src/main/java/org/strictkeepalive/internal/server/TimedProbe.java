package org.strictkeepalive.internal.server;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Asks another probe on a thread of its own. A probe that hangs delays serving only once, by {@link #PATIENCE_MS}. */
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
