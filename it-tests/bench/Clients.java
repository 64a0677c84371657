import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Clients that take one response and then wait for the server's FIN, or that go on asking. Times are those of the
 * system's monotonic clock, which all processes share.
 */
public class Clients {
    private static final byte[] GET = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private final long[] answered;
    private final long[] ended;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
    private int connected;
    private int answers;
    private int ends;

    private Clients(int count) {
        answered = new long[count];
        ended = new long[count];
    }

    /**
     * {@code hold PORT COUNT}: prints "ready", and the time of the last FIN once all have got theirs.
     * {@code fin PORT COUNT SECONDS (spread|once)}: opens them over the time or all at once, and prints how many
     * milliseconds the FIN was later than that time after the response: earliest, p99, latest.
     * {@code visit PORT SECONDS}: eight visitors, prints the time and microseconds of each of their requests.
     */
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[1]);
        int number = Integer.parseInt(arguments[2]);
        switch (arguments[0]) {
            case "hold" -> {
                Clients clients = new Clients(number);
                clients.run(port, 0, false);
                System.out.println(Arrays.stream(clients.ended).max().getAsLong());
            }
            case "fin" -> {
                Clients clients = new Clients(number);
                int seconds = Integer.parseInt(arguments[3]);
                clients.run(port, arguments[4].equals("spread") ? seconds : 0, true);
                clients.printLateness(TimeUnit.SECONDS.toNanos(seconds));
            }
            case "visit" -> visit(port, number);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private void run(int port, int spreadSeconds, boolean together) throws IOException {
        SocketChannel[] channels = new SocketChannel[answered.length];
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", port);
        try (Selector selector = Selector.open()) {
            long begin = System.nanoTime();
            long pace = spreadSeconds == 0 ? 0 : TimeUnit.SECONDS.toNanos(spreadSeconds) / channels.length;
            boolean hold = true;
            for (int opened = 0; ends < channels.length; ) {
                // Few at a time wait for their connection, so that the listen backlog holds them.
                while (opened < channels.length
                        && opened - connected < 200
                        && System.nanoTime() - begin >= pace * opened) {
                    SocketChannel channel = SocketChannel.open();
                    channel.configureBlocking(false);
                    channel.register(selector, SelectionKey.OP_CONNECT, opened);
                    channel.connect(address);
                    channels[opened++] = channel;
                }
                selector.select(key -> serve(key, !together || pace > 0), opened < channels.length ? 1 : 100);
                if (together && pace == 0 && hold && connected == channels.length) {
                    hold = false;
                    for (int i = 0; i < channels.length; i++) {
                        channels[i].write(ByteBuffer.wrap(GET));
                        if (i % 100 == 0) {
                            selector.select(key -> serve(key, false), 1); // A response is timed when it comes.
                        }
                    }
                } else if (!together && hold && answers == channels.length) {
                    hold = false;
                    System.out.println("ready");
                }
            }
        }
    }

    private void serve(SelectionKey key, boolean asksAtOnce) {
        try {
            SocketChannel channel = (SocketChannel) key.channel();
            int i = (int) key.attachment();
            if (key.isConnectable()) {
                channel.finishConnect();
                connected++;
                key.interestOps(SelectionKey.OP_READ);
                if (asksAtOnce) {
                    channel.write(ByteBuffer.wrap(GET));
                }
            } else if (channel.read(buffer.clear()) < 0) {
                ended[i] = System.nanoTime();
                ends++;
                channel.close();
            } else {
                answered[i] = System.nanoTime();
                answers++;
            }
        } catch (IOException x) {
            throw new IllegalStateException(x);
        }
    }

    private void printLateness(long time) {
        double[] late = new double[ended.length];
        for (int i = 0; i < late.length; i++) {
            late[i] = (ended[i] - answered[i] - time) / 1e6;
        }
        Arrays.sort(late);
        System.out.printf("%.1f %.1f %.1f%n", late[0], late[late.length * 99 / 100], late[late.length - 1]);
    }

    private static void visit(int port, int seconds) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/")).build();
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        Thread[] threads = new Thread[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                StringBuilder times = new StringBuilder();
                while (System.nanoTime() - end < 0) {
                    long begin = System.nanoTime();
                    try {
                        int status = client.send(request, BodyHandlers.discarding()).statusCode();
                        times.append(begin).append(' ').append((System.nanoTime() - begin) / 1000);
                        times.append(status == 200 ? "\n" : " failed\n");
                        Thread.sleep(5);
                    } catch (IOException | InterruptedException x) {
                        times.append(begin).append(" 0 failed\n");
                    }
                }
                synchronized (System.out) {
                    System.out.print(times);
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
