package org.strictkeepalive.examples;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class ServeCommandTest {
    private static Server start(String... flags) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("serve", "--port=0"));
        arguments.addAll(List.of(flags));
        CommandLine serve = Main.commandLine()
                .parseArgs(arguments.toArray(String[]::new))
                .subcommand()
                .commandSpec()
                .commandLine();
        Server server = ((ServeCommand) serve.getCommand()).newServer();
        server.start();
        return server;
    }

    private static Socket connect(Server server) throws IOException {
        ServerConnector connector = (ServerConnector) server.getConnectors()[0];
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort());
        socket.setSoTimeout(60_000);
        return socket;
    }

    private static Socket ask(Server server, String path) throws IOException {
        Socket socket = connect(server);
        ask(socket, path);
        return socket;
    }

    private static void ask(Socket socket, String path) throws IOException {
        socket.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--plain"})
    void stopFinishesRequestsAndDoesNotWaitForIdleConnections(String flag) throws Exception {
        Server server = flag.isEmpty() ? start() : start(flag);
        GracefulHandler handler = server.getDescendant(GracefulHandler.class);
        try (Socket idle = ask(server, "/");
                Socket silent = connect(server);
                Socket busy = connect(server)) {
            assertTrue(idle.getInputStream().read() > 0);
            assertTrue(silent.isConnected());
            await().until(() -> handler.getCurrentRequestCount() == 0);
            ask(busy, "/slow?ms=1500");
            await().until(() -> handler.getCurrentRequestCount() == 1);
            CompletableFuture<Void> stop = CompletableFuture.runAsync(() -> {
                try {
                    server.stop();
                } catch (Exception x) {
                    throw new IllegalStateException(x);
                }
            });
            String answer = new String(busy.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            assertTrue(answer.endsWith("Waited 1500 ms\n"), answer);
            // Half of Jetty's idle timeout, which a stop that waits for idle connections takes.
            stop.get(15, TimeUnit.SECONDS);
        } finally {
            server.stop();
        }
    }

    @Test
    void tlsHasAKeyOfItsOwn() throws Exception {
        Server server = start("--tls");
        try {
            SslContextFactory.Client client = new SslContextFactory.Client(true);
            client.start();
            try (Socket plain = connect(server);
                    SSLSocket socket = (SSLSocket)
                            client.getSslContext().getSocketFactory().createSocket(plain, "localhost", 0, true)) {
                socket.getOutputStream()
                        .write("GET / HTTP/1.1\r\nHost: any.test\r\nConnection: close\r\n\r\n"
                                .getBytes(StandardCharsets.US_ASCII));
                String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
                assertTrue(answer.endsWith("Hello, world!"), answer);
            } finally {
                client.stop();
            }
        } finally {
            server.stop();
        }
    }

    @Test
    void statusOfPlainTellsWhatCanBeKnown() throws Exception {
        Server server = start("--plain");
        try {
            JsonNode status = new ObjectMapper().valueToTree(PlainStatusHandler.status(server));
            assertTrue(status.get("descriptors").get("used").asInt() > 0, status::toString);
            assertTrue(status.get("descriptors").get("limit").asInt() > 0, status::toString);
            assertEquals(0, status.get("connections").get("open").asInt());
        } finally {
            server.stop();
        }
    }
}
