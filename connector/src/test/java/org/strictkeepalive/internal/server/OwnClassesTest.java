package org.strictkeepalive.internal.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.IO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.strictkeepalive.CloseReason;
import org.strictkeepalive.DescriptorMonitor;
import org.strictkeepalive.KeepAlivePolicy;
import org.strictkeepalive.StrictKeepAlive;

/** The classes lie in a directory, from which nothing can be loaded after the start. */
class OwnClassesTest {
    @Test
    void aStartedServerNeedsItsDirectoryNoMore(@TempDir Path directory) throws Exception {
        copy(StrictKeepAlive.class, directory);
        copy(OwnClassesTest.class, directory);
        try (OwnLoader loader = new OwnLoader(directory);
                Crowd crowd = loader.load()) {
            assertTrue(IO.delete(directory.toFile()));
            crowd.run();
        }
    }

    /** Copies the classes of this project from where that class lies. */
    private static void copy(Class<?> type, Path to) throws Exception {
        URI uri = type.getProtectionDomain().getCodeSource().getLocation().toURI();
        Path from = Path.of(uri);
        if (Files.isDirectory(from)) {
            copy(from, to);
        } else {
            try (FileSystem jar = FileSystems.newFileSystem(from)) {
                copy(jar.getPath("/"), to);
            }
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from.resolve("org"))) {
            files.forEach(file -> {
                try {
                    Path copy = to.resolve(from.relativize(file).toString());
                    if (!Files.isDirectory(copy)) {
                        Files.copy(file, copy);
                    }
                } catch (IOException x) {
                    throw new UncheckedIOException(x);
                }
            });
        }
    }

    /** Loads this project's classes by itself. */
    private static final class OwnLoader extends URLClassLoader {
        private OwnLoader(Path directory) throws IOException {
            super(new URL[] {directory.toUri().toURL()}, OwnClassesTest.class.getClassLoader());
        }

        private Crowd load() throws ReflectiveOperationException {
            return (Crowd) loadClass(FullServer.class.getName())
                    .getDeclaredConstructor()
                    .newInstance();
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("org.strictkeepalive.") || name.equals(Crowd.class.getName())) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                return known != null ? known : findClass(name);
            }
        }
    }

    /** The clients of a server. */
    public interface Crowd extends Runnable, AutoCloseable {}

    /** A server with as many clients as it has room for. */
    public static final class FullServer implements Crowd {
        private static final int ROOM = 4;

        private final Server server = new Server();
        private final ServerConnector connector = new ServerConnector(server);
        private final DescriptorMonitor monitor;
        private final List<Socket> clients = new ArrayList<>();

        public FullServer() throws Exception {
            server.addConnector(connector);
            monitor = StrictKeepAlive.install(
                            server,
                            KeepAlivePolicy.builder().maxConnections(ROOM).build())
                    .getDescriptorMonitor();
            server.start();
        }

        @Override
        public void run() {
            try {
                Socket visitor = connect();
                visitor.getOutputStream().write("GET / HTTP/1.1\r\nHost: test\r\n\r\n".getBytes(US_ASCII));
                assertEquals('H', visitor.getInputStream().read());
                for (int i = 1; i < ROOM; i++) {
                    connect();
                }
            } catch (IOException x) {
                throw new UncheckedIOException(x);
            }
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> monitor.getStatistics().getClosed(CloseReason.EVICTED) > 0);
            assertEquals(0, monitor.getProbeFailureCount());
        }

        private Socket connect() throws IOException {
            Socket client = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort());
            clients.add(client);
            return client;
        }

        @Override
        public void close() throws Exception {
            for (Socket client : clients) {
                client.close();
            }
            server.stop();
        }
    }
}
