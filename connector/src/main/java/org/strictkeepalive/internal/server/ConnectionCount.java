package org.strictkeepalive.internal.server;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How many connections hold a descriptor: those that are governed, and those that were accepted and have no endpoint
 * yet. Jetty makes the endpoint later, on another thread. Safe for use by any thread.
 */
final class ConnectionCount {
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong accepted = new AtomicLong();
    /**
     * The accepted channels without an endpoint. It is a set, because Jetty may report a channel twice: first that it
     * was accepted, then that the accept failed, if its endpoint can't be made.
     */
    private final Set<Object> withoutEndPoint = ConcurrentHashMap.newKeySet();

    /**
     * A channel was accepted.
     *
     * @return how many were accepted since start
     */
    long onAccepting(Object channel) {
        withoutEndPoint.add(channel);
        return accepted.incrementAndGet();
    }

    /** The endpoint of an accepted channel is there now, or will never be. */
    void onAccepted(Object channel) {
        withoutEndPoint.remove(channel);
    }

    void onOpened() {
        open.incrementAndGet();
    }

    void onClosed() {
        open.decrementAndGet();
    }

    /** The first connector starts: forgets the channels that Jetty dropped at an earlier stop. */
    void forgetAccepted() {
        withoutEndPoint.clear();
    }

    /** The governed connections. */
    int open() {
        return open.get();
    }

    /** The connections accepted since start. */
    long accepted() {
        return accepted.get();
    }

    /** The governed connections and those whose endpoint is still to come. */
    int held() {
        return open.get() + withoutEndPoint.size();
    }
}
