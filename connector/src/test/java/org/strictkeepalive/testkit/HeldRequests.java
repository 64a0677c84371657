package org.strictkeepalive.testkit;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.BufferUtil;

/** Holds requests until the test completes them. */
public final class HeldRequests {
    private final BlockingQueue<Runnable> held = new LinkedBlockingQueue<>();

    public Handler handler() {
        return TestServer.handler((request, response, callback) -> {
            if (Request.getPathInContext(request).equals("/hold")) {
                held.add(() -> response.write(true, BufferUtil.toBuffer("held"), callback));
            } else {
                response.write(true, BufferUtil.toBuffer(TestServer.HELLO), callback);
            }
        });
    }

    /** Sends a request that is held, and waits until it is. */
    public RawClient hold(TestServer server) throws IOException {
        int before = held.size();
        RawClient client = server.connect().send("GET /hold HTTP/1.1\r\nHost: test\r\n\r\n");
        await().until(() -> held.size() > before);
        return client;
    }

    public int count() {
        return held.size();
    }

    public void complete() throws InterruptedException {
        Runnable completion = held.poll(60, TimeUnit.SECONDS);
        assertTrue(completion != null, "no request is held");
        completion.run();
    }
}
