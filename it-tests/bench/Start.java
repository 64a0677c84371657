import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.strictkeepalive.StrictKeepAlive;

/**
 * Starts a server in a new process. Prints how many milliseconds install and start took, and how many passed from the
 * start of the process, which is given in nanoseconds, to the first answer.
 */
public class Start {
    public static void main(String[] arguments) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        long begin = System.nanoTime();
        if (arguments[0].equals("strict")) {
            StrictKeepAlive.install(server);
        }
        server.start();
        long started = System.nanoTime();
        try (Socket client = new Socket("127.0.0.1", connector.getLocalPort())) {
            client.getOutputStream().write("GET / HTTP/1.1\r\nHost: bench\r\n\r\n".getBytes(US_ASCII));
            if (client.getInputStream().read() < 0) {
                throw new IllegalStateException("no answer");
            }
        }
        Instant launched = Instant.EPOCH.plusNanos(Long.parseLong(arguments[1]));
        double first = Duration.between(launched, Instant.now()).toNanos() / 1e6;
        System.out.printf("%.1f %.1f%n", (started - begin) / 1e6, first);
        server.stop();
    }
}
