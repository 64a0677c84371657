import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAliveListener;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.PressureLevel;
import org.strictkeepalive.StrictKeepAlive;

/** A server that is put under pressure by its standard input. */
public class Pressure {
    private static final int FEW = 100;

    private static volatile long changedAt;

    /**
     * {@code level}: opens files until the connections that are there feel it, closes them, and prints how many
     * milliseconds later the level changed, ten times each. {@code evict}: allows so few connections that nearly all have
     * to go, and prints the time.
     */
    public static void main(String[] arguments) throws Exception {
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost("127.0.0.1");
        connector.setIdleTimeout(600_000);
        server.addConnector(connector);
        server.setHandler(new Handler.Abstract.NonBlocking() {
            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                response.write(true, BufferUtil.toBuffer("Hello, world!"), callback);
                return true;
            }
        });
        StrictKeepAlive strict = StrictKeepAlive.install(server);
        server.start();
        DescriptorMonitor monitor = strict.getDescriptorMonitor();
        monitor.addListener(new KeepAliveListener() {
            @Override
            public void onPressureChanged(PressureLevel from, PressureLevel to, double pressure) {
                changedAt = System.nanoTime();
            }
        });
        System.out.println("Listening on http://127.0.0.1:" + connector.getLocalPort() + "/");
        for (Scanner input = new Scanner(System.in); input.hasNext(); ) {
            if (input.next().equals("evict")) {
                KeepAlivePolicy policy = strict.getPolicy().toBuilder().maxConnections(FEW).build();
                long begin = System.nanoTime();
                strict.setPolicy(policy);
                while (monitor.getOpenConnections() > FEW) {
                    Thread.sleep(1);
                }
                System.out.println("evicted " + begin + " " + System.nanoTime());
            } else {
                for (int i = 0; i < 10; i++) {
                    change(monitor);
                }
                System.out.println("done");
            }
        }
    }

    private static void change(DescriptorMonitor monitor) throws Exception {
        int open = monitor.getOpenConnections();
        // So many that the connections hold three quarters of their room.
        long free = monitor.getDescriptorLimit() - monitor.getUsedDescriptors();
        List<FileChannel> files = new ArrayList<>();
        changedAt = 0;
        for (long i = free - open / 3; i > 0; i--) {
            files.add(FileChannel.open(Path.of("/dev/null")));
        }
        awaitChange(System.nanoTime());
        changedAt = 0;
        long from = System.nanoTime();
        for (FileChannel file : files) {
            file.close();
        }
        awaitChange(from);
    }

    private static void awaitChange(long from) throws InterruptedException {
        while (changedAt == 0) {
            Thread.sleep(5);
        }
        System.out.printf("level %.1f%n", Math.max(0, changedAt - from) / 1e6);
        Thread.sleep(300);
    }
}
