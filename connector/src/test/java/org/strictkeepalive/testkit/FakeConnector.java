package org.strictkeepalive.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import org.eclipse.jetty.server.AbstractConnector;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Server;

/** A connector without a socket, that nobody can connect to, and that remembers how its accept flag was set. */
public class FakeConnector extends AbstractConnector {
    public final List<Boolean> switches = new ArrayList<>();
    public Object transport;

    public FakeConnector(Server server, int acceptors, ConnectionFactory factory) {
        this(server, null, acceptors, factory);
    }

    public FakeConnector(Server server, Executor executor, int acceptors, ConnectionFactory factory) {
        super(server, executor, null, null, acceptors, factory);
        server.addConnector(this);
    }

    @Override
    protected void accept(int acceptorID) throws InterruptedException {
        new CountDownLatch(1).await();
    }

    @Override
    public void setAccepting(boolean accepting) {
        switches.add(accepting);
        super.setAccepting(accepting);
    }

    @Override
    public Object getTransport() {
        return transport;
    }
}
