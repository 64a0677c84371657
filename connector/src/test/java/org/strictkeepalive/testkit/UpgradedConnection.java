package org.strictkeepalive.testkit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;

/** The connection of another protocol, after an upgrade or in a tunnel: it echoes bytes, or only reads them. */
public final class UpgradedConnection extends AbstractConnection implements Connection.UpgradeTo {
    private final boolean echoing;

    private UpgradedConnection(EndPoint endPoint, Executor executor, boolean echoing) {
        super(endPoint, executor);
        this.echoing = echoing;
    }

    /** Makes the connection of this request an echoing one, once the response is complete. */
    public static void echo(Request request, Executor executor) {
        upgrade(request, executor, true);
    }

    /** Makes the connection of this request one that only reads, once the response is complete. */
    public static void read(Request request, Executor executor) {
        upgrade(request, executor, false);
    }

    private static void upgrade(Request request, Executor executor, boolean echoing) {
        EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
        request.setAttribute(
                HttpStream.UPGRADE_CONNECTION_ATTRIBUTE, new UpgradedConnection(endPoint, executor, echoing));
    }

    /** Sets the status and the fields of the response that switches the protocol. */
    public static void switchProtocols(Response response) {
        response.setStatus(101);
        response.getHeaders().put(HttpHeader.UPGRADE, "x");
        response.getHeaders().put(HttpHeader.CONNECTION, "Upgrade");
    }

    @Override
    public void onUpgradeTo(ByteBuffer sentBehindTheRequest) {}

    @Override
    public void onOpen() {
        super.onOpen();
        fillInterested();
    }

    @Override
    public void onFillable() {
        try {
            ByteBuffer buffer = BufferUtil.allocate(1024);
            int filled = getEndPoint().fill(buffer);
            if (filled < 0) {
                close();
            } else if (filled > 0 && echoing) {
                getEndPoint().write(Callback.from(this::fillInterested, x -> close()), buffer);
            } else {
                fillInterested();
            }
        } catch (IOException x) {
            close();
        }
    }
}
