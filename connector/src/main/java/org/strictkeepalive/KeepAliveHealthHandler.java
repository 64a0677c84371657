package org.strictkeepalive;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.ConnectionMetaData;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;
import org.strictkeepalive.KeepAliveSetting.Unit;

/**
 * Answers health checks of a load balancer: GET with 200 while the server is ready, and with 503 from {@link
 * DescriptorMonitor#drain} on. Pressure doesn't change that: the policy answers to it.
 *
 * <p>Where {@link #setDrainAllowed} has allowed it, a POST from the same machine drains the server, {@code
 * POST ?drain=30s}, or ends a drain, {@code POST ?resume}: for a script that restarts it. It is answered with 200 and the status
 * that follows. Behind a proxy on the same
 * machine every client comes from there, so don't allow it there. Other requests are answered with 403, 400 or 405. Safe
 * for use by any thread.
 */
@ManagedObject("Answers health checks, and drains the server where that is allowed")
public final class KeepAliveHealthHandler extends Handler.Abstract.NonBlocking {
    private static final String DRAIN = "drain";
    private static final String RESUME = "resume";

    private volatile boolean drainAllowed;

    /** Creates a handler that only tells. */
    public KeepAliveHealthHandler() {}

    /**
     * Tells whether a POST from the same machine may drain the server.
     *
     * @return true if it may; false is the default
     */
    @ManagedAttribute("whether a POST from the same machine may drain the server")
    public boolean isDrainAllowed() {
        return drainAllowed;
    }

    /**
     * Sets whether a POST from the same machine may drain the server.
     *
     * @param drainAllowed true to allow it
     */
    public void setDrainAllowed(boolean drainAllowed) {
        this.drainAllowed = drainAllowed;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        DescriptorMonitor monitor = getServer().getBean(DescriptorMonitor.class);
        if (HttpMethod.POST.is(request.getMethod()) && drainAllowed && monitor != null) {
            act(request, response, callback, monitor);
        } else if (JsonAnswer.isRead(request, response, callback)) {
            tell(request, response, callback, monitor);
        }
        return true;
    }

    private static void tell(Request request, Response response, Callback callback, DescriptorMonitor monitor) {
        boolean draining = monitor != null && monitor.isDraining();
        JsonAnswer.write(
                request,
                response,
                callback,
                draining ? HttpStatus.SERVICE_UNAVAILABLE_503 : HttpStatus.OK_200,
                status(monitor));
    }

    private static ByteBuffer status(DescriptorMonitor monitor) {
        boolean draining = monitor != null && monitor.isDraining();
        return JsonAnswer.encoded(Map.of("status", draining ? "draining" : "ready"));
    }

    private static void drain(DescriptorMonitor monitor, String time) {
        try {
            monitor.drain((Duration) Unit.DURATION.parse(time));
        } catch (IllegalArgumentException x) {
            throw new IllegalArgumentException(
                    DRAIN + ": " + time + " (expected: a time such as 500ms, 75s, 2m or 1h, from 0 to 3650 days)", x);
        }
    }

    private static void act(Request request, Response response, Callback callback, DescriptorMonitor monitor) {
        ConnectionMetaData connection = request.getConnectionMetaData();
        // Of a request that a proxy on this machine hands on, the second is the client's, if a customizer knows it.
        if (!isLocal(connection.getConnection().getEndPoint().getRemoteSocketAddress())
                || !isLocal(connection.getRemoteSocketAddress())) {
            JsonAnswer.error(response, callback, HttpStatus.FORBIDDEN_403, "expected: a request from this machine");
            return;
        }
        Fields query = Request.extractQueryParameters(request);
        try {
            if (query.get(DRAIN) != null) {
                drain(monitor, query.getValue(DRAIN));
            } else if (query.get(RESUME) != null) {
                monitor.resume();
            } else {
                throw new IllegalArgumentException("expected: ?drain=TIME or ?resume");
            }
        } catch (IllegalArgumentException x) {
            JsonAnswer.error(response, callback, HttpStatus.BAD_REQUEST_400, x.getMessage());
            return;
        }
        JsonAnswer.write(request, response, callback, HttpStatus.OK_200, status(monitor));
    }

    private static boolean isLocal(SocketAddress address) {
        return address instanceof InetSocketAddress peer
                && peer.getAddress() != null
                && peer.getAddress().isLoopbackAddress();
    }
}
