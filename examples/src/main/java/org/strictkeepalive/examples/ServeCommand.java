package org.strictkeepalive.examples;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import org.eclipse.jetty.jmx.MBeanContainer;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.strictkeepalive.StrictKeepAliveConnectionFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A Jetty server with the connector. */
@Command(
        name = "serve",
        description = {
            "Runs a Jetty server with the strict keep-alive policy.",
            "Paths: / (Hello, world!), /slow?ms=N, /big?mib=N, /echo, /leak?n=K&ms=N;",
            "for operators /status (JSON), /live (a page on top of it), /metrics (Prometheus), /health."
        },
        footer = "Times are such as 500ms, 2s, 1m, 1h; 0 switches a limit off.",
        customSynopsis = "strict-keepalive-examples serve [OPTIONS]",
        sortOptions = false,
        mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
    private static final int ACCEPT_QUEUE_SIZE = 1024;
    private static final long STOP_TIMEOUT_MS = 30_000;
    private static final long IDLE_AT_STOP_MS = 250;

    @Option(names = "--port", defaultValue = "8080", description = "Port, 0 picks one. Default: ${DEFAULT-VALUE}.")
    private int port;

    @Option(
            names = "--host",
            defaultValue = "127.0.0.1",
            description = "Address to listen on, 0.0.0.0 for all. Default: ${DEFAULT-VALUE}.")
    private String host;

    @Option(names = "--plain", description = "Jetty's own connection factory, for comparison.")
    private boolean plain;

    @Option(names = "--tls", description = "TLS, with a self-signed key that is made at each start.")
    private boolean tls;

    @Option(
            names = "--idle-timeout",
            paramLabel = "TIME",
            defaultValue = "30s",
            description = "Idle timeout of the Jetty connector. Default: ${DEFAULT-VALUE}.")
    private Duration idleTimeout;

    @Option(names = "--allow-leak", description = "Allow /leak to hold descriptors open.")
    private boolean allowLeak;

    @Option(names = "--show-addresses", description = "Show the addresses of clients in /status and /live.")
    private boolean showAddresses;

    @Option(
            names = "--allow-drain",
            description = "Allow POST /health?drain=TIME and POST /health?resume from this machine.")
    private boolean allowDrain;

    @Option(names = "--jmx", description = "MBeans for everything, on the JVM's own MBean server.")
    private boolean jmx;

    private final PolicyOptions settings = new PolicyOptions();

    @Spec
    private CommandSpec spec;

    static void addPolicyOptions(CommandSpec spec) {
        spec.addArgGroup(((ServeCommand) spec.userObject()).settings.group());
    }

    @Override
    public Integer call() throws Exception {
        if (port < 0 || port > 65535) {
            throw new ParameterException(spec.commandLine(), "--port: " + port + " (expected: 0 to 65535)");
        }
        if (plain && !settings.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), "--plain: " + settings + " (expected: no setting of the policy)");
        }
        Server server;
        try {
            server = newServer();
        } catch (IllegalArgumentException x) {
            throw new ParameterException(spec.commandLine(), x.getMessage(), x);
        }
        try {
            server.start();
            server.setStopAtShutdown(true);
        } catch (IllegalArgumentException x) {
            server.stop();
            throw new ParameterException(spec.commandLine(), x.getMessage(), x);
        } catch (IOException x) {
            server.stop();
            throw new ParameterException(
                    spec.commandLine(),
                    "--host, --port: " + host + ", " + port
                            + " (expected: an address of this machine, and a port that is free, or 0)",
                    x);
        }
        // The address as asked for, since the server's own guess may be another.
        int local = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        String address = (tls ? "https" : "http") + "://" + host + ":" + local + "/";
        spec.commandLine().getOut().println("Listening on " + address);
        if (!plain) {
            spec.commandLine().getOut().println("Live page: " + address + "live");
        }
        spec.commandLine().getOut().flush();
        server.join();
        return 0;
    }

    Server newServer() throws IOException, GeneralSecurityException, InterruptedException {
        Server server = new Server();
        if (jmx) {
            server.addBean(new MBeanContainer(ManagementFactory.getPlatformMBeanServer()));
        }
        HttpConfiguration config = new HttpConfiguration();
        if (tls) {
            // The key is for no name in particular, so none is asked for.
            config.addCustomizer(new SecureRequestCustomizer(false));
        }
        HttpConnectionFactory factory = plain
                ? new HttpConnectionFactory(config)
                : new StrictKeepAliveConnectionFactory(config, settings.policy());
        ServerConnector connector = tls
                ? new ServerConnector(
                        server, new SslConnectionFactory(SelfSigned.context(), factory.getProtocol()), factory)
                : new ServerConnector(server, factory);
        connector.setHost(host);
        connector.setPort(port);
        connector.setIdleTimeout(idleTimeout.toMillis());
        connector.setAcceptQueueSize(ACCEPT_QUEUE_SIZE);
        // At a stop Jetty would shorten the idle timeout of requests in progress as well.
        connector.setShutdownIdleTimeout(-1);
        server.addConnector(connector);
        // Those of operators come last, so that plain and strict do the same for a request to be compared.
        Handler operators = plain ? new PlainStatusHandler() : new OperatorsHandler(showAddresses, allowDrain);
        server.setHandler(new Farewell(new Handler.Sequence(new ExampleHandler(allowLeak), operators)));
        server.setStopTimeout(STOP_TIMEOUT_MS);
        return server;
    }

    /** Lets requests in progress finish at a stop, and then doesn't wait for connections that are merely open. */
    private static final class Farewell extends GracefulHandler {
        private Farewell(Handler handler) {
            super(handler);
        }

        @Override
        public CompletableFuture<Void> shutdown() {
            return super.shutdown().whenComplete((ignored, failure) -> {
                for (Connector connector : getServer().getConnectors()) {
                    connector.getConnectedEndPoints().forEach(endPoint -> endPoint.setIdleTimeout(IDLE_AT_STOP_MS));
                }
            });
        }
    }
}
