package org.strictkeepalive;

import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.annotation.ManagedAttribute;
import org.eclipse.jetty.util.annotation.ManagedObject;

/**
 * Answers requests with the state of its server's {@link DescriptorMonitor} as JSON, at any path:
 *
 * <pre>{@code
 * ContextHandler status = new ContextHandler(new KeepAliveStatusHandler(), "/keep-alive");
 * }</pre>
 *
 * <p>It changes nothing. An answer is at most a second old: it is made once for all who ask meanwhile. It shows no
 * client's address unless that is switched on. It answers GET and HEAD with 200, or with 503 if no connector of the
 * server is governed, and other methods with 405. Safe for use by any thread.
 */
@ManagedObject("Answers the numbers of the governed connections as JSON")
public final class KeepAliveStatusHandler extends Handler.Abstract.NonBlocking {
    private volatile boolean showAddresses;
    private volatile KeepAliveStatus status;

    /** Creates a handler that shows no addresses. */
    public KeepAliveStatusHandler() {}

    /**
     * Tells whether the addresses of clients are shown.
     *
     * @return true if they are; false is the default
     */
    @ManagedAttribute("whether the addresses of clients are shown")
    public boolean isShowAddresses() {
        return showAddresses;
    }

    /**
     * Sets whether the addresses of clients are shown.
     *
     * @param showAddresses true to show them
     */
    public void setShowAddresses(boolean showAddresses) {
        this.showAddresses = showAddresses;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        if (JsonAnswer.isRead(request, response, callback)) {
            DescriptorMonitor monitor = getServer().getBean(DescriptorMonitor.class);
            if (monitor == null) {
                JsonAnswer.error(response, callback, HttpStatus.SERVICE_UNAVAILABLE_503, "No connector is governed");
            } else {
                JsonAnswer.write(
                        request,
                        response,
                        callback,
                        HttpStatus.OK_200,
                        of(monitor).encoded());
            }
        }
        return true;
    }

    private KeepAliveStatus of(DescriptorMonitor monitor) {
        KeepAliveStatus known = status;
        if (known == null || !known.isOf(monitor)) {
            known = new KeepAliveStatus(monitor);
            status = known;
        }
        known.setShowAddresses(showAddresses);
        return known;
    }
}
