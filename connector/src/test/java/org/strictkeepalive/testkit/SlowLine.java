package org.strictkeepalive.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.TimeUnit;

/** A line to a server for one client, which brings so many bytes each quarter of a second. */
public final class SlowLine implements AutoCloseable {
    private static final int BEAT_MS = 250;

    private final ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final Socket toServer = new Socket();
    private volatile Socket toClient = toServer;
    /** After the handshake, which passes at once. */
    private volatile boolean slow;

    public SlowLine(int serverPort, int bytes) throws IOException {
        toServer.setReceiveBufferSize(2048);
        toServer.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), serverPort), 60_000);
        Thread thread = new Thread(
                () -> {
                    try (Socket client = listener.accept()) {
                        toClient = client;
                        Thread up = new Thread(() -> pass(client, toServer, 0), "up");
                        up.setDaemon(true);
                        up.start();
                        pass(toServer, client, bytes);
                    } catch (IOException x) {
                        // Closed.
                    }
                },
                "down");
        thread.setDaemon(true);
        thread.start();
    }

    public int port() {
        return listener.getLocalPort();
    }

    public void slowDown() {
        slow = true;
    }

    private void pass(Socket from, Socket to, int bytes) {
        byte[] buffer = new byte[4096];
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            while (true) {
                boolean paced = slow && bytes > 0;
                int read = in.read(buffer, 0, paced ? bytes : buffer.length);
                if (read < 0) {
                    return;
                }
                out.write(buffer, 0, read);
                if (paced) {
                    TimeUnit.MILLISECONDS.sleep(BEAT_MS);
                }
            }
        } catch (IOException | InterruptedException x) {
            // Closed.
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        toClient.close();
        toServer.close();
    }
}
