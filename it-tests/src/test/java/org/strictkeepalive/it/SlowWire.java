package org.strictkeepalive.it;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousChannelGroup;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.CompletionHandler;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;

/** The way to a far server: bytes and FINs arrive later. On loopback alone a request hardly ever crosses a FIN. */
final class SlowWire implements AutoCloseable {
    static final long DELAY_MS = 50;
    private static final long DELAY = TimeUnit.MILLISECONDS.toNanos(DELAY_MS);

    private final ScheduledThreadPoolExecutor line =
            new ScheduledThreadPoolExecutor(1, new ThreadPoolExecutor.DiscardPolicy());
    private final AsynchronousChannelGroup group =
            AsynchronousChannelGroup.withFixedThreadPool(1, Executors.defaultThreadFactory());
    private final AtomicLong longestStall = new AtomicLong();

    SlowWire() throws IOException {}

    /** By how much the machine was late at most. */
    long longestStallMs() {
        return TimeUnit.NANOSECONDS.toMillis(longestStall.get());
    }

    @Override
    public void close() throws IOException {
        line.shutdownNow();
        group.shutdownNow();
    }

    private interface Task {
        void run() throws Exception;
    }

    private static <T> CompletionHandler<T, Void> handler(BiConsumer<T, Throwable> action) {
        return new CompletionHandler<>() {
            @Override
            public void completed(T result, Void attachment) {
                action.accept(result, null);
            }

            @Override
            public void failed(Throwable x, Void attachment) {
                action.accept(null, x);
            }
        };
    }

    /** A port of its own that leads to the server, and what was seen there. */
    final class Way {
        final AtomicInteger connections = new AtomicInteger();
        final AtomicInteger requests = new AtomicInteger();
        /** The longest time from an answer to a further request on the same connection. */
        final AtomicLong longestPause = new AtomicLong();

        private final AsynchronousServerSocketChannel entry;
        private final SocketAddress target;

        Way(SocketAddress target) throws IOException {
            this.target = target;
            entry = AsynchronousServerSocketChannel.open(group)
                    .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            accept();
        }

        int port() throws IOException {
            return ((InetSocketAddress) entry.getLocalAddress()).getPort();
        }

        private void accept() {
            entry.accept(null, handler((near, failure) -> {
                if (failure == null) {
                    connections.incrementAndGet();
                    connect(near);
                    accept();
                }
            }));
        }

        private void connect(AsynchronousSocketChannel near) {
            try {
                AsynchronousSocketChannel far = AsynchronousSocketChannel.open(group);
                Link link = new Link(near, far);
                far.connect(target, null, handler((nothing, failure) -> {
                    if (failure == null) {
                        link.carry(near, far);
                        link.carry(far, near);
                    } else {
                        link.close();
                    }
                }));
            } catch (IOException x) {
                throw new IllegalStateException(x);
            }
        }

        private final class Link {
            private final AsynchronousSocketChannel near;
            private final AsynchronousSocketChannel far;
            private final AtomicInteger ends = new AtomicInteger();
            private Long answered;

            private Link(AsynchronousSocketChannel near, AsynchronousSocketChannel far) {
                this.near = near;
                this.far = far;
            }

            private void carry(AsynchronousSocketChannel from, AsynchronousSocketChannel to) {
                ByteBuffer bytes = ByteBuffer.allocate(4096);
                from.read(bytes, null, handler((count, failure) -> {
                    if (failure != null) {
                        later(this::close);
                    } else if (count < 0) {
                        later(() -> {
                            to.shutdownOutput();
                            if (ends.incrementAndGet() == 2) {
                                close();
                            }
                        });
                    } else {
                        bytes.flip();
                        look(from, bytes);
                        later(() -> {
                            while (bytes.hasRemaining()) {
                                to.write(bytes).get();
                            }
                        });
                        carry(from, to);
                    }
                }));
            }

            /** The one thread of the group comes here. */
            private void look(AsynchronousSocketChannel from, ByteBuffer bytes) {
                long now = System.nanoTime();
                if (from == far) {
                    answered = now + DELAY;
                } else if (bytes.get(0) == 'G' || bytes.get(0) == 'P') {
                    requests.incrementAndGet();
                    if (answered != null) {
                        longestPause.accumulateAndGet(now - answered, Math::max);
                    }
                }
            }

            private void later(Task task) {
                long due = System.nanoTime() + DELAY;
                Future<?> unused = line.schedule(
                        () -> {
                            longestStall.accumulateAndGet(System.nanoTime() - due, Math::max);
                            try {
                                task.run();
                            } catch (Exception x) {
                                close();
                            }
                        },
                        DELAY,
                        TimeUnit.NANOSECONDS);
            }

            private void close() {
                try (near;
                        far) {
                    ends.set(2);
                } catch (IOException x) {
                    throw new IllegalStateException(x);
                }
            }
        }
    }
}
