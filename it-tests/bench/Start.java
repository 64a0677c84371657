import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.strictkeepalive.StrictKeepAlive;

/** Starts a server in a new process, and prints how many milliseconds that took. */
public class Start {
    public static void main(String[] arguments) throws Exception {
        long begin = System.nanoTime();
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        server.addConnector(connector);
        if (arguments[0].equals("strict")) {
            StrictKeepAlive.install(server);
        }
        server.start();
        System.out.printf("%.1f%n", (System.nanoTime() - begin) / 1e6);
        server.stop();
    }
}
